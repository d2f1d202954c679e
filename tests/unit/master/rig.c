/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/clock.h"

/* --- in a worker --- */

static struct rig_worker *self;
static volatile sig_atomic_t told_to_leave;

static void on_worker_signal(int number)
{
    self->got_term |= number == SIGTERM;
    self->got_quit |= number == SIGQUIT;
    self->got_usr1 |= number == SIGUSR1;
    if (number != SIGUSR1 && !self->is_deaf)
        told_to_leave = 1;
}

static void set_phase(const struct worker_seat *seat, enum worker_phase phase)
{
    seat->stats->phase = phase;
    ssize_t n = write(seat->notify_fd, "x", 1);
    (void)n;
}

/* False when the master is gone. */
static bool tick(const struct worker_seat *seat)
{
    if (!self->is_frozen)
        seat->stats->beat_ms = clock_mono_ms();
    struct pollfd life = { .fd = seat->master_fd, .events = POLLIN };
    return poll(&life, 1, 10) <= 0;
}

static int run_worker(void *owner, const struct worker_seat *seat)
{
    struct rig *rig = owner;
    struct rig_world *world = rig->world;
    self = &world->workers[seat->age % RIG_MAX_AGE];
    struct sigaction action = { .sa_handler = on_worker_signal };
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGQUIT, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    sigaction(SIGABRT, &ignore, NULL);
    self->settings = (int)(intptr_t)seat->config->settings;
    self->first_port = seat->n_listeners ? address_port(&seat->listeners[0].address.sa) : 0;
    self->pid = getpid();
    if (world->boot_exit)
        return world->boot_exit;
    while (world->holds_ready && !told_to_leave)
        if (!tick(seat))
            return 0;
    set_phase(seat, WORKER_READY);
    while (!told_to_leave && !self->may_leave && tick(seat))
        if (self->has_to_retire && seat->stats->phase == WORKER_READY)
            set_phase(seat, WORKER_RETIRING);
    return 0;
}

/* --- in the master --- */

static pid_t fork_plain(void *owner)
{
    return fork();
}

static bool reload(void *owner, struct master_config *out)
{
    struct rig *rig = owner;
    if (rig->world->reload_fails)
        return false;
    *out = rig->after_reload;
    out->settings = (void *)(intptr_t)++rig->world->n_reloads;
    return true;
}

static void release(void *owner, const struct master_config *config)
{
    ((struct rig *)owner)->world->n_released++;
}

static void reopen_logs(void *owner)
{
    ((struct rig *)owner)->world->n_reopened++;
}

static const struct master_ops ops = {
    .fork = fork_plain,
    .run_worker = run_worker,
    .reload = reload,
    .release = release,
    .reopen_logs = reopen_logs,
};

static _Noreturn void run_master(struct rig *rig)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* no master survives a test that was aborted */
    if (rig->before_run)
        rig->before_run(rig);
    struct log log;
    log_init(&log, LOG_DEBUG);
    if (log_open(&log, rig->log_path) != 0)
        _exit(99);
    int code = master_run(&rig->config, &ops, rig, &log);
    log_done(&log);
    exit(code);
}

/* --- in the test --- */

static void join(char out[RIG_PATH_MAX], const char *dir, const char *name)
{
    int n = snprintf(out, RIG_PATH_MAX, "%s/%s", dir, name);
    assert_in_range(n, 1, RIG_PATH_MAX - 1);
}

void rig_init(struct rig *rig, int workers)
{
    *rig = (struct rig){ .dir = "/tmp/galley-rig-XXXXXX" };
    assert_non_null(mkdtemp(rig->dir));
    join(rig->log_path, rig->dir, "log");
    join(rig->pidfile, rig->dir, "pid");
    rig->world =
        mmap(NULL, sizeof(struct rig_world), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(rig->world, MAP_FAILED);
    rig->binds[0] = rig->binds_after_reload[0] = "127.0.0.1:0";
    rig->config = (struct master_config){
        .program = "rig",
        .version = "1.2",
        .worker_kind = "sync",
        .title = "test",
        .binds = rig->binds,
        .listen = { .backlog = 16, .umask = 0077, .uid = (uid_t)-1, .gid = (gid_t)-1 },
        .workers = workers,
        .timeout_ms = 30000,
        .graceful_timeout_ms = 20000,
        .pidfile = rig->pidfile,
    };
    rig->after_reload = rig->config;
    rig->after_reload.binds = rig->binds_after_reload;
}

void rig_start(struct rig *rig)
{
    fflush(NULL);
    rig->master = fork();
    assert_true(rig->master >= 0);
    if (rig->master == 0)
        run_master(rig);
}

void rig_signal(struct rig *rig, int number)
{
    assert_int_equal(kill(rig->master, number), 0);
}

static bool has_ended(struct rig *rig, int *status)
{
    return waitpid(rig->master, status, WNOHANG) == rig->master;
}

int rig_wait_end(struct rig *rig)
{
    int status = 0;
    RIG_WAIT(has_ended(rig, &status));
    rig->master = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    return remove(path);
}

void rig_done(struct rig *rig)
{
    if (rig->master) {
        rig_signal(rig, SIGTERM);
        assert_int_equal(rig_wait_end(rig), 0);
    }
    assert_int_equal(rig_running(rig), 0);
    nftw(rig->dir, remove_entry, 4, FTW_DEPTH | FTW_PHYS);
    munmap(rig->world, sizeof(struct rig_world));
}

const char *rig_path(struct rig *rig, const char *name)
{
    static char paths[4][RIG_PATH_MAX + 8];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", rig->dir, name);
    return path;
}

static void read_log(struct rig *rig, char *text, size_t size)
{
    AUTO_CLOSE int fd = open(rig->log_path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, size - 1);
    text[n > 0 ? n : 0] = '\0';
}

int rig_log_count(struct rig *rig, const char *wanted)
{
    static char text[65536];
    read_log(rig, text, sizeof(text));
    int count = 0;
    for (const char *at = text; (at = strstr(at, wanted)) != NULL; at++)
        count++;
    return count;
}

bool rig_log_has(struct rig *rig, const char *wanted)
{
    return rig_log_count(rig, wanted) > 0;
}

bool rig_log_ends_with(struct rig *rig, const char *wanted)
{
    static char text[65536];
    read_log(rig, text, sizeof(text));
    return str_ends(str_of(text), str_of(wanted));
}

/* Ended children of the master are gone for kill() as soon as the master has collected them. */
uint64_t rig_running(struct rig *rig)
{
    uint64_t ages = 0;
    for (int age = 0; age < RIG_MAX_AGE; age++) {
        pid_t pid = rig->world->workers[age].pid;
        if (pid && kill(pid, 0) == 0)
            ages |= UINT64_C(1) << age;
    }
    return ages;
}
