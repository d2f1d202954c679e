/* SPDX-License-Identifier: MIT */
/* The master process: it owns the listeners, the scoreboard and the workers, and never runs the
 * application. What a worker is, is its caller's business (struct master_ops). */
#pragma once

#include "base/log.h"
#include "base/stats.h"
#include "io/listener.h"

/* What the master needs of the settings. Strings are the caller's and stay until `release`. */
struct master_config {
    const char *program; /* "galley", for logs and the process title */
    const char *version;
    const char *worker_kind;  /* for "Using worker: sync" */
    const char *title;        /* what stands in the brackets of the process title */
    const char *const *binds; /* NULL terminated, forms of address_parse */
    struct listener_options listen;
    int workers;
    msec timeout_ms;          /* a worker without a beat for so long is killed; 0: never */
    msec graceful_timeout_ms; /* from TERM to KILL */
    const char *pidfile;      /* NULL: none */
    uid_t uid;
    gid_t gid;
    void *settings; /* the caller's, handed to the workers of this configuration in their seat */
};

/* A worker's place. The pointers stay valid as long as the worker process lives. */
struct worker_seat {
    const struct master_config *config; /* the one this worker belongs to: not always the newest */
    unsigned age;                       /* counts every worker ever started, from 1: gunicorn's worker.age */
    struct worker_stats *stats;
    const struct worker_stats *const *all_stats; /* of all slots, for fair accept; own one included */
    int n_all_stats;
    const _Atomic int *n_used; /* slots from this one on were never used; grows, never shrinks */
    const struct listener *listeners;
    int n_listeners;
    int master_fd; /* readable (EOF) as soon as the master is gone */
    /* One byte written here makes the master look at the slots (phase changed). A worker that announces
     * WORKER_RETIRING is replaced; it may leave by itself, and gets TERM once the replacement is ready. */
    int nudge_fd; /* an eventfd that all workers share: passes on a wake-up that its worker cannot use */
    int notify_fd;
};

/* Exit codes of a worker that stop the whole server, as gunicorn's. */
enum { EXIT_WORKER_BOOT = 3, EXIT_APP_LOAD = 4 };

struct master_ops {
    /* fork(2), with whatever must happen around it. Called with all signals blocked. */
    pid_t (*fork)(void *owner);
    /* Runs in the child with default signal handlers, except that PIPE and USR1 are ignored; what it
     * returns goes to _exit, so everything that must be flushed is flushed by then. */
    int (*run_worker)(void *owner, const struct worker_seat *seat);
    /* On HUP: reads the configuration again. False keeps the old one (the reason is logged). */
    bool (*reload)(void *owner, struct master_config *out);
    /* The master needs `config` no longer: it was replaced, or its workers did not boot. May be NULL. */
    void (*release)(void *owner, const struct master_config *config);
    /* On USR1, and on HUP. */
    void (*reopen_logs)(void *owner);
};

/* Opens the listeners, starts the workers and supervises them until told to stop; returns the exit
 * code of the program. `log` is borrowed. Signal handlers of before are back when it returns. */
int master_run(const struct master_config *config, const struct master_ops *ops, void *owner,
               struct log *log);
