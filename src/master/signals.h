/* SPDX-License-Identifier: MIT */
/* The master's signals: the handlers only write the number to a pipe, and the main loop reads it. */
#pragma once

#include "base/defs.h"

struct signals {
    int read_fd; /* readable when a signal came */
};

/* One per process. Installs the handlers and unblocks what they are for. 0 or -errno. */
int signals_init(struct signals *signals) MUST_CHECK;

/* What was in force before signals_init comes back. */
void signals_done(struct signals *signals);

/* The next signal that came, in order; 0 when there is none. */
int signals_next(struct signals *signals);

/* Waits for a signal at most this long. Another descriptor may be waited for as well: -1, or one. */
void signals_wait(struct signals *signals, int other_fd, msec timeout_ms);

/* Around fork: a signal between fork and signals_reset_child would write to the master's pipe. */
void signals_block(void);
void signals_unblock_parent(void);

/* In a fresh child: default handlers, no pipe, nothing blocked; PIPE is ignored, and USR1 too until the
 * worker installs a handler, so that a rotation of logs kills no worker that starts. */
void signals_reset_child(struct signals *signals);

/* "SIGTERM"; "signal 35" for one without a name. Valid until the next call. */
const char *signal_name(int number);
