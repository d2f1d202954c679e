/* SPDX-License-Identifier: MIT */
/* The event loop: epoll, timers and tasks. At any moment exactly one thread owns a loop and may call
 * its functions; loop_post is the sole exception. Which thread that is, is its user's business. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>

#include "base/heap.h"
#include "base/list.h"

/* A descriptor and what to do when it is ready. Embedded in its owner. */
struct watch {
    int fd; /* -1: not watched any more; events still on their way are dropped */
    void (*on_ready)(struct watch *watch, uint32_t events);
};

/* A deadline. Moving it later costs nothing: the heap keeps the earlier time and asks again then. */
struct timer {
    struct heap_node node; /* its key is the time at which the loop looks at the timer */
    msec due;              /* the real deadline; 0: none */
    void (*on_due)(struct timer *timer);
};

/* Something to run once, on the loop. May be queued again from `run`; queuing it twice is once. */
struct task {
    struct link link;
    void (*run)(struct task *task);
};

struct loop {
    int epoll_fd;
    int wake_fd; /* eventfd: ends a wait */
    msec now;    /* monotonic, read once a turn */
    struct heap timers;
    struct link deferred; /* tasks for the end of this turn; the owner's */
    pthread_mutex_t post_lock;
    struct link posted;               /* tasks from any thread, under post_lock */
    _Atomic unsigned n_posted;        /* how many, so that an empty list costs no lock */
    _Atomic bool is_waiting;          /* in or about to enter epoll_wait: a post must wake it */
    void (*before_wait)(void *owner); /* called in each turn before it waits, may be NULL */
    void *owner;
};

/* 0 or -errno. */
int loop_init(struct loop *loop) MUST_CHECK;
void loop_done(struct loop *loop);

/* `watch->fd` and `on_ready` are set by the caller. Events as for epoll_ctl. 0 or -errno. */
int loop_watch(struct loop *loop, struct watch *watch, uint32_t events) MUST_CHECK;
int loop_rewatch(struct loop *loop, struct watch *watch, uint32_t events) MUST_CHECK;

/* Stops watching; the descriptor stays open, watch->fd becomes -1. */
void loop_unwatch(struct loop *loop, struct watch *watch);

/* `after` is relative to loop->now; at least 1 ms. */
void timer_init(struct timer *timer, void (*on_due)(struct timer *timer));
void timer_set(struct loop *loop, struct timer *timer, msec after);
void timer_stop(struct timer *timer);
/* The timer's memory is about to go. */
void timer_done(struct loop *loop, struct timer *timer);

void task_init(struct task *task, void (*run)(struct task *task));

/* Runs the task at the end of the present turn, after all events. Owner only. */
void loop_defer(struct loop *loop, struct task *task);

/* Hands a task to whoever owns the loop, and wakes it if it waits. Any thread. */
void loop_post(struct loop *loop, struct task *task);

/* Takes a posted task back, if it has not run yet. */
void loop_unpost(struct loop *loop, struct task *task);

/* Ends a wait; safe in signal handlers. */
void loop_wake(struct loop *loop);

/* Runs what was posted and deferred so far. */
void loop_run_tasks(struct loop *loop);

/* Waits at most `max_wait` ms (-1: until something happens), then runs events, timers and tasks.
 * Returns the number of events, or -EINTR when a signal ended the wait (timers and tasks ran). */
int loop_turn(struct loop *loop, msec max_wait);
