/* SPDX-License-Identifier: MIT */
/* Stopping. The master's own listening descriptors and the socket files go first, so that newcomers are
 * refused at once; the workers hold theirs until they have taken what was accepted. */
#include "master/stop.h"

#include <signal.h>
#include <stdio.h>

#include "base/clock.h"

enum { UNKILLABLE_MS = 5000 };

static void limit_life(struct worker *worker, msec at)
{
    if (!worker->killed_for && (!worker->kill_at_ms || worker->kill_at_ms > at))
        worker->kill_at_ms = at;
}

void stop_begin(struct master *master, int number, int exit_code, const char *reason)
{
    master->is_stopping = true;
    master->exit_code = exit_code;
    snprintf(master->reason, sizeof(master->reason), "%s", reason);
    binds_close(&master->next.binds, &master->current.binds, true);
    binds_close(&master->current.binds, NULL, true);
    msec limit = clock_mono_ms() + master->current.config.graceful_timeout_ms;
    master->give_up_ms = limit + UNKILLABLE_MS;
    for (struct worker *worker = worker_first(master); worker; worker = worker_next(master, worker)) {
        bool was_told = worker->standing == STANDING_LEAVING && !worker->term_at_ms;
        if (!was_told || number != SIGTERM)
            worker_signal(worker, number);
        worker->standing = STANDING_LEAVING;
        worker->term_at_ms = 0;
        limit_life(worker, limit);
    }
}

void stop_quicken(struct master *master)
{
    log_write(master->log, LOG_INFO, "Quick shutdown requested");
    msec limit = clock_mono_ms() + QUICK_STOP_MS;
    if (master->give_up_ms > limit + UNKILLABLE_MS)
        master->give_up_ms = limit + UNKILLABLE_MS;
    for (struct worker *worker = worker_first(master); worker; worker = worker_next(master, worker)) {
        worker_signal(worker, SIGQUIT);
        limit_life(worker, limit);
    }
}

bool stop_is_done(const struct master *master)
{
    return master->is_stopping && (master->n_alive == 0 || clock_mono_ms() >= master->give_up_ms);
}
