/* SPDX-License-Identifier: MIT */
/* A real master in a child process, with workers that do what the test tells them through shared memory. */
#pragma once

#include "unit.h"

#include <stdatomic.h>

#include "master/master.h"

enum { RIG_MAX_AGE = 64, RIG_PATH_MAX = 128 };

/* One worker, by age, as it reports itself. */
struct rig_worker {
    _Atomic pid_t pid;
    _Atomic int settings; /* which configuration it runs by: the number of the reload, 0 the first */
    _Atomic int first_port;
    _Atomic bool got_term, got_quit, got_usr1;
    _Atomic bool is_frozen;     /* asked: show no beat any more, ignore ABRT */
    _Atomic bool is_deaf;       /* asked: ignore TERM and QUIT */
    _Atomic bool has_to_retire; /* asked: announce it, then wait for may_leave */
    _Atomic bool may_leave;
};

/* Shared by the test, the master and the workers. */
struct rig_world {
    struct rig_worker workers[RIG_MAX_AGE];
    _Atomic int boot_exit;    /* a worker that starts exits with this code at once; 0: it serves */
    _Atomic bool holds_ready; /* workers that start wait before they become ready */
    _Atomic int n_reopened;
    _Atomic int n_released;
    _Atomic bool reload_fails;
    _Atomic int n_reloads;
};

struct rig {
    struct rig_world *world;
    pid_t master;
    char dir[RIG_PATH_MAX]; /* a temporary directory; log, pid file and sockets are in it */
    char log_path[RIG_PATH_MAX];
    char pidfile[RIG_PATH_MAX];
    struct master_config config;
    struct master_config after_reload;
    const char *binds[4];
    const char *binds_after_reload[4];
    void (*before_run)(struct rig *rig); /* in the master's process, before master_run */
};

void rig_init(struct rig *rig, int workers);
void rig_start(struct rig *rig);
void rig_done(struct rig *rig);

/* Sends a signal to the master. */
void rig_signal(struct rig *rig, int number);

/* The master's exit code; fails the test when it does not end in time. */
int rig_wait_end(struct rig *rig);

/* The path of a name in the temporary directory; four of them are valid at a time. */
const char *rig_path(struct rig *rig, const char *name);

bool rig_log_has(struct rig *rig, const char *text);
int rig_log_count(struct rig *rig, const char *text);
bool rig_log_ends_with(struct rig *rig, const char *text);

/* Ages of workers that run, as bits: RIG_AGE(1) | RIG_AGE(2). */
#define RIG_AGE(age) (UINT64_C(1) << (age))
uint64_t rig_running(struct rig *rig);

/* Polls for a condition for some seconds. */
#define RIG_WAIT(condition)                                                                                  \
    do {                                                                                                     \
        int left_ = 4000;                                                                                    \
        while (!(condition) && left_-- > 0)                                                                  \
            usleep(5000);                                                                                    \
        if (left_ < 0)                                                                                       \
            fail_msg("waited in vain for: %s", #condition);                                                  \
    } while (0)
