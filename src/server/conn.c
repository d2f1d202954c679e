/* SPDX-License-Identifier: MIT */
/* The life of a connection: states, deadlines, and what ends it. conn_read.c and conn_write.c are its two
 * directions. All of it runs on the loop; the handler's thread only ever sees the exchange. A connection
 * whose handler still holds the exchange outlives its descriptor (CONN_GONE) until the handler lets go. */
#include "server/conn.h"

#include <stdio.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "http/h1_write.h"
#include "server/access_log.h"
#include "server/conn_internal.h"
#include "server/gate.h"

enum { LINGER_MS = 2000, DRAIN_FRESH_MS = 1000 };

static void due_close(struct conn *conn)
{
    conn_close(conn);
}

static void due_request(struct conn *conn)
{
    conn_refuse(conn, 408,
                conn->state == CONN_HEAD ? "the head took longer than header_timeout"
                                         : "the body paused longer than body_timeout");
}

static void due_send(struct conn *conn)
{
    log_write(conn->server->log, LOG_INFO, "client did not take the response within send_timeout: %s",
              conn_request_text(conn, (char[160]){ 0 }, 160).p);
    conn_close(conn);
}

/* Waiting for a thread is no part of the call: its deadline counts from its beginning. */
static msec call_time_left(const struct conn *conn)
{
    msec timeout = conn->server->config->call_timeout_ms;
    msec begun = atomic_load_explicit(&conn->exchange->begun_ms, memory_order_relaxed);
    return begun ? begun + timeout - conn->server->loop->now : timeout;
}

static void report_overdue(struct conn *conn)
{
    struct server *server = conn->server;
    conn->exchange->is_overdue = true;
    server->handler->overdue(server->handler_owner, conn->exchange);
}

static void due_call(struct conn *conn)
{
    struct server *server = conn->server;
    struct exchange *exchange = conn->exchange;
    if (conn->is_blocked) {
        due_send(conn);
        return;
    }
    if (output_is_finished(&exchange->output))
        return; /* just in time: its news are posted */
    msec left = call_time_left(conn);
    if (left > 0) {
        timer_set(server->loop, &conn->timer, left);
        return;
    }
    bool has_begun = exchange->transit.is_begun;
    output_abort(&exchange->output);
    if (!has_begun)
        conn_write_past_handler(conn, 504);
    report_overdue(conn);
    conn_close(conn);
}

/* The client has left, but the call has not ended within another timeout either. */
static void due_gone(struct conn *conn)
{
    if (!output_is_finished(&conn->exchange->output))
        report_overdue(conn);
}

struct state_row {
    const char *name;
    size_t timeout; /* offset of a msec in server_config; 0: none */
    void (*due)(struct conn *conn);
};

#define TIMEOUT(field) offsetof(struct server_config, field)

static const struct state_row states[] = {
    [CONN_IDLE] = { "idle", TIMEOUT(keepalive_ms), due_close },
    [CONN_HEAD] = { "reading head", TIMEOUT(header_timeout_ms), due_request },
    [CONN_BODY] = { "reading body", TIMEOUT(body_timeout_ms), due_request },
    [CONN_CALL] = { "in the application", TIMEOUT(call_timeout_ms), due_call },
    [CONN_SEND] = { "sending", TIMEOUT(send_timeout_ms), due_send },
    [CONN_LINGER] = { "lingering", 0, due_close },
    [CONN_GONE] = { "gone", TIMEOUT(call_timeout_ms), due_gone },
    [CONN_CLOSED] = { "closed", 0, due_close },
};

static msec state_timeout(const struct conn *conn)
{
    const struct server_config *config = conn->server->config;
    if (conn->state == CONN_LINGER)
        return LINGER_MS;
    if (conn->state == CONN_IDLE && conn->is_fresh)
        return conn->server->is_draining ? DRAIN_FRESH_MS : config->header_timeout_ms;
    if (conn->state == CONN_CALL && conn->is_blocked)
        return config->send_timeout_ms;
    size_t at = states[conn->state].timeout;
    return at ? *(const msec *)((const char *)config + at) : 0;
}

void conn_enter(struct conn *conn, enum conn_state state)
{
    conn->state = (uint8_t)state;
    msec timeout = state_timeout(conn);
    if (timeout)
        timer_set(conn->server->loop, &conn->timer, timeout);
    else
        timer_stop(&conn->timer);
}

static void on_due(struct timer *timer)
{
    struct conn *conn = CONTAINER_OF(timer, struct conn, timer);
    states[conn->state].due(conn);
}

static bool may_send(const struct conn *conn)
{
    return conn->exchange && conn->state < CONN_LINGER;
}

static void on_ready(struct watch *watch, uint32_t events)
{
    struct conn *conn = CONTAINER_OF(watch, struct conn, watch);
    bool takes_bytes = conn->state <= CONN_BODY || conn->state == CONN_LINGER;
    if ((events & EPOLLERR) || ((events & EPOLLHUP) && !takes_bytes)) {
        conn_close(conn);
        return;
    }
    if (events & (EPOLLRDHUP | EPOLLHUP))
        conn->is_ending = true;
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)) {
        conn->is_readable = true;
        conn_read(conn);
    }
    if ((events & EPOLLOUT) && conn->is_blocked && may_send(conn)) {
        conn->is_blocked = false;
        conn_flush(conn);
    }
}

static void conn_free(struct conn *conn)
{
    timer_done(conn->server->loop, &conn->timer);
    free(conn);
}

static void on_later(struct task *task)
{
    struct conn *conn = CONTAINER_OF(task, struct conn, later);
    bool sends = conn->sends_later && may_send(conn);
    conn->sends_later = false;
    if (conn->state == CONN_CLOSED)
        conn_free(conn);
    else if (sends)
        conn_flush(conn);
    else
        conn_read(conn);
}

void conn_on_news(struct task *task)
{
    struct exchange *exchange = CONTAINER_OF(task, struct exchange, news);
    struct conn *conn = exchange->conn;
    if (conn->state != CONN_GONE) {
        conn_flush(conn);
        return;
    }
    struct link dropped;
    link_init(&dropped);
    bool finished = output_take(&exchange->output, &dropped).is_finished;
    segments_release(&dropped);
    if (!finished)
        return;
    exchange->is_handled = false;
    if (!exchange->status)
        exchange->status = exchange->output.status;
    conn_close(conn);
}

void conn_open(struct server *server, int fd, unsigned listener, const union peer_address *peer)
{
    struct conn *conn = memory_zero(sizeof(*conn));
    conn->server = server;
    conn->watch = (struct watch){ .fd = fd, .on_ready = on_ready };
    conn->peer = *peer;
    conn->listener = (uint16_t)listener;
    conn->is_fresh = conn->is_readable = true;
    timer_init(&conn->timer, on_due);
    task_init(&conn->later, on_later);
    link_init(&conn->claim);
    link_init(&conn->link);
    list_append(&server->conns, &conn->link);
    server->n_conns++;
    int error = loop_watch(server->loop, &conn->watch, EPOLLIN | EPOLLRDHUP | EPOLLET);
    if (error) {
        log_write(server->log, LOG_ERROR, "cannot watch a connection: %s", strerror(-error));
        conn_close(conn);
        return;
    }
    gate_claim(server, conn);
    conn_enter(conn, CONN_IDLE);
    conn_read(conn);
}

str conn_request_text(const struct conn *conn, char *to, size_t size)
{
    const struct http_head *head = conn->exchange ? conn->exchange->head : NULL;
    str method = head && head->method_name.len ? head_slice(head, head->method_name) : STR("-");
    str target = head && head->target.len ? head_slice(head, head->target) : STR("-");
    int len = snprintf(to, size, "%.*s %.*s", STR_FMT(method), (int)size_min(target.len, 100), target.p);
    return str_make(to, size_min((size_t)len, size - 1));
}

static void log_access(struct exchange *exchange)
{
    if (exchange->is_logged || !exchange->status)
        return;
    exchange->is_logged = true;
    struct server *server = exchange->server;
    atomic_fetch_add_explicit(&server->stats->requests, 1, memory_order_relaxed);
    if (server->access_log)
        access_log_write(server->access_log, exchange);
}

static void drop_exchange(struct conn *conn)
{
    log_access(conn->exchange);
    segments_release(&conn->exchange->transit.sending);
    server_give_exchange(conn->server, conn->exchange);
    conn->exchange = NULL;
}

static void release_buffer(struct conn *conn)
{
    if (conn->in_cap == CONN_BUFFER && conn->in)
        server_give_buffer(conn->server, conn->in);
    else
        free(conn->in);
    conn->in = NULL;
    conn->in_len = conn->in_cap = 0;
}

static void close_descriptor(struct conn *conn)
{
    int fd = conn->watch.fd;
    if (fd < 0)
        return;
    loop_unwatch(conn->server->loop, &conn->watch);
    close(fd);
}

/* Without length and chunks only a reset tells the client that the end of the connection is not that of the
 * body (RFC 9112 section 8). */
static bool needs_reset(const struct exchange *exchange)
{
    const struct transit *transit = &exchange->transit;
    bool has_end = transit->is_chunked || transit->is_bodiless || exchange->output.has_length;
    return transit->is_begun && !has_end;
}

static void reset_on_close(const struct conn *conn)
{
    if (conn->watch.fd >= 0)
        setsockopt(conn->watch.fd, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger));
}

/* Whether a handler's thread may still be using the exchange; one that has not begun is taken back. */
static bool is_held(struct conn *conn)
{
    struct exchange *exchange = conn->exchange;
    if (!exchange || !exchange->is_handled)
        return false;
    struct server *server = conn->server;
    if (!server->handler->cancel(server->handler_owner, exchange))
        return true;
    exchange->is_handled = false;
    return false;
}

static void forget(struct conn *conn)
{
    struct server *server = conn->server;
    conn->state = CONN_CLOSED;
    link_remove(&conn->link);
    server->n_conns--;
    loop_defer(server->loop, &conn->later);
    if (server->is_draining && !server->n_conns && server->on_drained)
        server->on_drained(server);
}

void conn_close(struct conn *conn)
{
    if (conn->state == CONN_CLOSED)
        return;
    if (conn->exchange && needs_reset(conn->exchange))
        reset_on_close(conn);
    close_descriptor(conn);
    gate_unclaim(conn->server, conn);
    timer_stop(&conn->timer);
    if (is_held(conn)) {
        conn_enter(conn, CONN_GONE);
        if (conn->exchange->is_overdue)
            timer_stop(&conn->timer);
        log_access(conn->exchange);
        output_abort(&conn->exchange->output);
        return;
    }
    if (conn->exchange)
        drop_exchange(conn);
    release_buffer(conn);
    forget(conn);
}

void conn_refuse(struct conn *conn, int status, const char *reason)
{
    struct exchange *exchange = conn->exchange;
    char text[160];
    log_write(conn->server->log, LOG_INFO, "%d: %s (%s)", status, reason,
              conn_request_text(conn, text, sizeof(text)).p);
    gate_unclaim(conn->server, conn);
    struct output *output = &exchange->output;
    struct buf page = { 0 };
    h1_write_error_page(&page, status, STR_NONE);
    output->status = status;
    output->fields.len = 0;
    buf_append(&output->fields, STR("Content-Type: text/html\r\n"));
    output->has_length = true;
    output->length = page.len;
    output_set_head(output);
    output_push_copy(output, buf_str(&page));
    output_finish(output);
    buf_done(&page);
    conn->closes = conn->lingers = true;
    conn_enter(conn, CONN_SEND);
    conn_flush(conn);
}

static void linger(struct conn *conn)
{
    shutdown(conn->watch.fd, SHUT_WR);
    release_buffer(conn);
    conn->is_readable = true;
    conn_enter(conn, CONN_LINGER);
    loop_defer(conn->server->loop, &conn->later);
}

static uint32_t request_len(const struct conn *conn)
{
    const struct exchange *exchange = conn->exchange;
    return exchange->parser.head_len + (uint32_t)exchange->body.inplace.len;
}

/* The bytes behind the present request become the beginning of the next. */
static void consume_request(struct conn *conn)
{
    uint32_t used = request_len(conn);
    conn->in_len -= used;
    if (!conn->in_len)
        release_buffer(conn);
    else
        memmove(conn->in, conn->in + used, conn->in_len);
}

static void check_requests_most(struct server *server)
{
    uint64_t most = server->config->requests_most;
    if (most && !server->is_draining && atomic_load(&server->stats->requests) >= most)
        server->on_requests_most(server);
}

static void next_request(struct conn *conn)
{
    if (conn->in_len)
        conn_parse(conn);
    else if (conn->server->is_draining)
        conn_drain(conn);
    if (conn->is_readable && conn->state <= CONN_BODY)
        loop_defer(conn->server->loop, &conn->later);
}

/* The last response has left. A close while the client is sending would reset the connection, and the end of
 * the response might be lost with it (RFC 9112 section 9.6). */
static void finish_last(struct conn *conn)
{
    bool resets = conn->exchange->transit.is_cut && needs_reset(conn->exchange);
    bool is_sending = conn->lingers || conn->is_readable || conn->in_len > request_len(conn);
    if (resets)
        reset_on_close(conn);
    drop_exchange(conn);
    if (is_sending && !resets)
        linger(conn);
    else
        conn_close(conn);
}

void conn_finish_exchange(struct conn *conn)
{
    struct server *server = conn->server;
    log_access(conn->exchange); /* while the request's bytes are in place */
    if (conn->closes) {
        finish_last(conn);
    } else {
        consume_request(conn);
        drop_exchange(conn);
        conn_enter(conn, CONN_IDLE);
        next_request(conn);
    }
    check_requests_most(server);
}

/* Bytes that the kernel has already are a request under way, not an idle connection. */
void conn_drain(struct conn *conn)
{
    if (conn->state != CONN_IDLE)
        return;
    conn->is_readable = true;
    conn_read(conn);
    if (conn->state == CONN_IDLE && !conn->is_fresh)
        conn_close(conn);
    else if (conn->state == CONN_IDLE)
        conn_enter(conn, CONN_IDLE);
}

void conn_abort(struct conn *conn)
{
    conn_close(conn);
}
