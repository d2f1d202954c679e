/* SPDX-License-Identifier: MIT */
/* The event loop. The crew (app/crew.c) moves its ownership between threads; nothing in here locks but
 * the list of posted tasks. Order of a turn: wait, events, timers, posted tasks, deferred tasks. Owners
 * free themselves in a deferred task, so that no callback of the same turn meets freed memory. */
#include "io/loop.h"

#include <errno.h>
#include <sys/eventfd.h>

#include "base/clock.h"

enum { EVENTS_A_TURN = 128 };

/* The only descriptor whose readiness means nothing but "look at the posted tasks". */
static int watch_wake_fd(struct loop *loop)
{
    struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.ptr = NULL };
    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->wake_fd, &event) < 0 ? -errno : 0;
}

int loop_init(struct loop *loop)
{
    *loop = (struct loop){ .epoll_fd = epoll_create1(EPOLL_CLOEXEC), .wake_fd = -1 };
    heap_init(&loop->timers);
    link_init(&loop->deferred);
    link_init(&loop->posted);
    pthread_mutex_init(&loop->post_lock, NULL);
    loop->now = clock_mono_ms();
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int error = loop->epoll_fd < 0 || loop->wake_fd < 0 ? -errno : watch_wake_fd(loop);
    if (error)
        loop_done(loop);
    return error;
}

void loop_done(struct loop *loop)
{
    if (loop->epoll_fd >= 0)
        close(loop->epoll_fd);
    if (loop->wake_fd >= 0)
        close(loop->wake_fd);
    loop->epoll_fd = loop->wake_fd = -1;
    heap_done(&loop->timers);
    pthread_mutex_destroy(&loop->post_lock);
}

static int control(struct loop *loop, int op, struct watch *watch, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.ptr = watch };
    return epoll_ctl(loop->epoll_fd, op, watch->fd, &event) < 0 ? -errno : 0;
}

int loop_watch(struct loop *loop, struct watch *watch, uint32_t events)
{
    return control(loop, EPOLL_CTL_ADD, watch, events);
}

int loop_rewatch(struct loop *loop, struct watch *watch, uint32_t events)
{
    return control(loop, EPOLL_CTL_MOD, watch, events);
}

void loop_unwatch(struct loop *loop, struct watch *watch)
{
    if (watch->fd >= 0)
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    watch->fd = -1;
}

void timer_init(struct timer *timer, void (*on_due)(struct timer *timer))
{
    *timer = (struct timer){ .on_due = on_due };
}

void timer_set(struct loop *loop, struct timer *timer, msec after)
{
    timer->due = loop->now + (after > 0 ? after : 1);
    if (!heap_has(&timer->node) || timer->due < timer->node.key)
        heap_set(&loop->timers, &timer->node, timer->due);
}

void timer_stop(struct timer *timer)
{
    timer->due = 0;
}

void timer_done(struct loop *loop, struct timer *timer)
{
    heap_remove(&loop->timers, &timer->node);
    timer->due = 0;
}

static void run_timers(struct loop *loop)
{
    struct heap_node *node;
    while ((node = heap_least(&loop->timers)) && node->key <= loop->now) {
        struct timer *timer = CONTAINER_OF(node, struct timer, node);
        if (timer->due > loop->now) {
            heap_set(&loop->timers, node, timer->due);
            continue;
        }
        heap_remove(&loop->timers, node);
        if (timer->due) {
            timer->due = 0;
            timer->on_due(timer);
        }
    }
}

void task_init(struct task *task, void (*run)(struct task *task))
{
    link_init(&task->link);
    task->run = run;
}

void loop_defer(struct loop *loop, struct task *task)
{
    if (!link_is_listed(&task->link))
        list_append(&loop->deferred, &task->link);
}

void loop_wake(struct loop *loop)
{
    uint64_t one = 1;
    ssize_t n = write(loop->wake_fd, &one, sizeof(one));
    (void)n; /* full means that a wake is under way already */
}

void loop_post(struct loop *loop, struct task *task)
{
    pthread_mutex_lock(&loop->post_lock);
    if (!link_is_listed(&task->link)) {
        list_append(&loop->posted, &task->link);
        atomic_fetch_add(&loop->n_posted, 1);
    }
    pthread_mutex_unlock(&loop->post_lock);
    if (atomic_load(&loop->is_waiting) && atomic_exchange(&loop->is_waiting, false))
        loop_wake(loop);
}

void loop_unpost(struct loop *loop, struct task *task)
{
    pthread_mutex_lock(&loop->post_lock);
    if (link_is_listed(&task->link)) {
        link_remove(&task->link);
        atomic_fetch_sub(&loop->n_posted, 1);
    }
    pthread_mutex_unlock(&loop->post_lock);
}

static struct task *pop_posted(struct loop *loop)
{
    pthread_mutex_lock(&loop->post_lock);
    struct link *link = list_pop(&loop->posted);
    if (link)
        atomic_fetch_sub(&loop->n_posted, 1);
    pthread_mutex_unlock(&loop->post_lock);
    return link ? CONTAINER_OF(link, struct task, link) : NULL;
}

/* Only as many as there were at the start: a task that posts itself again must not starve the rest. */
static void run_posted(struct loop *loop)
{
    unsigned count = atomic_load(&loop->n_posted);
    while (count-- > 0) {
        struct task *task = pop_posted(loop);
        if (!task)
            return;
        task->run(task);
    }
}

static void run_deferred(struct loop *loop)
{
    struct link batch;
    link_init(&batch);
    list_move_all(&batch, &loop->deferred);
    struct link *link;
    while ((link = list_pop(&batch))) {
        struct task *task = CONTAINER_OF(link, struct task, link);
        task->run(task);
    }
}

void loop_run_tasks(struct loop *loop)
{
    run_posted(loop);
    run_deferred(loop);
}

static int wait_ms(struct loop *loop, msec max_wait)
{
    if (!list_is_empty(&loop->deferred))
        return 0;
    struct heap_node *node = heap_least(&loop->timers);
    if (!node)
        return (int)max_wait;
    msec left = node->key - clock_mono_ms();
    if (left < 0)
        left = 0;
    if (max_wait >= 0 && max_wait < left)
        left = max_wait;
    return left > INT32_MAX ? INT32_MAX : (int)left;
}

static void clear_wake(struct loop *loop)
{
    uint64_t count;
    ssize_t n = read(loop->wake_fd, &count, sizeof(count));
    (void)n;
}

static void dispatch(struct loop *loop, const struct epoll_event *events, int count)
{
    for (int i = 0; i < count; i++) {
        struct watch *watch = events[i].data.ptr;
        if (!watch)
            clear_wake(loop);
        else if (watch->fd >= 0)
            watch->on_ready(watch, events[i].events);
    }
}

int loop_turn(struct loop *loop, msec max_wait)
{
    struct epoll_event events[EVENTS_A_TURN];
    if (loop->before_wait)
        loop->before_wait(loop->owner);
    int timeout = wait_ms(loop, max_wait);
    atomic_store(&loop->is_waiting, true);
    if (atomic_load(&loop->n_posted))
        timeout = 0;
    int count = epoll_wait(loop->epoll_fd, events, EVENTS_A_TURN, timeout);
    int error = count < 0 ? -errno : 0;
    atomic_store(&loop->is_waiting, false);
    loop->now = clock_mono_ms();
    dispatch(loop, events, count);
    run_timers(loop);
    loop_run_tasks(loop);
    return error ? error : count;
}
