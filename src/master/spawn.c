/* SPDX-License-Identifier: MIT */
/* From the master to a worker: seat it on the scoreboard, fork, and in the child give up everything
 * that is the master's: signal handlers, its ends of the pipes, sockets of another generation. The child
 * then runs the caller's code and never returns. */
#include "master/spawn.h"

#include <errno.h>

#include "base/clock.h"
#include "master/title.h"

static struct worker *find_place(struct master *master)
{
    for (int i = 0; i < master->n_places; i++)
        if (!master->workers[i].pid)
            return &master->workers[i];
    return master->n_places < master->board.n_slots ? &master->workers[master->n_places++] : NULL;
}

static void leave_master(struct master *master, const struct generation *own)
{
    signals_reset_child(&master->signals);
    close(master->life[1]);
    close(master->notify[0]);
    /* a socket that a reload drops must not stay open, and unanswered, in a worker of the other set */
    struct generation *other = own == &master->current ? &master->next : &master->current;
    binds_close(&other->binds, &own->binds, false);
}

static _Noreturn void run_child(struct master *master, const struct generation *generation, int slot)
{
    leave_master(master, generation);
    const struct master_config *config = &generation->config;
    struct scoreboard_slot *seat = &master->board.slots[slot];
    seat->pid = (int32_t)getpid();
    title_set(config->program, "worker", config->title);
    log_write(master->log, LOG_INFO, "Booting worker with pid: %d", (int)getpid());
    _exit(master->ops->run_worker(master->owner, &(struct worker_seat){
                                                     .config = config,
                                                     .age = seat->age,
                                                     .stats = &seat->stats,
                                                     .all_stats = master->board.stats,
                                                     .n_all_stats = master->board.n_slots,
                                                     .n_used = scoreboard_n_used(&master->board),
                                                     .listeners = generation->binds.listeners,
                                                     .n_listeners = generation->binds.count,
                                                     .master_fd = master->life[0],
                                                     .nudge_fd = master->nudge,
                                                     .notify_fd = master->notify[1],
                                                 }));
}

bool worker_spawn(struct master *master, struct generation *generation)
{
    struct worker *worker = find_place(master);
    if (!worker) {
        log_write(master->log, LOG_ERROR, "No place for another worker: all %d slots are taken",
                  master->board.n_slots);
        return false;
    }
    int slot = (int)(worker - master->workers);
    unsigned age = ++master->last_age;
    scoreboard_seat(&master->board, slot, age, generation->number);
    signals_block();
    pid_t pid = master->ops->fork(master->owner);
    int err = errno;
    if (pid == 0)
        run_child(master, generation, slot);
    signals_unblock_parent();
    if (pid < 0) {
        log_write(master->log, LOG_ERROR, "Cannot fork a worker: %s", strerror(err));
        scoreboard_clear(&master->board, slot);
        return false;
    }
    master->board.slots[slot].pid = pid;
    *worker = (struct worker){
        .pid = pid,
        .age = age,
        .generation = generation->number,
        .started_ms = clock_mono_ms(),
    };
    master->n_alive++;
    return true;
}
