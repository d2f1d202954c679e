/* SPDX-License-Identifier: MIT */
/* A crew on a real loop, with a mutex in place of the GIL, and the rules that every callback and every job
 * checks: one thread at a time on the loop, never with the GIL; jobs on application threads, with it. What
 * is broken ends the process at once, since it happens on any thread. */
#pragma once

#include "unit.h"

#include <stdatomic.h>

#include "app/crew.h"

enum { RIG_THREADS_MOST = 8, RIG_NOT_A_MEMBER = -1 };

struct rig {
    struct loop loop;
    struct crew *crew;
    unsigned n_threads;
    pthread_t members[RIG_THREADS_MOST]; /* but for 0, which is the test's own thread */
    pthread_mutex_t gil;
    _Atomic int gil_holder; /* member + 1; 0: none */
    _Atomic bool on_loop;   /* a callback runs */
    _Atomic int jobs_now;
    _Atomic int interrupts_begun, interrupts;
    uint64_t callbacks; /* plain, so that ThreadSanitizer sees whether ownership of the loop is handed over */
    struct task first, stop;
};

/* Ends the process with the state of the rig when it is false. */
#define CHECK(condition) ((condition) ? (void)0 : rig_fail(#condition, __FILE__, __LINE__))
_Noreturn void rig_fail(const char *what, const char *file, int line);

/* `first` is posted to the loop before anybody leads. */
void rig_init(struct rig *rig, unsigned threads, void (*first)(struct task *task));

/* Serves until the crew is stopped. */
void rig_serve(struct rig *rig);
void rig_done(struct rig *rig);

/* All three. */
void rig_run(struct rig *rig, unsigned threads, void (*first)(struct task *task));

/* Stops the crew from a posted task. Any thread. */
void rig_post_stop(struct rig *rig);

/* The member that runs this; RIG_NOT_A_MEMBER on the relief thread and others. */
int rig_me(void);

/* In a job, around what blocks. */
void rig_release_gil(struct rig *rig);
void rig_take_gil(struct rig *rig);

/* Something happened, as each job does. When nothing does for ten seconds the process ends. */
void rig_progress(void);

/* First in each callback of the loop: checks, until the scope ends. */
#define ON_LOOP(where)                                                                                       \
    __attribute__((cleanup(rig_callback_end))) struct rig *on_loop = rig_callback_begin(where)
struct rig *rig_callback_begin(struct rig *rig);
void rig_callback_end(struct rig **rig);

/* First in each job. */
#define IN_JOB(where) __attribute__((cleanup(rig_job_end))) struct rig *in_job = rig_job_begin(where)
struct rig *rig_job_begin(struct rig *rig);
void rig_job_end(struct rig **rig);

/* What a job waits for. */
struct flag {
    pthread_mutex_t lock;
    pthread_cond_t raised;
    bool is_raised;
};

void flag_init(struct flag *flag);
void flag_raise(struct flag *flag);
void flag_lower(struct flag *flag);
bool flag_is_raised(struct flag *flag);
void flag_wait(struct flag *flag);

/* In a job: waits with the GIL released. */
void rig_wait(struct rig *rig, struct flag *flag);
