/* SPDX-License-Identifier: MIT */
/* Deadlines of workers. A worker's event loop writes its beat to the scoreboard; one without a beat for
 * `timeout` gets ABRT, so that it can say where it hangs, and KILL a second later. It counts no more from
 * the ABRT on, and neither does one that announced that it retires: their replacements start at once. Who
 * retires may serve on until the replacement is ready, so that a single worker leaves no gap. */
#include "master/watch.h"

#include <signal.h>

#include "base/clock.h"

static msec beat_deadline(struct master *master, const struct worker *worker)
{
    msec timeout = master_config_of(master, worker)->timeout_ms;
    if (timeout <= 0 || master->is_stopping || worker->standing == STANDING_ABORTED)
        return INT64_MAX;
    return master->board.slots[worker - master->workers].stats.beat_ms + timeout;
}

static void abort_worker(struct master *master, struct worker *worker, msec now)
{
    log_write(master->log, LOG_CRITICAL, "WORKER TIMEOUT (pid:%d)", (int)worker->pid);
    worker_signal(worker, SIGABRT);
    worker->standing = STANDING_ABORTED;
    worker->term_at_ms = 0;
    worker->kill_at_ms = now + ABORT_GRACE_MS;
}

static void kill_worker(struct worker *worker)
{
    bool is_stuck = worker->standing == STANDING_ABORTED;
    worker->killed_for = is_stuck ? "did not end after SIGABRT" : "did not leave within graceful_timeout";
    worker->kill_at_ms = 0;
    worker_signal(worker, SIGKILL);
}

static void begin_retirement(struct master *master, struct worker *worker, msec now)
{
    worker->standing = STANDING_LEAVING;
    worker->term_at_ms = now + master_config_of(master, worker)->graceful_timeout_ms;
}

static bool is_replaced(struct master *master, const struct worker *worker)
{
    const struct generation *generation = master_generation(master, worker->generation);
    return !generation || generation_count_ready(master, generation) >= generation->target;
}

static void watch(struct master *master, struct worker *worker, msec now)
{
    if (worker->standing == STANDING_MEMBER && worker_phase(master, worker) == WORKER_RETIRING)
        begin_retirement(master, worker, now);
    if (worker->term_at_ms && (now >= worker->term_at_ms || is_replaced(master, worker)))
        worker_retire(master, worker);
    if (worker->kill_at_ms && now >= worker->kill_at_ms)
        kill_worker(worker);
    else if (now > beat_deadline(master, worker) && !worker->killed_for)
        abort_worker(master, worker, now);
}

void workers_watch(struct master *master)
{
    msec now = clock_mono_ms();
    for (struct worker *worker = worker_first(master); worker; worker = worker_next(master, worker))
        watch(master, worker, now);
}

static msec earlier(msec a, msec b)
{
    return b && b < a ? b : a;
}

msec workers_next_deadline(struct master *master)
{
    msec soonest = INT64_MAX;
    for (struct worker *worker = worker_first(master); worker; worker = worker_next(master, worker)) {
        msec beat = worker->killed_for ? INT64_MAX : beat_deadline(master, worker);
        if (beat < soonest)
            soonest = beat + 1;
        soonest = earlier(soonest, worker->term_at_ms);
        soonest = earlier(soonest, worker->kill_at_ms);
    }
    return soonest;
}
