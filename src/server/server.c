/* SPDX-License-Identifier: MIT */
/* A worker's server: pools, the cached date, draining. Owned by the program that embeds it; all calls
 * come from the loop's owner. */
#include "server/server.h"

#include "base/arena.h"
#include "base/clock.h"
#include "http/date.h"
#include "server/conn.h"
#include "server/gate.h"

enum { EXCHANGES_KEPT = 64, BUFFERS_KEPT = 64 };

static void before_wait(void *owner)
{
    struct server *server = owner;
    gate_update(server);
}

void server_start(struct server *server)
{
    link_init(&server->conns);
    link_init(&server->idle_exchanges);
    server->scratch = memory_alloc(SCRATCH_SIZE);
    gate_init(server);
    server->loop->before_wait = before_wait;
    server->loop->owner = server;
}

static void for_each_conn(struct server *server, void (*act)(struct conn *conn))
{
    struct link *next;
    for (struct link *link = server->conns.next; link != &server->conns; link = next) {
        next = link->next;
        act(CONTAINER_OF(link, struct conn, link));
    }
}

void server_drain(struct server *server)
{
    if (server->is_draining)
        return;
    server->is_draining = true;
    gate_shut(server);
    for_each_conn(server, conn_drain);
    if (!server->n_conns && server->on_drained)
        server->on_drained(server);
}

static void free_pools(struct server *server)
{
    struct link *link;
    while ((link = list_pop(&server->idle_exchanges)))
        exchange_free(CONTAINER_OF(link, struct exchange, job.link));
    while (server->idle_buffers) {
        char *buffer = server->idle_buffers;
        server->idle_buffers = *(char **)(void *)buffer;
        free(buffer);
    }
    free(server->scratch);
    server->scratch = NULL;
}

void server_done(struct server *server)
{
    server->is_draining = true;
    server->on_drained = NULL;
    gate_done(server);
    for_each_conn(server, conn_abort);
    loop_run_tasks(server->loop);
    server->loop->before_wait = NULL;
    free_pools(server);
}

str server_date(struct server *server)
{
    time_t now = clock_wall();
    if (now != server->date_at) {
        date_format(server->date, now);
        server->date_at = now;
    }
    return str_make(server->date, DATE_LEN);
}

struct exchange *server_take_exchange(struct server *server)
{
    struct link *link = list_pop(&server->idle_exchanges);
    if (!link)
        return exchange_new(server);
    server->n_idle_exchanges--;
    return CONTAINER_OF(link, struct exchange, job.link);
}

void server_give_exchange(struct server *server, struct exchange *exchange)
{
    exchange_reset(exchange);
    if (server->n_idle_exchanges >= EXCHANGES_KEPT) {
        exchange_free(exchange);
        return;
    }
    list_prepend(&server->idle_exchanges, &exchange->job.link);
    server->n_idle_exchanges++;
}

char *server_take_buffer(struct server *server)
{
    char *buffer = server->idle_buffers;
    if (!buffer)
        return memory_alloc(CONN_BUFFER);
    server->idle_buffers = *(char **)(void *)buffer;
    server->n_idle_buffers--;
    return buffer;
}

void server_give_buffer(struct server *server, char *buffer)
{
    if (server->n_idle_buffers >= BUFFERS_KEPT) {
        free(buffer);
        return;
    }
    *(char **)(void *)buffer = server->idle_buffers;
    server->idle_buffers = buffer;
    server->n_idle_buffers++;
}
