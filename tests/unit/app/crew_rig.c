/* SPDX-License-Identifier: MIT */
/* The rig of the crew's tests. The marks are relaxed atomics on purpose: they must not order anything, or
 * ThreadSanitizer would no longer see an order that the crew itself forgets. */
#include "crew_rig.h"

#include <stdio.h>
#include <time.h>

enum { PATIENCE_S = 10 };

static struct rig *rigged;
static _Thread_local int me = RIG_NOT_A_MEMBER;
static _Atomic uint64_t progress;

static int peek(_Atomic int *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

static void dump(struct rig *rig)
{
    fprintf(stderr, "%u threads, %d idle, %d jobs queued, %d running\n", rig->n_threads, crew_idle(rig->crew),
            crew_queued(rig->crew), peek(&rig->jobs_now));
    fprintf(stderr, "GIL held by %d, in a callback: %d, loop waits: %d, tasks posted: %u, stopping: %d\n",
            peek(&rig->gil_holder) - 1, atomic_load(&rig->on_loop), atomic_load(&rig->loop.is_waiting),
            atomic_load(&rig->loop.n_posted), crew_is_stopping(rig->crew));
    fprintf(stderr, "interrupts: %d of %d done\n", peek(&rig->interrupts), peek(&rig->interrupts_begun));
}

void rig_fail(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: member %d: %s\n", file, line, me, what);
    if (rigged)
        dump(rigged);
    abort();
}

int rig_me(void)
{
    return me;
}

void rig_progress(void)
{
    atomic_fetch_add_explicit(&progress, 1, memory_order_relaxed);
}

static struct {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool ends;
} watchdog = { .lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER };

static void *watch(void *arg)
{
    uint64_t seen = 0;
    int quiet_s = 0;
    pthread_mutex_lock(&watchdog.lock);
    while (!watchdog.ends) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec++;
        pthread_cond_timedwait(&watchdog.wake, &watchdog.lock, &until);
        uint64_t now = atomic_load_explicit(&progress, memory_order_relaxed);
        quiet_s = now == seen ? quiet_s + 1 : 0;
        seen = now;
        CHECK(quiet_s < PATIENCE_S);
    }
    pthread_mutex_unlock(&watchdog.lock);
    return NULL;
}

static void watchdog_start(void)
{
    watchdog.ends = false;
    assert_int_equal(pthread_create(&watchdog.thread, NULL, watch, NULL), 0);
}

static void watchdog_stop(void)
{
    pthread_mutex_lock(&watchdog.lock);
    watchdog.ends = true;
    pthread_cond_signal(&watchdog.wake);
    pthread_mutex_unlock(&watchdog.lock);
    pthread_join(watchdog.thread, NULL);
}

void rig_take_gil(struct rig *rig)
{
    CHECK(peek(&rig->gil_holder) != me + 1);
    pthread_mutex_lock(&rig->gil);
    atomic_store_explicit(&rig->gil_holder, me + 1, memory_order_relaxed);
    rig_progress();
}

void rig_release_gil(struct rig *rig)
{
    CHECK(me != RIG_NOT_A_MEMBER);
    CHECK(peek(&rig->gil_holder) == me + 1);
    atomic_store_explicit(&rig->gil_holder, 0, memory_order_relaxed);
    pthread_mutex_unlock(&rig->gil);
}

static void enter(void *owner, unsigned member)
{
    CHECK((int)member == me);
    rig_take_gil(owner);
}

static void leave(void *owner, unsigned member)
{
    CHECK((int)member == me);
    rig_release_gil(owner);
}

static void interrupted(void *owner)
{
    struct rig *rig = owner;
    CHECK(me == 0);
    atomic_fetch_add_explicit(&rig->interrupts_begun, 1, memory_order_relaxed);
    rig_take_gil(rig);
    atomic_fetch_add_explicit(&rig->interrupts, 1, memory_order_relaxed);
    rig_release_gil(rig);
}

static const struct crew_ops ops = { enter, leave, interrupted };

struct rig *rig_callback_begin(struct rig *rig)
{
    CHECK(!atomic_exchange_explicit(&rig->on_loop, true, memory_order_relaxed));
    CHECK(me == RIG_NOT_A_MEMBER || peek(&rig->gil_holder) != me + 1);
    rig->callbacks++;
    return rig;
}

void rig_callback_end(struct rig **rig)
{
    (*rig)->callbacks++;
    CHECK(atomic_exchange_explicit(&(*rig)->on_loop, false, memory_order_relaxed));
}

struct rig *rig_job_begin(struct rig *rig)
{
    CHECK(me != RIG_NOT_A_MEMBER);
    CHECK(peek(&rig->gil_holder) == me + 1);
    int now = atomic_fetch_add_explicit(&rig->jobs_now, 1, memory_order_relaxed) + 1;
    CHECK(now <= (int)rig->n_threads);
    rig_progress();
    return rig;
}

void rig_job_end(struct rig **rig)
{
    CHECK(peek(&(*rig)->gil_holder) == me + 1);
    atomic_fetch_sub_explicit(&(*rig)->jobs_now, 1, memory_order_relaxed);
}

static void before_wait(void *owner)
{
    ON_LOOP(owner);
}

static void on_stop(struct task *task)
{
    struct rig *rig = CONTAINER_OF(task, struct rig, stop);
    ON_LOOP(rig);
    crew_stop(rig->crew);
}

void rig_post_stop(struct rig *rig)
{
    loop_post(&rig->loop, &rig->stop);
}

void rig_init(struct rig *rig, unsigned threads, void (*first)(struct task *task))
{
    int error = 0;
    *rig = (struct rig){ .n_threads = threads };
    assert_int_equal(loop_init(&rig->loop), 0);
    rig->loop.before_wait = before_wait;
    rig->loop.owner = rig;
    pthread_mutex_init(&rig->gil, NULL);
    task_init(&rig->stop, on_stop);
    task_init(&rig->first, first);
    loop_post(&rig->loop, &rig->first);
    rig->crew = crew_new(&rig->loop, threads, &ops, rig, &error);
    assert_non_null(rig->crew);
    rigged = rig;
    watchdog_start();
}

struct seat {
    struct rig *rig;
    unsigned member;
};

static void *member_main(void *arg)
{
    struct seat *seat = arg;
    me = (int)seat->member;
    crew_serve(seat->rig->crew, seat->member);
    return NULL;
}

void rig_serve(struct rig *rig)
{
    struct seat seats[RIG_THREADS_MOST];
    for (unsigned i = 1; i < rig->n_threads; i++) {
        seats[i] = (struct seat){ rig, i };
        assert_int_equal(pthread_create(&rig->members[i], NULL, member_main, &seats[i]), 0);
    }
    me = 0;
    crew_serve(rig->crew, 0);
    me = RIG_NOT_A_MEMBER;
    crew_wait(rig->crew);
    for (unsigned i = 1; i < rig->n_threads; i++)
        pthread_join(rig->members[i], NULL);
    assert_int_equal(rig->gil_holder, 0);
    assert_int_equal(rig->jobs_now, 0);
    assert_int_equal(crew_idle(rig->crew), rig->n_threads);
}

void rig_done(struct rig *rig)
{
    watchdog_stop();
    rigged = NULL;
    crew_free(rig->crew);
    loop_done(&rig->loop);
    pthread_mutex_destroy(&rig->gil);
}

void rig_run(struct rig *rig, unsigned threads, void (*first)(struct task *task))
{
    rig_init(rig, threads, first);
    rig_serve(rig);
    rig_done(rig);
}

void flag_init(struct flag *flag)
{
    *flag = (struct flag){ .is_raised = false };
    pthread_mutex_init(&flag->lock, NULL);
    pthread_cond_init(&flag->raised, NULL);
}

void flag_raise(struct flag *flag)
{
    pthread_mutex_lock(&flag->lock);
    flag->is_raised = true;
    pthread_cond_broadcast(&flag->raised);
    pthread_mutex_unlock(&flag->lock);
}

void flag_lower(struct flag *flag)
{
    pthread_mutex_lock(&flag->lock);
    flag->is_raised = false;
    pthread_mutex_unlock(&flag->lock);
}

bool flag_is_raised(struct flag *flag)
{
    pthread_mutex_lock(&flag->lock);
    bool is_raised = flag->is_raised;
    pthread_mutex_unlock(&flag->lock);
    return is_raised;
}

void flag_wait(struct flag *flag)
{
    pthread_mutex_lock(&flag->lock);
    while (!flag->is_raised)
        pthread_cond_wait(&flag->raised, &flag->lock);
    pthread_mutex_unlock(&flag->lock);
}

void rig_wait(struct rig *rig, struct flag *flag)
{
    rig_release_gil(rig);
    flag_wait(flag);
    rig_take_gil(rig);
}
