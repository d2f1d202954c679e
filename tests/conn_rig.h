/* SPDX-License-Identifier: MIT */
/* For tests and fuzz targets: a server on a real loop whose clients are the test itself, over socket pairs
 * or TCP, and whose handler does what the test says. What the kernel takes of a response can be cut short
 * at will; link with -Wl,--wrap=stream_sendv,--wrap=stream_sendfile (tests/meson.build has it). */
#pragma once

#include "server/conn.h"

struct rig {
    struct loop loop;
    struct log log;
    struct server_config config; /* may be changed before rig_start */
    struct worker_stats stats;
    struct worker_stats peer; /* another worker, as it shows itself */
    const struct worker_stats *all_stats[2];
    _Atomic int n_stats; /* 2: there is one */
    int nudge_fd;        /* -1, or an eventfd that it shares with the peer */
    int n_idle;          /* threads of the handler that seem idle */
    struct server server;
    struct listener listener; /* of TCP connections; the server's only after rig_listen */
    bool has_listener;
    /* Called for each complete request. NULL: it waits in `calls` until rig_next_call. */
    void (*answer)(struct rig *rig, struct exchange *exchange);
    bool (*cancel)(struct rig *rig, struct exchange *exchange); /* with `answer`; NULL: never */
    struct link calls;                                          /* by exchange->job.link */
    void *owner;
    unsigned n_calls, n_overdue, n_drained, n_retired;
};

/* Limits that no test meets by chance, no deadlines. Ends the process when the system refuses. */
void rig_init(struct rig *rig);
void rig_start(struct rig *rig);
void rig_done(struct rig *rig);

/* Before rig_start: the server accepts by itself what rig_knock lets wait. */
void rig_listen(struct rig *rig);
int rig_knock(struct rig *rig);

/* The client's end of a new connection, non-blocking: AF_UNIX or AF_INET. */
int rig_connect(struct rig *rig, int family);

/* The newest connection; NULL when there is none. */
struct conn *rig_conn(struct rig *rig);

/* One turn of the loop. True when something happened. */
bool rig_turn(struct rig *rig);
/* Turns until nothing happens any more; not for what only time brings. */
void rig_settle(struct rig *rig);
/* Turns until `has_come_true`, some seconds at most; false then. */
bool rig_wait(struct rig *rig, bool (*has_come_true)(struct rig *rig));

/* The oldest request that waits, taken out; NULL when there is none. */
struct exchange *rig_next_call(struct rig *rig);

/* A whole answer: 200 with a declared length. */
void rig_answer(struct exchange *exchange, str body);
/* The pieces of one. `length` -1: not declared. */
void rig_begin(struct exchange *exchange, int status, int64_t length);
void rig_push(struct exchange *exchange, str data);

/* Client: sends all of it, turning the loop while the kernel takes no more. */
void rig_send(struct rig *rig, int client, str data);
/* Client: what has come so far is appended; false at the end of the connection. *out_error, when not NULL,
 * tells a reset (-ECONNRESET) from an end (0). */
bool rig_receive(int client, struct buf *to, int *out_error);
/* Client: settles and reads until nothing more comes. True when the connection has ended. */
bool rig_receive_all(struct rig *rig, int client, struct buf *to);

/* How many bytes the next system call that sends may take: 0 is -EAGAIN, SIZE_MAX is no limit. NULL: none at
 * all. Connections that were blocked this way are told at the end of the turn that there is room. */
extern size_t (*rig_send_room)(void);
