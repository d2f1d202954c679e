/* SPDX-License-Identifier: MIT */
/* The life of the master: start, supervise, stop. One turn of its loop handles the signals that came,
 * collects dead children, looks at the deadlines of the living, and brings every generation to its size;
 * then it sleeps until a signal, a worker's notice or the nearest deadline. Nothing in a turn blocks. */
#include "master/master.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

#include "base/arena.h"
#include "base/clock.h"
#include "master/claim.h"
#include "master/reap.h"
#include "master/reload.h"
#include "master/scale.h"
#include "master/state.h"
#include "master/stop.h"
#include "master/title.h"
#include "master/watch.h"

enum {
    MIN_SLOTS = 1024,
    BIND_ATTEMPTS = 5,
    BIND_PAUSE_MS = 1000,
    LONGEST_SLEEP_MS = 60000,
};

static void on_term(struct master *master)
{
    stop_begin(master, SIGTERM, 0, "");
}

static void on_quit(struct master *master)
{
    stop_begin(master, SIGQUIT, 0, "");
}

static void on_hup(struct master *master)
{
    log_write(master->log, LOG_INFO, "Hang up: Master");
    reload_begin(master);
}

static void on_ttin(struct master *master)
{
    workers_change(master, 1);
}

static void on_ttou(struct master *master)
{
    workers_change(master, -1);
}

static void on_usr1(struct master *master)
{
    master->ops->reopen_logs(master->owner);
    for (struct worker *worker = worker_first(master); worker; worker = worker_next(master, worker))
        worker_signal(worker, SIGUSR1);
}

static void on_usr2(struct master *master)
{
    log_write(master->log, LOG_WARNING, "USR2 signal ignored. Not supported yet.");
}

static void on_winch(struct master *master)
{
    log_write(master->log, LOG_DEBUG, "SIGWINCH ignored. Not daemonized");
}

static void on_chld(struct master *master)
{
    /* every turn of the loop collects children */
}

static void on_quit_again(struct master *master)
{
    stop_quicken(master);
}

struct signal_row {
    int number;
    const char *name;
    enum log_level level;
    void (*handle)(struct master *master);
    void (*handle_stopping)(struct master *master); /* NULL: too late for it */
};

static const struct signal_row signal_rows[] = {
    { SIGTERM, "term", LOG_INFO, on_term, NULL },
    { SIGINT, "int", LOG_INFO, on_quit, on_quit_again },
    { SIGQUIT, "quit", LOG_INFO, on_quit, on_quit_again },
    { SIGHUP, "hup", LOG_INFO, on_hup, NULL },
    { SIGTTIN, "ttin", LOG_INFO, on_ttin, NULL },
    { SIGTTOU, "ttou", LOG_INFO, on_ttou, NULL },
    { SIGUSR1, "usr1", LOG_INFO, on_usr1, on_usr1 },
    { SIGUSR2, "usr2", LOG_INFO, on_usr2, NULL },
    { SIGWINCH, "winch", LOG_INFO, on_winch, NULL },
    { SIGCHLD, "chld", LOG_DEBUG, on_chld, on_chld },
};

static void handle_signal(struct master *master, int number)
{
    for (size_t i = 0; i < COUNT_OF(signal_rows); i++) {
        const struct signal_row *row = &signal_rows[i];
        void (*handle)(struct master *) = master->is_stopping ? row->handle_stopping : row->handle;
        if (row->number != number || !handle)
            continue;
        log_write(master->log, row->level, "Handling signal: %s", row->name);
        handle(master);
    }
}

static void handle_signals(struct master *master)
{
    int number;
    while ((number = signals_next(&master->signals)) != 0)
        handle_signal(master, number);
}

static void drain_notices(struct master *master)
{
    char bytes[256];
    while (read(master->notify[0], bytes, sizeof(bytes)) > 0)
        continue;
}

static msec earlier(msec a, msec b)
{
    return a < b ? a : b;
}

static void sleep_until_needed(struct master *master)
{
    msec now = clock_mono_ms();
    msec until = earlier(now + LONGEST_SLEEP_MS, workers_next_deadline(master));
    if (master->is_stopping) {
        until = earlier(until, master->give_up_ms);
    } else {
        until = earlier(until, generation_next_spawn(master, &master->current));
        until = earlier(until, generation_next_spawn(master, &master->next));
    }
    signals_wait(&master->signals, master->notify[0], until - now);
}

static void supervise(struct master *master)
{
    while (!stop_is_done(master)) {
        handle_signals(master);
        drain_notices(master);
        workers_reap(master);
        workers_watch(master);
        if (!master->is_stopping) {
            reload_advance(master);
            generation_scale(master, &master->current);
            generation_scale(master, &master->next);
        }
        if (!stop_is_done(master))
            sleep_until_needed(master);
    }
}

static void log_bind_failure(struct master *master, const struct bind_failure *failure)
{
    char address[ADDRESS_TEXT_MAX];
    bind_format(failure->bind, address);
    if (failure->err == -EADDRINUSE)
        log_write(master->log, LOG_ERROR, "Connection in use: %s", address);
    else if (failure->err == -EADDRNOTAVAIL)
        log_write(master->log, LOG_ERROR, "Invalid address: %s", address);
}

static bool may_pass(const struct bind_failure *failure)
{
    return failure->err == -EADDRINUSE || failure->err == -EADDRNOTAVAIL;
}

/* Between two attempts to bind. True when the pause ended with a request to stop. */
static bool pause_is_stopped(struct master *master)
{
    msec until = clock_mono_ms() + BIND_PAUSE_MS;
    for (msec now = clock_mono_ms(); now < until; now = clock_mono_ms()) {
        signals_wait(&master->signals, -1, until - now);
        for (int number; (number = signals_next(&master->signals)) != 0;)
            if (number == SIGTERM || number == SIGINT || number == SIGQUIT)
                return true;
    }
    return false;
}

static bool open_configured(struct master *master, struct binds *out)
{
    const struct master_config *config = &master->current.config;
    struct bind_failure failure;
    for (int attempt = 1; !binds_open(out, config->binds, &config->listen, NULL, &failure); attempt++) {
        log_bind_failure(master, &failure);
        if (may_pass(&failure) && attempt < BIND_ATTEMPTS && !pause_is_stopped(master))
            continue;
        log_write(master->log, LOG_ERROR, "bind: cannot listen on '%s': %s", failure.bind, failure.why);
        return false;
    }
    return true;
}

static bool open_binds(struct master *master)
{
    struct binds *binds = &master->current.binds;
    struct bind_failure failure;
    if (!binds_open_passed(binds, &master->current.config.listen, &failure)) {
        log_write(master->log, LOG_ERROR, "%s: the descriptors passed are no listening sockets: %s",
                  failure.bind, failure.why);
        return false;
    }
    if (binds->count == 0) {
        struct binds configured;
        if (!open_configured(master, &configured))
            return false;
        binds_close(binds, NULL, false);
        *binds = configured;
    }
    AUTO_FREE char *urls = binds_text(binds);
    log_write(master->log, LOG_INFO, "Listening at: %s (%d)", urls, (int)master->pid);
    return true;
}

static int open_resources(struct master *master)
{
    int err = signals_init(&master->signals);
    if (err)
        return err;
    if (pipe2(master->life, O_CLOEXEC) < 0 || pipe2(master->notify, O_CLOEXEC | O_NONBLOCK) < 0)
        return -errno;
    master->nudge = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (master->nudge < 0)
        return -errno;
    int workers = master->current.config.workers;
    int n_slots = workers > MIN_SLOTS / 4 ? workers * 4 : MIN_SLOTS;
    master->workers = memory_zero((size_t)n_slots * sizeof(struct worker));
    return scoreboard_init(&master->board, n_slots);
}

static bool start(struct master *master)
{
    const struct master_config *config = &master->current.config;
    log_write(master->log, LOG_INFO, "Starting %s %s", config->program, config->version);
    int err = open_resources(master);
    if (err) {
        log_write(master->log, LOG_ERROR, "The master cannot start: %s", strerror(-err));
        return false;
    }
    if (!claim_take(master, config->pidfile) || !open_binds(master))
        return false;
    log_write(master->log, LOG_INFO, "Using worker: %s", config->worker_kind);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    title_set(config->program, "master", config->title);
    return true;
}

static void log_end(struct master *master)
{
    enum log_level level = master->exit_code ? LOG_ERROR : LOG_INFO;
    if (master->n_alive)
        log_write(master->log, LOG_WARNING, "%d workers did not end after SIGKILL", master->n_alive);
    log_write(master->log, level, "Shutting down: Master");
    if (master->reason[0])
        log_write(master->log, level, "Reason: %s", master->reason);
}

static void close_pair(int ends[2])
{
    for (int i = 0; i < 2; i++)
        if (ends[i] >= 0)
            close(ends[i]);
}

static void finish(struct master *master)
{
    if (master->next.number && master->ops->release)
        master->ops->release(master->owner, &master->next.config);
    claim_drop(master);
    binds_close(&master->current.binds, NULL, true);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    close_pair(master->life);
    close_pair(master->notify);
    if (master->nudge >= 0)
        close(master->nudge);
    scoreboard_done(&master->board);
    free(master->workers);
    if (master->signals.read_fd >= 0)
        signals_done(&master->signals);
}

int master_run(const struct master_config *config, const struct master_ops *ops, void *owner, struct log *log)
{
    struct master master = {
        .ops = ops,
        .owner = owner,
        .log = log,
        .pid = getpid(),
        .signals = { .read_fd = -1 },
        .last_generation = 1,
        .current = { .number = 1, .config = *config, .target = config->workers },
        .life = { -1, -1 },
        .notify = { -1, -1 },
        .nudge = -1,
        .exit_code = 1,
    };
    if (start(&master)) {
        supervise(&master);
        log_end(&master);
    }
    finish(&master);
    return master.exit_code;
}
