/* SPDX-License-Identifier: MIT */
/* Reload by generations. `next` holds the new configuration until all of its workers are ready; only then
 * it becomes `current`, dropped sockets are closed and the old workers retire. Whatever goes wrong before
 * that leaves the running generation untouched. */
#include "master/reload.h"

#include "master/claim.h"
#include "master/title.h"

static void release(struct master *master, const struct master_config *config)
{
    if (master->ops->release)
        master->ops->release(master->owner, config);
}

static void retire_all(struct master *master, unsigned generation)
{
    for (struct worker *worker = worker_first(master); worker; worker = worker_next(master, worker))
        if (worker->generation == generation && worker->standing == STANDING_MEMBER)
            worker_retire(master, worker);
}

static void give_up_next(struct master *master)
{
    struct generation given_up = master->next;
    retire_all(master, given_up.number);
    master->next = (struct generation){ 0 };
    binds_close(&given_up.binds, &master->current.binds, true);
    release(master, &given_up.config);
}

void reload_abandon(struct master *master, const char *why)
{
    log_write(master->log, LOG_ERROR, "Reload failed: %s The workers from before it stay.", why);
    give_up_next(master);
}

static bool has_room(struct master *master, const struct master_config *config)
{
    int most = master->board.n_slots - master->current.target;
    if (config->workers <= most)
        return true;
    log_write(master->log, LOG_ERROR,
              "Reload failed: workers: %d is more than a running server can grow to (%d); restart it",
              config->workers, most);
    return false;
}

static bool open_binds(struct master *master, const struct master_config *config, struct binds *out)
{
    struct bind_failure failure;
    if (!binds_open(out, config->binds, &config->listen, &master->current.binds, &failure)) {
        log_write(master->log, LOG_ERROR, "Reload failed: bind: '%s': %s", failure.bind, failure.why);
        return false;
    }
    if (binds_differ(out, &master->current.binds)) {
        AUTO_FREE char *urls = binds_text(out);
        log_write(master->log, LOG_INFO, "Listening at: %s", urls);
    }
    return true;
}

void reload_begin(struct master *master)
{
    struct master_config config;
    bool is_read = master->ops->reload(master->owner, &config);
    master->ops->reopen_logs(master->owner);
    if (!is_read)
        return;
    if (master->next.number) {
        log_write(master->log, LOG_INFO, "The reload before did not complete: this one takes its place");
        give_up_next(master);
    }
    struct binds binds;
    if (!has_room(master, &config) || !open_binds(master, &config, &binds)) {
        release(master, &config);
        return;
    }
    master->next = (struct generation){
        .number = ++master->last_generation,
        .config = config,
        .binds = binds,
        .target = config.workers,
    };
}

static void take_over(struct master *master)
{
    struct generation old = master->current;
    master->current = master->next;
    master->next = (struct generation){ 0 };
    master->current.is_complete = true;
    binds_close(&old.binds, &master->current.binds, true);
    retire_all(master, old.number);
    const struct master_config *config = &master->current.config;
    claim_change(master, config->pidfile);
    title_set(config->program, "master", config->title);
    release(master, &old.config);
}

/* Also who retires already has booted: with a small max_requests there may never be a moment in which all
 * workers of a busy server are in the same phase. */
static bool has_booted(struct master *master, const struct generation *generation)
{
    int count = 0;
    for (struct worker *worker = worker_first(master); worker; worker = worker_next(master, worker))
        count += worker->generation == generation->number && worker->standing != STANDING_ABORTED &&
                 worker_phase(master, worker) != WORKER_BOOTING;
    return count >= generation->target;
}

void reload_advance(struct master *master)
{
    if (!master->current.is_complete)
        master->current.is_complete = has_booted(master, &master->current);
    if (master->next.number && has_booted(master, &master->next))
        take_over(master);
}
