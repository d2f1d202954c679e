/* SPDX-License-Identifier: MIT */
/* The body of a response, from Python objects to segments. Nothing is handed over before the first non-empty
 * item, so that until then an error can still become a clean 500. Items of up to COPY_MOST bytes are copied;
 * larger ones are sent from the bytes object itself, whose reference is dropped later (drops.h), since the
 * loop has no GIL. */
#include "app/respond.h"

#include "app/crew.h"
#include "app/drops.h"
#include "base/arena.h"
#include "server/server.h"

enum { ARENA_MOST = 2048, COPY_MOST = 16384, PUMP_AT = 65536 };

bool call_send_head(struct call *call)
{
    if (call->has_head)
        return true;
    if (!call->has_response) {
        PyErr_SetString(PyExc_AssertionError, "the application did not call start_response()");
        return false;
    }
    call->has_head = true;
    output_set_head(&call->exchange->output);
    return true;
}

static void keep(struct segment *segment)
{
}

/* A small first item lies in the exchange's arena, which costs nothing. */
static bool push_in_arena(struct exchange *exchange, str data)
{
    struct segment *segment = arena_alloc(&exchange->arena, sizeof(*segment) + data.len);
    char *bytes = (char *)(segment + 1);
    memcpy(bytes, data.p, data.len);
    *segment = (struct segment){ .p = bytes, .fd = -1, .len = data.len, .release = keep };
    return output_push(&exchange->output, segment);
}

/* A segment over a bytes object, whose reference the loop cannot drop: it has no GIL. */
struct bytes_segment {
    struct drop drop; /* first, so that freeing it frees all */
    struct segment segment;
    struct drops *drops;
};

static void release_bytes(struct segment *segment)
{
    struct bytes_segment *own = CONTAINER_OF(segment, struct bytes_segment, segment);
    drops_add(own->drops, &own->drop);
}

static bool push_reference(struct call *call, PyObject *bytes)
{
    struct bytes_segment *own = memory_alloc(sizeof(*own));
    *own = (struct bytes_segment){
        .drop = { .object = Py_NewRef(bytes) },
        .segment = {
            .p = PyBytes_AS_STRING(bytes),
            .fd = -1,
            .len = (uint64_t)PyBytes_GET_SIZE(bytes),
            .release = release_bytes,
        },
        .drops = call->drops,
    };
    return output_push(&call->exchange->output, &own->segment);
}

static bool push(struct call *call, PyObject *bytes, bool is_first)
{
    str data = str_make(PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
    if (is_first && data.len <= ARENA_MOST)
        return push_in_arena(call->exchange, data);
    if (data.len <= COPY_MOST)
        return output_push_copy(&call->exchange->output, data);
    return push_reference(call, bytes);
}

/* Blocks until the client has taken enough. The loop goes to another thread first. */
static bool wait_for_client(struct call *call, uint64_t most)
{
    bool ok;
    crew_give_away(call->crew);
    Py_BEGIN_ALLOW_THREADS;
    ok = output_wait(&call->exchange->output, most / 2 + 1);
    Py_END_ALLOW_THREADS;
    return ok;
}

/* The item as a segment, behind the head. */
static enum call_progress push_item(struct call *call, PyObject *bytes)
{
    if (!PyBytes_Check(bytes)) {
        PyErr_Format(PyExc_TypeError, "the application's iterable must yield bytes, not %.100s",
                     Py_TYPE(bytes)->tp_name);
        return CALL_ERROR;
    }
    if (PyBytes_GET_SIZE(bytes) == 0)
        return CALL_GO_ON;
    bool is_first = !call->has_head;
    if (!call_send_head(call))
        return CALL_ERROR;
    return push(call, bytes, is_first) ? CALL_GO_ON : CALL_CLIENT_GONE;
}

enum call_progress call_send_last_item(struct call *call, PyObject *bytes)
{
    return push_item(call, bytes);
}

enum call_progress call_send_item(struct call *call, PyObject *bytes)
{
    enum call_progress progress = push_item(call, bytes);
    if (progress != CALL_GO_ON || PyBytes_GET_SIZE(bytes) == 0)
        return progress;
    struct exchange *exchange = call->exchange;
    uint64_t most = exchange->server->config->output_most;
    drops_empty(call->drops);
    exchange_post(exchange);
    if (output_is_over(&exchange->output, size_min(PUMP_AT, most)))
        crew_pump(call->crew);
    if (output_is_over(&exchange->output, most) && !wait_for_client(call, most))
        return CALL_CLIENT_GONE;
    return CALL_GO_ON;
}
