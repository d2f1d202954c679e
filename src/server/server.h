/* SPDX-License-Identifier: MIT */
/* What all connections of a worker share: limits, the handler, pools, the accept gate. */
#pragma once

#include "base/log.h"
#include "base/stats.h"
#include "io/listener.h"
#include "io/loop.h"
#include "server/exchange.h"

struct access_log;

/* Who answers requests. All functions are called on the loop. */
struct handler {
    /* A complete request; returns at once. The exchange is the handler's until it is finished. */
    void (*handle)(void *owner, struct exchange *exchange);
    /* Takes an exchange back that has not begun yet. False when it is running. */
    bool (*cancel)(void *owner, struct exchange *exchange);
    /* A running exchange passed its deadline; its client has been answered. */
    void (*overdue)(void *owner, struct exchange *exchange);
    /* How many further requests could run at once now; 0 closes the accept gate. */
    int (*idle)(void *owner);
    /* How many complete requests wait. */
    int (*queued)(void *owner);
};

struct server_config {
    struct h1_limits head;
    struct body_limits body;
    uint64_t output_most;   /* bytes of a response that may wait for a client */
    msec header_timeout_ms; /* each of these: 0 is none */
    msec body_timeout_ms;
    msec keepalive_ms; /* 0: no keep-alive at all */
    msec send_timeout_ms;
    msec call_timeout_ms;
    unsigned connections_most;
    uint64_t requests_most; /* then the worker retires; 0: never */
    str server_token;       /* value of the Server field */
};

struct listener_watch;

struct gate {
    struct listener_watch *watches; /* one a listener */
    struct watch nudge;             /* another worker was woken for a connection that it cannot take */
    struct link claims;             /* new connections whose first request is on its way, oldest first */
    unsigned n_claims;
    bool is_open;
    bool is_paused;     /* out of descriptors: shut for a while */
    msec complained_at; /* … and when the log last said so; 0: never */
    struct timer recheck;
};

struct server {
    struct loop *loop;
    struct log *log;
    const struct server_config *config;
    const struct handler *handler;
    void *handler_owner;
    struct access_log *access_log; /* NULL: off */
    struct worker_stats *stats;
    const struct worker_stats *const *peers; /* stats of all workers, own included */
    const _Atomic int *n_peers;              /* grows as workers are added */
    int nudge_fd;                            /* an eventfd shared by all workers; -1: there are no others */
    const struct listener *listeners;
    unsigned n_listeners;

    struct gate gate;
    struct link conns;
    unsigned n_conns;
    struct link idle_exchanges; /* pool; linked by `job.link` */
    unsigned n_idle_exchanges;
    char *idle_buffers; /* pool of CONN_BUFFER byte blocks, chained through their first bytes */
    unsigned n_idle_buffers;
    char *scratch; /* SCRATCH_SIZE bytes for reading bodies */
    char date[32];
    time_t date_at;

    bool is_draining;
    void (*on_drained)(struct server *server);       /* draining, and the last connection has gone */
    void (*on_requests_most)(struct server *server); /* requests_most reached */
    void *owner;
};

enum { CONN_BUFFER = 16384, SCRATCH_SIZE = 131072 };

/* The caller has filled in loop … n_listeners, the callbacks and owner; the rest is zero. Accepting
 * begins with the loop's next turn. */
void server_start(struct server *server);

/* Stops accepting and closes what is idle; running exchanges finish and close their connections. */
void server_drain(struct server *server);

/* Closes everything at once and frees what the server owns. */
void server_done(struct server *server);

/* IMF-fixdate of now, cached for a second. */
str server_date(struct server *server);

struct exchange *server_take_exchange(struct server *server);
void server_give_exchange(struct server *server, struct exchange *exchange);
char *server_take_buffer(struct server *server);
void server_give_buffer(struct server *server, char *buffer);
