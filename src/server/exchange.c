/* SPDX-License-Identifier: MIT */
/* Exchanges are made once and reused: the pool in server.c keeps their arenas and buffers warm. While a
 * handler has one, only `output` is shared between its thread and the loop, under output.lock. */
#include "server/exchange.h"

#include "base/arena.h"
#include "server/conn.h"

enum { ARENA_BLOCK = 4096, HEAD_BYTES = 1024, KEPT_BYTES = 8192 };

struct exchange *exchange_new(struct server *server)
{
    struct exchange *exchange = memory_zero(sizeof(*exchange));
    exchange->server = server;
    arena_init(&exchange->arena, ARENA_BLOCK);
    body_init(&exchange->body);
    output_init(&exchange->output);
    task_init(&exchange->news, conn_on_news);
    task_init(&exchange->job, NULL);
    link_init(&exchange->transit.sending);
    link_init(&exchange->transit.head.link);
    link_init(&exchange->transit.last.link);
    buf_reserve(&exchange->transit.head_bytes, HEAD_BYTES);
    return exchange;
}

void exchange_free(struct exchange *exchange)
{
    if (!exchange)
        return;
    arena_done(&exchange->arena);
    body_done(&exchange->body);
    output_done(&exchange->output);
    segments_release(&exchange->transit.sending);
    buf_done(&exchange->transit.head_bytes);
    buf_done(&exchange->notes);
    free(exchange);
}

static void reset_transit(struct transit *transit)
{
    segments_release(&transit->sending);
    struct buf bytes = transit->head_bytes;
    if (bytes.cap > KEPT_BYTES)
        buf_done(&bytes);
    *transit = (struct transit){ .head_bytes = bytes };
    link_init(&transit->sending);
    link_init(&transit->head.link);
    link_init(&transit->last.link);
}

void exchange_reset(struct exchange *exchange)
{
    if (exchange->output.is_streamed)
        loop_unpost(exchange->server->loop, &exchange->news);
    reset_transit(&exchange->transit);
    output_reset(&exchange->output);
    body_done(&exchange->body);
    arena_reset(&exchange->arena);
    exchange->notes.len = 0;
    exchange->chunked = (struct chunked){ 0 };
    exchange->conn = NULL;
    exchange->head = NULL;
    atomic_store_explicit(&exchange->begun_ms, 0, memory_order_relaxed);
    exchange->body_sent = 0;
    exchange->status = 0;
    exchange->is_handled = exchange->is_overdue = exchange->is_logged = false;
}

void exchange_post(struct exchange *exchange)
{
    pthread_mutex_lock(&exchange->output.lock);
    exchange->output.is_streamed = true;
    loop_post(exchange->server->loop, &exchange->news);
    pthread_mutex_unlock(&exchange->output.lock);
}

/* Posted under the lock: the loop, having seen is_finished, can be sure that no post is to come. */
void exchange_finish(struct exchange *exchange, bool ok)
{
    pthread_mutex_lock(&exchange->output.lock);
    exchange->output.is_finished = true;
    exchange->output.is_failed = !ok;
    loop_post(exchange->server->loop, &exchange->news);
    pthread_mutex_unlock(&exchange->output.lock);
}

void exchange_peer(const struct exchange *exchange, char host[ADDRESS_TEXT_MAX], uint16_t *out_port)
{
    struct sockaddr_storage sa = { 0 };
    memcpy(&sa, &exchange->conn->peer, sizeof(exchange->conn->peer));
    address_format_host(&sa, host);
    *out_port = address_port(&sa);
}

unsigned exchange_listener(const struct exchange *exchange)
{
    return exchange->conn->listener;
}
