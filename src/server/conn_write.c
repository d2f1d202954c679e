/* SPDX-License-Identifier: MIT */
/* The response side of an HTTP/1.1 connection (RFC 9112 sections 6 and 7). Takes segments from the
 * exchange's output, frames them, and sends head and body together: a response of one item leaves in a
 * single call. A segment carries its own framing. */
#include <errno.h>

#include "base/arena.h"
#include "http/h1_write.h"
#include "http/status.h"
#include "io/stream.h"
#include "server/conn_internal.h"

/* What a connection may send before others get their turn: a client as fast as we are would never let go. */
enum { IOV_MOST = 32, SEND_A_TURN = 256 << 10 };

static void keep(struct segment *segment)
{
}

/* What the client and the response allow for the body's end (RFC 9112 section 6.3). */
static void choose_framing(struct conn *conn)
{
    struct exchange *exchange = conn->exchange;
    struct output *output = &exchange->output;
    struct transit *transit = &exchange->transit;
    transit->is_bodiless = status_has_no_body(output->status) || exchange->head->method == METHOD_HEAD;
    if (output->has_length)
        transit->length_left = output->length;
    else if (!transit->is_bodiless) {
        transit->is_chunked = exchange->head->version >= HTTP_1_1;
        conn->closes |= !transit->is_chunked;
    }
    if (status_has_no_body(output->status))
        output->has_length = false;
}

static void write_head(struct conn *conn)
{
    struct exchange *exchange = conn->exchange;
    struct output *output = &exchange->output;
    struct transit *transit = &exchange->transit;
    choose_framing(conn);
    conn->closes |= output->closes || conn->server->is_draining || !exchange->head->keep_alive ||
                    !conn->server->config->keepalive_ms;
    struct h1_response_head head = {
        .status = output->status,
        .reason = output->reason.len ? buf_str(&output->reason) : STR_NONE,
        .server = conn->server->config->server_token,
        .date = server_date(conn->server),
        .fields = buf_str(&output->fields),
        .length = output->has_length ? (int64_t)output->length : -1,
        .add_chunked = transit->is_chunked,
        .close = conn->closes,
        .keep_alive = !conn->closes && exchange->head->version == HTTP_1_0,
    };
    transit->head_bytes.len = 0;
    h1_write_head(&transit->head_bytes, &head);
    transit->head = (struct segment){
        .p = transit->head_bytes.p,
        .fd = -1,
        .is_frame = true,
        .len = transit->head_bytes.len,
        .release = keep,
    };
    list_append(&transit->sending, &transit->head.link);
    transit->is_begun = true;
    exchange->status = output->status;
}

static const char line_end[] = "\r\n";
enum { LINE_END = 2 };

static void free_segment(struct segment *segment)
{
    free(segment);
}

static void append_frame(struct exchange *exchange, str bytes)
{
    struct segment *segment = memory_alloc(sizeof(*segment) + bytes.len);
    *segment = (struct segment){
        .p = (char *)(segment + 1), .fd = -1, .is_frame = true, .len = bytes.len, .release = free_segment
    };
    memcpy(segment + 1, bytes.p, bytes.len);
    list_append(&exchange->transit.sending, &segment->link);
}

/* A 103 goes ahead of the response, as often as the application says; HTTP/1.0 knows none (RFC 8297). */
static void write_hints(struct exchange *exchange)
{
    struct buf bytes = { 0 };
    buf_append(&bytes, STR("HTTP/1.1 103 Early Hints\r\n"));
    output_take_hints(&exchange->output, &bytes);
    buf_append(&bytes, STR("\r\n"));
    if (exchange->head->version >= HTTP_1_1 && !exchange->transit.is_begun)
        append_frame(exchange, buf_str(&bytes));
    buf_done(&bytes);
}

/* Cuts what goes beyond the declared length; drops what the response may not have. */
static uint64_t allowed(struct transit *transit, const struct output *output, uint64_t len)
{
    if (transit->is_bodiless)
        return 0;
    if (!output->has_length)
        return len;
    uint64_t take = len < transit->length_left ? len : transit->length_left;
    transit->length_left -= take;
    return take;
}

static void frame_segment(struct exchange *exchange, struct segment *segment)
{
    struct transit *transit = &exchange->transit;
    uint64_t take = allowed(transit, &exchange->output, segment->len);
    if (take < segment->len)
        output_sent(&exchange->output, segment->len - take);
    segment->len = take;
    segment->prefix_len = segment->prefix_at = segment->suffix_left = 0;
    if (transit->is_chunked && take) {
        segment->prefix_len = (uint8_t)chunked_head(segment->prefix, take);
        segment->suffix_left = LINE_END;
    }
    list_append(&transit->sending, &segment->link);
}

static void frame_end(struct conn *conn, bool failed)
{
    struct transit *transit = &conn->exchange->transit;
    transit->is_whole = true;
    bool short_of_length = conn->exchange->output.has_length && !transit->is_bodiless && transit->length_left;
    if (failed || short_of_length) {
        transit->is_cut = conn->closes = true;
        return;
    }
    if (!transit->is_chunked)
        return;
    static const char last_chunk[] = "0\r\n\r\n";
    transit->last = (struct segment){
        .p = last_chunk,
        .fd = -1,
        .is_frame = true,
        .len = sizeof(last_chunk) - 1,
        .release = keep,
    };
    list_append(&transit->sending, &transit->last.link);
}

static void take_news(struct conn *conn)
{
    struct exchange *exchange = conn->exchange;
    struct link fresh;
    link_init(&fresh);
    struct output_news news = output_take(&exchange->output, &fresh);
    if (news.is_finished)
        exchange->is_handled = false;
    if (news.has_hints)
        write_hints(exchange);
    if (!news.has_head) {
        if (news.is_finished)
            conn->closes = exchange->transit.is_whole = exchange->transit.is_cut = true;
        return;
    }
    if (!exchange->transit.is_begun)
        write_head(conn);
    struct link *link;
    while ((link = list_pop(&fresh)))
        frame_segment(exchange, CONTAINER_OF(link, struct segment, link));
    if (news.is_finished && !exchange->transit.is_whole)
        frame_end(conn, news.is_failed);
}

static bool is_sent(const struct segment *segment)
{
    return segment->prefix_at == segment->prefix_len && !segment->len && !segment->suffix_left;
}

struct pieces {
    struct iovec iov[IOV_MOST];
    int count;
    size_t room; /* bytes that may still be added */
};

/* False when it did not fit, or not all of it. */
static bool add_piece(struct pieces *pieces, const char *p, size_t len)
{
    size_t take = size_min(len, pieces->room);
    if (take)
        pieces->iov[pieces->count++] = (struct iovec){ (char *)p, take };
    pieces->room -= take;
    return take == len;
}

/* What can leave in one call: up to the first range of a file. */
static void gather(const struct link *sending, struct pieces *pieces)
{
    for (const struct link *link = sending->next; link != sending; link = link->next) {
        const struct segment *segment = CONTAINER_OF(link, struct segment, link);
        bool is_file = !segment->p && segment->len;
        if (pieces->count + 3 > IOV_MOST ||
            !add_piece(pieces, segment->prefix + segment->prefix_at,
                       (size_t)(segment->prefix_len - segment->prefix_at)) ||
            is_file || !add_piece(pieces, segment->p, segment->len) ||
            !add_piece(pieces, line_end + LINE_END - segment->suffix_left, segment->suffix_left))
            return;
    }
}

static void drop_sent(struct link *sending)
{
    while (!list_is_empty(sending)) {
        struct segment *segment = CONTAINER_OF(sending->next, struct segment, link);
        if (!is_sent(segment))
            return;
        struct link one;
        link_init(&one);
        link_remove(&segment->link);
        list_append(&one, &segment->link);
        segments_release(&one);
    }
}

/* Takes `n` sent bytes off the front of the queue; returns how many of them were body. */
static uint64_t advance(struct link *sending, size_t n)
{
    uint64_t body = 0;
    for (struct link *link = sending->next; n; link = link->next) {
        struct segment *segment = CONTAINER_OF(link, struct segment, link);
        size_t prefix = size_min(n, (size_t)(segment->prefix_len - segment->prefix_at));
        segment->prefix_at = (uint8_t)(segment->prefix_at + prefix);
        n -= prefix;
        size_t data = size_min(n, segment->len);
        segment->p += data;
        segment->len -= data;
        n -= data;
        size_t suffix = size_min(n, segment->suffix_left);
        segment->suffix_left = (uint8_t)(segment->suffix_left - suffix);
        n -= suffix;
        body += segment->is_frame ? 0 : data;
    }
    drop_sent(sending);
    return body;
}

static ssize_t send_file(struct conn *conn, struct segment *segment, size_t most)
{
    most = size_min(segment->len, most);
    ssize_t n = stream_sendfile(conn->watch.fd, segment->fd, segment->offset, most);
    if (n == 0)
        return -EIO; /* the file is shorter than it was: the client must see the response cut */
    if (n > 0) {
        segment->offset += n;
        segment->len -= (uint64_t)n;
    }
    return n;
}

/* One system call, of `most` bytes. Body bytes sent are added to `*body`. */
static ssize_t send_some(struct conn *conn, size_t most, uint64_t *body)
{
    struct link *sending = &conn->exchange->transit.sending;
    struct pieces pieces = { .room = most };
    gather(sending, &pieces);
    if (pieces.count == 0) {
        ssize_t n = send_file(conn, CONTAINER_OF(sending->next, struct segment, link), most);
        if (n > 0)
            *body += (uint64_t)n;
        drop_sent(sending);
        return n;
    }
    struct segment *last = CONTAINER_OF(sending->prev, struct segment, link);
    ssize_t n = stream_sendv(conn->watch.fd, pieces.iov, pieces.count, !last->p && last->len);
    if (n > 0)
        *body += advance(sending, (size_t)n);
    return n;
}

static void watch_out(struct conn *conn)
{
    conn->is_blocked = true;
    if (conn->watches_out)
        return;
    conn->watches_out = true;
    int error = loop_rewatch(conn->server->loop, &conn->watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    if (error)
        conn_close(conn);
}

static void send_later(struct conn *conn)
{
    conn->sends_later = true;
    loop_defer(conn->server->loop, &conn->later);
}

/* Until all is sent (true), or it is the turn of others, the kernel takes no more, or the connection failed
 * (false). */
static bool send_all(struct conn *conn)
{
    struct exchange *exchange = conn->exchange;
    struct link *sending = &exchange->transit.sending;
    size_t left = SEND_A_TURN;
    uint64_t body = 0;
    ssize_t n = 1;
    drop_sent(sending);
    while (n > 0 && left && !list_is_empty(sending)) {
        n = send_some(conn, left, &body);
        left -= n > 0 ? (size_t)n : 0;
    }
    if (body) {
        exchange->body_sent += (int64_t)body;
        output_sent(&exchange->output, body);
    }
    if (n > 0 && list_is_empty(sending))
        return true;
    if (n > 0)
        send_later(conn);
    else if (n == -EAGAIN)
        watch_out(conn);
    else
        conn_close(conn);
    return false;
}

void conn_send_ahead(struct conn *conn, str bytes)
{
    append_frame(conn->exchange, bytes);
    send_all(conn);
}

void conn_flush(struct conn *conn)
{
    struct exchange *exchange = conn->exchange;
    if (conn->state == CONN_BODY) {
        send_all(conn);
        return;
    }
    take_news(conn);
    if (conn->is_blocked || conn->sends_later) {
        if (exchange->transit.is_whole && conn->state == CONN_CALL)
            conn_enter(conn, CONN_SEND);
        return;
    }
    bool sent = send_all(conn);
    if (conn->state >= CONN_LINGER)
        return;
    if (sent && exchange->transit.is_whole)
        conn_finish_exchange(conn);
    else
        conn_enter(conn, exchange->transit.is_whole ? CONN_SEND : CONN_CALL);
}

void conn_write_past_handler(struct conn *conn, int status)
{
    struct buf page = { 0 }, out = { 0 };
    h1_write_error_page(&page, status, STR_NONE);
    struct h1_response_head head = {
        .status = status,
        .server = conn->server->config->server_token,
        .date = server_date(conn->server),
        .fields = STR("Content-Type: text/html\r\n"),
        .length = (int64_t)page.len,
        .close = true,
    };
    h1_write_head(&out, &head);
    if (conn->exchange->head->method != METHOD_HEAD)
        buf_append(&out, buf_str(&page));
    struct iovec iov = { out.p, out.len };
    if (stream_sendv(conn->watch.fd, &iov, 1, false) > 0)
        conn->exchange->body_sent = (int64_t)page.len;
    conn->exchange->status = status;
    buf_done(&page);
    buf_done(&out);
}
