/* SPDX-License-Identifier: MIT */
/* Ends of worker processes. The master is the reaper of all orphans below it, so pids that it never
 * started are collected without a word. A worker that cannot boot stops the server when nothing else
 * serves: another attempt would fail the same way, and the reason has to be the last line of the log. */
#include "master/reap.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "master/reload.h"
#include "master/scale.h"
#include "master/stop.h"

/* What remains of a worker when its place is free again. */
struct death {
    struct worker worker;
    enum worker_phase phase;
    int exit_code;              /* -1: a signal */
    char error[BOOT_ERROR_MAX]; /* what the worker says of it */
};

enum { REASON_MAX = BOOT_ERROR_MAX + 32 };

/* gunicorn's words, then the worker's own. False: it did not fail to boot. */
static bool boot_failure(const struct death *death, char reason[REASON_MAX])
{
    bool is_app = death->exit_code == EXIT_APP_LOAD;
    if (death->phase != WORKER_BOOTING || (!is_app && death->exit_code != EXIT_WORKER_BOOT))
        return false;
    snprintf(reason, REASON_MAX, "%s%s%s", is_app ? "App failed to load." : "Worker failed to boot.",
             death->error[0] ? " " : "", death->error);
    return true;
}

static void log_signal(struct master *master, const struct worker *worker, int number)
{
    int pid = (int)worker->pid;
    if (number == SIGKILL && worker->killed_for)
        log_write(master->log, LOG_ERROR, "Worker (pid:%d) was sent SIGKILL! It %s.", pid,
                  worker->killed_for);
    else if (number == SIGKILL)
        log_write(master->log, LOG_ERROR, "Worker (pid:%d) was sent SIGKILL! Perhaps out of memory?", pid);
    else
        log_write(master->log, number == SIGTERM ? LOG_INFO : LOG_WARNING, "Worker (pid:%d) was sent %s!",
                  pid, signal_name(number));
}

static void log_death(struct master *master, const struct worker *worker, int status)
{
    if (WIFSIGNALED(status))
        log_signal(master, worker, WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        log_write(master->log, LOG_ERROR, "Worker (pid:%d) exited with code %d.", (int)worker->pid,
                  WEXITSTATUS(status));
}

static struct death bury(struct master *master, struct worker *worker, int status)
{
    struct death death = {
        .worker = *worker,
        .phase = worker_phase(master, worker),
        .exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
    };
    const char *error = master->board.slots[worker - master->workers].stats.boot_error;
    snprintf(death.error, sizeof(death.error), "%.*s", BOOT_ERROR_MAX - 1, error);
    scoreboard_clear(&master->board, (int)(worker - master->workers));
    *worker = (struct worker){ 0 };
    master->n_alive--;
    return death;
}

static bool is_early(const struct death *death)
{
    if (death->phase == WORKER_RETIRING && death->exit_code == 0)
        return false; /* it announced that, however soon */
    return death->phase == WORKER_BOOTING || clock_mono_ms() - death->worker.started_ms <= EARLY_DEATH_MS;
}

static bool stops_server(struct master *master, const struct generation *generation)
{
    bool reload_may_help = master->next.number != 0;
    return !reload_may_help && (!generation->is_complete || generation_count_ready(master, generation) == 0);
}

static void follow_up(struct master *master, struct generation *generation, const struct death *death)
{
    char reason[REASON_MAX];
    bool is_boot_failure = boot_failure(death, reason);
    if (is_boot_failure && generation == &master->next) {
        reload_abandon(master, reason);
        return;
    }
    if (is_boot_failure && stops_server(master, generation)) {
        stop_begin(master, SIGTERM, death->exit_code, reason);
        return;
    }
    generation_note_death(master, generation, death->worker.pid, is_early(death));
    if (generation == &master->next && generation->early_deaths >= RELOAD_MAX_DEATHS)
        reload_abandon(master, "its workers die before they serve.");
}

static void on_death(struct master *master, struct worker *worker, int status)
{
    log_death(master, worker, status);
    struct death death = bury(master, worker, status);
    struct generation *generation = master_generation(master, death.worker.generation);
    if (generation && !master->is_stopping && death.worker.standing != STANDING_LEAVING)
        follow_up(master, generation, &death);
}

static struct worker *find_worker(struct master *master, pid_t pid)
{
    for (struct worker *worker = worker_first(master); worker; worker = worker_next(master, worker))
        if (worker->pid == pid)
            return worker;
    return NULL;
}

void workers_reap(struct master *master)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct worker *worker = find_worker(master, pid);
        if (worker)
            on_death(master, worker, status);
        else
            log_write(master->log, LOG_DEBUG, "Reaped a process that is no worker (pid:%d)", (int)pid);
    }
}
