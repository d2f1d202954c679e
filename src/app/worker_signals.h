/* SPDX-License-Identifier: MIT */
/* The signals of a worker process, taken on its loop. */
#pragma once

#include "io/wake.h"

/* What may be asked of a worker; called on the loop. */
struct worker_signal_ops {
    void (*drain)(void *owner);  /* TERM: finish what runs, then leave */
    void (*quit)(void *owner);   /* INT, QUIT: leave now */
    void (*reopen)(void *owner); /* USR1: reopen the log files */
};

/* Installs the handlers of the process. They only note the signal and wake the loop, so they work
 * while Python is stuck in C. `ops` and `owner` must stay. 0 or -errno. */
int worker_signals_start(struct loop *loop, const struct worker_signal_ops *ops, void *owner) MUST_CHECK;

/* Ignores the signals again and forgets the loop. */
void worker_signals_stop(struct loop *loop);
