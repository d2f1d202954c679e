/* SPDX-License-Identifier: MIT */
/* Keeping a generation at its size. Whoever served well is replaced at once; deaths in a row that come
 * early (while booting, or within a second) put off the next start by 0, 100, 200 … ms up to 5 s, so that
 * a broken application does not eat the machine. */
#include "master/scale.h"

#include "base/clock.h"
#include "master/spawn.h"

static bool is_member(const struct worker *worker, const struct generation *generation)
{
    return worker->generation == generation->number && worker->standing == STANDING_MEMBER;
}

static int count_members(struct master *master, const struct generation *generation)
{
    int count = 0;
    for (struct worker *worker = worker_first(master); worker; worker = worker_next(master, worker))
        count += is_member(worker, generation);
    return count;
}

static struct worker *find_oldest(struct master *master, const struct generation *generation)
{
    struct worker *oldest = NULL;
    for (struct worker *worker = worker_first(master); worker; worker = worker_next(master, worker))
        if (is_member(worker, generation) && (!oldest || worker->age < oldest->age))
            oldest = worker;
    return oldest;
}

static void delay_next(struct generation *generation)
{
    msec delay = (msec)(generation->early_deaths - 1) * BACKOFF_STEP_MS;
    generation->next_spawn_ms = clock_mono_ms() + (delay < BACKOFF_MAX_MS ? delay : BACKOFF_MAX_MS);
}

void generation_note_death(struct master *master, struct generation *generation, pid_t pid, bool is_early)
{
    if (!is_early) {
        generation->early_deaths = 0;
        generation->next_spawn_ms = 0;
        return;
    }
    int most = BACKOFF_MAX_MS / BACKOFF_STEP_MS + 1;
    if (generation->early_deaths > most)
        generation->early_deaths = most; /* the last step again: logged already */
    generation->early_deaths++;
    delay_next(generation);
    if (generation->early_deaths > 1 && generation->early_deaths <= most)
        log_write(master->log, LOG_WARNING,
                  "Worker (pid:%d) died early, as %d before it: next start in %d ms", (int)pid,
                  generation->early_deaths - 1, (generation->early_deaths - 1) * BACKOFF_STEP_MS);
}

/* Once all workers live long enough the next accident starts from zero. */
static void forgive(struct master *master, struct generation *generation)
{
    msec born_before = clock_mono_ms() - EARLY_DEATH_MS;
    for (struct worker *worker = worker_first(master); worker; worker = worker_next(master, worker))
        if (is_member(worker, generation) &&
            (worker->started_ms > born_before || worker_phase(master, worker) != WORKER_READY))
            return;
    generation->early_deaths = 0;
}

static void start_missing(struct master *master, struct generation *generation, int missing)
{
    while (missing-- > 0) {
        if (worker_spawn(master, generation))
            continue;
        generation->early_deaths++;
        generation->next_spawn_ms = clock_mono_ms() + EARLY_DEATH_MS;
        return;
    }
}

void generation_scale(struct master *master, struct generation *generation)
{
    if (!generation->number)
        return;
    int missing = generation->target - count_members(master, generation);
    if (missing > 0 && clock_mono_ms() >= generation->next_spawn_ms)
        start_missing(master, generation, missing);
    for (; missing < 0; missing++)
        worker_retire(master, find_oldest(master, generation));
    if (missing == 0 && generation->early_deaths)
        forgive(master, generation);
}

msec generation_next_spawn(struct master *master, const struct generation *generation)
{
    bool is_short = generation->number && count_members(master, generation) < generation->target;
    return is_short ? generation->next_spawn_ms : INT64_MAX;
}

static void change(struct generation *generation, int by)
{
    if (generation->number && generation->target + by >= 1)
        generation->target += by;
}

void workers_change(struct master *master, int by)
{
    int wanted = master->current.target + master->next.target + by;
    if (wanted > master->board.n_slots) {
        log_write(master->log, LOG_WARNING, "No place for another worker: all %d slots are taken",
                  master->board.n_slots);
        return;
    }
    change(&master->current, by);
    change(&master->next, by);
}
