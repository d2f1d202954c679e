/* SPDX-License-Identifier: MIT */
/* Questions about the master's state, and the two ways to act on a single worker. */
#include "master/state.h"

#include <signal.h>

#include "base/clock.h"

static struct worker *from(struct master *master, struct worker *worker)
{
    for (; worker < master->workers + master->n_places; worker++)
        if (worker->pid)
            return worker;
    return NULL;
}

struct worker *worker_first(struct master *master)
{
    return from(master, master->workers);
}

struct worker *worker_next(struct master *master, struct worker *worker)
{
    return from(master, worker + 1);
}

struct generation *master_generation(struct master *master, unsigned number)
{
    if (number == master->current.number)
        return &master->current;
    return number == master->next.number ? &master->next : NULL;
}

const struct master_config *master_config_of(struct master *master, const struct worker *worker)
{
    struct generation *generation = master_generation(master, worker->generation);
    return generation ? &generation->config : &master->current.config;
}

enum worker_phase worker_phase(const struct master *master, const struct worker *worker)
{
    return (enum worker_phase)master->board.slots[worker - master->workers].stats.phase;
}

void worker_signal(const struct worker *worker, int number)
{
    kill(worker->pid, number);
}

void worker_retire(struct master *master, struct worker *worker)
{
    worker_signal(worker, SIGTERM);
    worker->standing = STANDING_LEAVING;
    worker->term_at_ms = 0;
    worker->kill_at_ms = clock_mono_ms() + master_config_of(master, worker)->graceful_timeout_ms;
}

int generation_count_ready(struct master *master, const struct generation *generation)
{
    int count = 0;
    for (struct worker *worker = worker_first(master); worker; worker = worker_next(master, worker))
        count += worker->generation == generation->number && worker->standing == STANDING_MEMBER &&
                 worker_phase(master, worker) == WORKER_READY;
    return count;
}
