/* SPDX-License-Identifier: MIT */
/* The request side of an HTTP/1.1 connection: reads heads into the connection's buffer and bodies into
 * the exchange, and hands over what is complete. Edge-triggered: a short read means that the kernel has
 * no more, so a small request costs one recv. Fair: after READS_A_TURN the rest waits for the next turn. */
#include <errno.h>

#include "base/arena.h"
#include "base/clock.h"
#include "io/stream.h"
#include "server/conn_internal.h"
#include "server/gate.h"

enum { READS_A_TURN = 16, HEAD_MOST = 16 << 20, CHUNK_ROOM = 4096 };

static void grow_buffer(struct conn *conn)
{
    uint32_t cap = conn->in_cap * 2;
    char *bigger = memory_alloc(cap);
    memcpy(bigger, conn->in, conn->in_len);
    if (conn->in_cap == CONN_BUFFER)
        server_give_buffer(conn->server, conn->in);
    else
        free(conn->in);
    conn->in = bigger;
    conn->in_cap = cap;
    if (conn->exchange)
        conn->exchange->parser.head.base = bigger;
}

static void hand_over(struct conn *conn)
{
    struct server *server = conn->server;
    conn->is_fresh = false;
    gate_unclaim(server, conn);
    conn->exchange->is_handled = true;
    /* Of a 100 that the kernel has not taken: when it does, news may be read before their task runs. */
    conn->exchange->output.is_streamed = conn->is_blocked;
    conn_enter(conn, CONN_CALL);
    server->handler->handle(server->handler_owner, conn->exchange);
}

static void body_failed(struct conn *conn, int error)
{
    if (error == -EMSGSIZE) {
        conn_refuse(conn, 413, "the body is larger than limit_request_body");
        return;
    }
    log_write(conn->server->log, LOG_ERROR, "cannot buffer a request body: %s", strerror(-error));
    conn_refuse(conn, 500, "the body could not be buffered");
}

static int append_body(struct conn *conn, str data)
{
    struct exchange *exchange = conn->exchange;
    return body_append(&exchange->body, data, exchange->head->content_length, &conn->server->config->body);
}

/* Decodes the chunks behind the head; leaves there only what belongs to the next request. What came at once
 * is moved together first: a write for each chunk would let tiny chunks keep the loop busy. */
static void take_chunks(struct conn *conn)
{
    struct exchange *exchange = conn->exchange;
    char *start = conn->in + exchange->parser.head_len, *end = start;
    str in = str_make(start, conn->in_len - exchange->parser.head_len), data;
    enum chunked_result result;
    while ((result = chunked_next(&exchange->chunked, &in, &data)) == CHUNKED_DATA) {
        memmove(end, data.p, data.len);
        end += data.len;
    }
    int error = end > start ? append_body(conn, str_make(start, (size_t)(end - start))) : 0;
    if (error) {
        body_failed(conn, error);
        return;
    }
    if (in.len)
        memmove(start, in.p, in.len);
    conn->in_len = (uint32_t)(exchange->parser.head_len + in.len);
    if (result == CHUNKED_BAD)
        conn_refuse(conn, 400, exchange->chunked.reason);
    else if (result == CHUNKED_DONE)
        hand_over(conn);
}

static bool body_fits_buffer(const struct conn *conn)
{
    const struct exchange *exchange = conn->exchange;
    return exchange->head->content_length <= conn->in_cap - exchange->parser.head_len;
}

/* A body with a Content-Length: in place when it fits behind its head, else into the body buffer. */
static void take_sized(struct conn *conn)
{
    struct exchange *exchange = conn->exchange;
    uint64_t length = exchange->head->content_length;
    uint32_t head_len = exchange->parser.head_len;
    if (body_fits_buffer(conn)) {
        if (conn->in_len - head_len < length)
            return;
        exchange->body.inplace = str_make(conn->in + head_len, length);
        exchange->body.len = length;
        hand_over(conn);
        return;
    }
    if (conn->in_len == head_len)
        return;
    int error = append_body(conn, str_make(conn->in + head_len, conn->in_len - head_len));
    conn->in_len = head_len;
    if (error)
        body_failed(conn, error);
}

static void take_body(struct conn *conn)
{
    if (conn->exchange->head->is_chunked)
        take_chunks(conn);
    else
        take_sized(conn);
}

/* RFC 9110 section 10.1.1: only when the client still waits, that is, no byte of the body is here. */
static void send_continue(struct conn *conn)
{
    if (!conn->exchange->head->expects_continue || conn->in_len > conn->exchange->parser.head_len)
        return;
    conn_send_ahead(conn, STR("HTTP/1.1 100 Continue\r\n\r\n"));
}

static void head_done(struct conn *conn)
{
    struct exchange *exchange = conn->exchange;
    const struct http_head *head = exchange->head;
    uint64_t most = conn->server->config->body.most;
    if (most && head->content_length > most) {
        conn_refuse(conn, 413, "the body is larger than limit_request_body");
        return;
    }
    if (!head->is_chunked && !head->content_length) {
        hand_over(conn);
        return;
    }
    conn_enter(conn, CONN_BODY);
    send_continue(conn);
    if (conn->state == CONN_BODY)
        take_body(conn);
}

static void begin_exchange(struct conn *conn)
{
    struct exchange *exchange = server_take_exchange(conn->server);
    exchange->conn = conn;
    exchange->start_us = clock_mono_us();
    conn->exchange = exchange;
    h1_parser_init(&exchange->parser, &conn->server->config->head, exchange->fields, EXCHANGE_FIELDS);
    exchange->head = &exchange->parser.head;
    conn_enter(conn, CONN_HEAD);
}

/* Doubles, so that the arena holds little of what was outgrown. The parser asks below the limit only. */
static void grow_fields(struct exchange *exchange, uint32_t most)
{
    struct http_head *head = &exchange->parser.head;
    uint32_t cap = (uint32_t)size_min((size_t)head->cap_fields * 2, most ? most : H1_FIELDS_MOST);
    struct http_field *fields = arena_alloc(&exchange->arena, cap * sizeof(*fields));
    memcpy(fields, head->fields, head->n_fields * sizeof(*fields));
    head->fields = fields;
    head->cap_fields = cap;
}

static void need_more_head(struct conn *conn)
{
    if (conn->in_len < conn->in_cap)
        return;
    if (conn->in_cap >= HEAD_MOST)
        conn_refuse(conn, 431, "the head is too large");
    else
        grow_buffer(conn);
}

void conn_parse(struct conn *conn)
{
    if (conn->state == CONN_IDLE)
        begin_exchange(conn);
    struct exchange *exchange = conn->exchange;
    exchange->parser.head.base = conn->in;
    enum h1_result result;
    while ((result = h1_parse_head(&exchange->parser, conn->in, conn->in_len)) == H1_GROW)
        grow_fields(exchange, conn->server->config->head.fields);
    exchange->parser.head.base = conn->in;
    if (result == H1_DONE)
        head_done(conn);
    else if (result == H1_BAD)
        conn_refuse(conn, exchange->parser.status, exchange->parser.reason);
    else
        need_more_head(conn);
}

/* Where the next bytes go, and how many may come. */
static str read_room(struct conn *conn)
{
    const struct exchange *exchange = conn->exchange;
    bool sized = conn->state == CONN_BODY && !exchange->head->is_chunked;
    if (conn->state == CONN_LINGER)
        return str_make(conn->server->scratch, SCRATCH_SIZE);
    if (sized && !body_fits_buffer(conn)) {
        uint64_t left = exchange->head->content_length - exchange->body.len;
        return str_make(conn->server->scratch, left < SCRATCH_SIZE ? left : SCRATCH_SIZE);
    }
    if (!conn->in) {
        conn->in = server_take_buffer(conn->server);
        conn->in_cap = CONN_BUFFER;
        conn->in_len = 0;
    }
    if (conn->state == CONN_BODY && !sized && conn->in_cap - conn->in_len < CHUNK_ROOM)
        grow_buffer(conn);
    return str_make(conn->in + conn->in_len, conn->in_cap - conn->in_len);
}

static void take_scratch(struct conn *conn, size_t n)
{
    int error = append_body(conn, str_make(conn->server->scratch, n));
    if (error)
        body_failed(conn, error);
    else if (conn->exchange->body.len == conn->exchange->head->content_length)
        hand_over(conn);
}

static void on_bytes(struct conn *conn, bool in_scratch, size_t n)
{
    if (conn->state == CONN_LINGER)
        return;
    if (!in_scratch)
        conn->in_len += (uint32_t)n;
    if (conn->state == CONN_BODY) {
        conn_enter(conn, CONN_BODY); /* the deadline runs between reads */
        if (in_scratch)
            take_scratch(conn, n);
        else
            take_body(conn);
        return;
    }
    conn_parse(conn);
}

static bool may_read(const struct conn *conn)
{
    return conn->is_readable && (conn->state <= CONN_BODY || conn->state == CONN_LINGER);
}

/* The peer will send nothing more. Without a complete request there is nothing to answer. */
static void on_end(struct conn *conn)
{
    if (conn->state == CONN_HEAD || conn->state == CONN_BODY)
        log_write(conn->server->log, LOG_DEBUG, "client closed the connection in the middle of a request");
    conn_close(conn);
}

void conn_read(struct conn *conn)
{
    for (int i = 0; may_read(conn); i++) {
        if (i == READS_A_TURN) {
            loop_defer(conn->server->loop, &conn->later);
            return;
        }
        str room = read_room(conn);
        ssize_t n = stream_recv(conn->watch.fd, (char *)room.p, room.len);
        if (n == -EAGAIN || (n > 0 && (size_t)n < room.len && !conn->is_ending))
            conn->is_readable = false;
        if (n > 0)
            on_bytes(conn, room.p == conn->server->scratch, (size_t)n);
        else if (n != -EAGAIN)
            on_end(conn);
    }
    if (conn->state == CONN_IDLE && conn->in && !conn->in_len) {
        server_give_buffer(conn->server, conn->in);
        conn->in = NULL;
    }
}
