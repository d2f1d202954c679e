/* SPDX-License-Identifier: MIT */
/* No test sleeps: where the loop has to wait, something ends the wait. */
#include "unit.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>

#include "base/clock.h"
#include "io/loop.h"
#include "io/wake.h"

static struct loop loop;

/* What ran, in order, one letter each. */
static char trail[64];
static size_t trail_len;

static int set_up(void **state)
{
    trail_len = 0;
    memset(trail, 0, sizeof(trail));
    return loop_init(&loop);
}

static int tear_down(void **state)
{
    loop_done(&loop);
    return 0;
}

static void leave(char letter)
{
    if (trail_len < sizeof(trail) - 1)
        trail[trail_len++] = letter;
}

/* --- tasks ----------------------------------------------------------------------------------------- */

struct letter {
    struct task task;
    char name;
    int again; /* how often it defers or posts itself once more */
    bool by_post;
};

static void run_letter(struct task *task)
{
    struct letter *letter = CONTAINER_OF(task, struct letter, task);
    leave(letter->name);
    if (letter->again-- <= 0)
        return;
    if (letter->by_post)
        loop_post(&loop, task);
    else
        loop_defer(&loop, task);
}

static struct letter *letter_init(struct letter *letter, char name)
{
    *letter = (struct letter){ .name = name };
    task_init(&letter->task, run_letter);
    return letter;
}

static void runs_tasks_once_in_order(void **state)
{
    struct letter a, b, c;
    loop_defer(&loop, &letter_init(&a, 'a')->task);
    loop_defer(&loop, &letter_init(&b, 'b')->task);
    loop_defer(&loop, &a.task);
    loop_post(&loop, &letter_init(&c, 'c')->task);
    loop_post(&loop, &c.task);
    assert_int_equal(loop_turn(&loop, -1), 0);
    assert_string_equal(trail, "cab");
    assert_int_equal(loop.n_posted, 0);
    assert_int_equal(loop_turn(&loop, 0), 0);
    assert_string_equal(trail, "cab");
}

/* A task that queues itself again runs in the next turn, so that the loop gets to its events. */
static void requeued_tasks_wait_for_the_next_turn(void **state)
{
    struct letter deferred, posted;
    letter_init(&deferred, 'd')->again = 2;
    letter_init(&posted, 'p')->again = 2;
    posted.by_post = true;
    loop_defer(&loop, &deferred.task);
    loop_post(&loop, &posted.task);
    for (int i = 1; i <= 3; i++) {
        loop_turn(&loop, -1);
        assert_int_equal(trail_len, 2 * i);
    }
    assert_string_equal(trail, "pdpdpd");
    loop_turn(&loop, 0);
    assert_int_equal(trail_len, 6);
}

static void takes_posted_tasks_back(void **state)
{
    struct letter a, b;
    loop_post(&loop, &letter_init(&a, 'a')->task);
    loop_post(&loop, &letter_init(&b, 'b')->task);
    loop_unpost(&loop, &a.task);
    loop_unpost(&loop, &a.task);
    assert_int_equal(loop.n_posted, 1);
    loop_turn(&loop, -1);
    assert_string_equal(trail, "b");
}

static void *post_from_thread(void *task)
{
    loop_post(&loop, task);
    return NULL;
}

/* Whether or not the loop waits already when the post comes. */
static void a_post_ends_a_wait(void **state)
{
    for (int i = 0; i < 50; i++) {
        struct letter a;
        pthread_t thread;
        trail_len = 0;
        letter_init(&a, 'a');
        assert_int_equal(pthread_create(&thread, NULL, post_from_thread, &a.task), 0);
        while (!trail_len)
            loop_turn(&loop, -1);
        pthread_join(thread, NULL);
    }
}

enum { POSTERS = 4, POSTS = 2000 };

static _Atomic int n_ran;

static void count_run(struct task *task)
{
    n_ran++;
    free(task);
}

static void *post_many(void *unused)
{
    for (int i = 0; i < POSTS; i++) {
        struct task *task = malloc(sizeof(*task));
        task_init(task, count_run);
        loop_post(&loop, task);
    }
    return NULL;
}

static void loses_no_post_of_many_threads(void **state)
{
    pthread_t threads[POSTERS];
    n_ran = 0;
    for (int i = 0; i < POSTERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, post_many, NULL), 0);
    while (n_ran < POSTERS * POSTS)
        loop_turn(&loop, -1);
    for (int i = 0; i < POSTERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(n_ran, POSTERS * POSTS);
    assert_true(list_is_empty(&loop.posted));
}

/* --- timers ---------------------------------------------------------------------------------------- */

struct alarm {
    struct timer timer;
    char name;
    msec repeat;
};

static void on_alarm(struct timer *timer)
{
    struct alarm *alarm = CONTAINER_OF(timer, struct alarm, timer);
    leave(alarm->name);
    if (alarm->repeat)
        timer_set(&loop, timer, alarm->repeat);
}

static struct timer *alarm_init(struct alarm *alarm, char name)
{
    *alarm = (struct alarm){ .name = name };
    timer_init(&alarm->timer, on_alarm);
    return &alarm->timer;
}

/* As if `ms` had gone by since the timers were set. */
static void pass(msec ms)
{
    for (size_t i = 1; i <= loop.timers.count; i++) {
        struct timer *timer = CONTAINER_OF(loop.timers.nodes[i], struct timer, node);
        timer->node.key -= ms;
        if (timer->due)
            timer->due -= ms;
    }
    loop_turn(&loop, 0);
}

static void timers_run_in_order_of_time(void **state)
{
    struct alarm a, b, c;
    timer_set(&loop, alarm_init(&b, 'b'), 200000);
    timer_set(&loop, alarm_init(&c, 'c'), 300000);
    timer_set(&loop, alarm_init(&a, 'a'), 100000);
    loop_turn(&loop, 0);
    assert_string_equal(trail, "");
    pass(100000);
    assert_string_equal(trail, "a");
    pass(250000);
    assert_string_equal(trail, "abc");
    assert_int_equal(loop.timers.count, 0);
}

static void a_timer_moves_both_ways(void **state)
{
    struct alarm a;
    timer_set(&loop, alarm_init(&a, 'a'), 100000);
    timer_set(&loop, &a.timer, 300000);
    pass(100000);
    pass(100000);
    assert_string_equal(trail, "");
    pass(100000);
    assert_string_equal(trail, "a");
    timer_set(&loop, &a.timer, 300000);
    timer_set(&loop, &a.timer, 100000);
    pass(100000);
    assert_string_equal(trail, "aa");
    pass(200000);
    assert_string_equal(trail, "aa");
}

static void stopped_timers_stay_silent(void **state)
{
    struct alarm a, b;
    timer_set(&loop, alarm_init(&a, 'a'), 100000);
    timer_set(&loop, alarm_init(&b, 'b'), 100000);
    timer_stop(&a.timer);
    timer_stop(&a.timer);
    timer_done(&loop, &b.timer);
    timer_done(&loop, &b.timer);
    assert_int_equal(loop.timers.count, 1);
    pass(200000);
    assert_string_equal(trail, "");
    timer_set(&loop, &a.timer, 100000);
    pass(200000);
    assert_string_equal(trail, "a");
    timer_done(&loop, &a.timer);
}

static void a_timer_may_set_itself_again(void **state)
{
    struct alarm a;
    alarm_init(&a, 'a')->on_due = on_alarm;
    a.repeat = 100000;
    timer_set(&loop, &a.timer, 100000);
    pass(100000);
    pass(100000);
    pass(50000);
    assert_string_equal(trail, "aa");
    timer_done(&loop, &a.timer);
}

/* Waits for real: 1 ms is the shortest. */
static void a_timer_ends_a_wait(void **state)
{
    struct alarm a;
    int64_t before = clock_mono_us();
    timer_set(&loop, alarm_init(&a, 'a'), 0);
    while (!trail_len)
        loop_turn(&loop, -1);
    assert_true(clock_mono_us() > before);
}

/* --- events ---------------------------------------------------------------------------------------- */

struct end {
    struct watch watch;
    struct end *other; /* unwatched by the event when set */
    char name;
};

static void on_end_ready(struct watch *watch, uint32_t events)
{
    struct end *end = CONTAINER_OF(watch, struct end, watch);
    leave(end->name);
    if (end->other)
        loop_unwatch(&loop, &end->other->watch);
}

/* The end of a pipe that has a byte in it; `*out_write` is the other end. */
static void end_open(struct end *end, char name, int *out_write)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    *out_write = fds[1];
    *end = (struct end){ .watch = { .fd = fds[0], .on_ready = on_end_ready }, .name = name };
}

static void reports_ready_descriptors(void **state)
{
    struct end end;
    int other;
    end_open(&end, 'e', &other);
    assert_int_equal(loop_watch(&loop, &end.watch, EPOLLIN), 0);
    assert_int_equal(loop_watch(&loop, &end.watch, EPOLLIN), -EEXIST);
    assert_int_equal(loop_turn(&loop, -1), 1);
    assert_int_equal(loop_turn(&loop, -1), 1);
    assert_string_equal(trail, "ee");
    assert_int_equal(loop_rewatch(&loop, &end.watch, 0), 0);
    assert_int_equal(loop_turn(&loop, 0), 0);
    int fd = end.watch.fd;
    loop_unwatch(&loop, &end.watch);
    loop_unwatch(&loop, &end.watch);
    assert_int_equal(end.watch.fd, -1);
    assert_int_equal(loop_turn(&loop, 0), 0);
    char byte;
    assert_int_equal(read(fd, &byte, 1), 1);
    close(fd);
    close(other);
}

static void says_when_it_cannot_watch(void **state)
{
    struct watch watch = { .fd = 9999 };
    assert_int_equal(loop_watch(&loop, &watch, EPOLLIN), -EBADF);
}

/* Both are ready in one turn; whichever comes first takes the other away. */
static void drops_events_of_what_is_unwatched(void **state)
{
    struct end a, b;
    int other_a, other_b;
    end_open(&a, 'a', &other_a);
    end_open(&b, 'b', &other_b);
    int fd_a = a.watch.fd, fd_b = b.watch.fd;
    a.other = &b;
    b.other = &a;
    assert_int_equal(loop_watch(&loop, &a.watch, EPOLLIN), 0);
    assert_int_equal(loop_watch(&loop, &b.watch, EPOLLIN), 0);
    assert_int_equal(loop_turn(&loop, -1), 2);
    assert_int_equal(trail_len, 1);
    const int fds[] = { fd_a, fd_b, other_a, other_b };
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        close(fds[i]);
}

static void before_wait(void *owner)
{
    leave(*(char *)owner);
}

static void keeps_the_order_of_a_turn(void **state)
{
    struct letter deferred, posted;
    struct alarm alarm;
    struct end end;
    int other;
    char owner = 'w';
    end_open(&end, 'e', &other);
    assert_int_equal(loop_watch(&loop, &end.watch, EPOLLIN), 0);
    timer_set(&loop, alarm_init(&alarm, 't'), 100000);
    loop_defer(&loop, &letter_init(&deferred, 'd')->task);
    loop_post(&loop, &letter_init(&posted, 'p')->task);
    loop.before_wait = before_wait;
    loop.owner = &owner;
    pass(200000);
    assert_string_equal(trail, "wetpd");
    close(end.watch.fd);
    close(other);
}

static void waking_ends_a_wait(void **state)
{
    loop_wake(&loop);
    loop_wake(&loop);
    assert_int_equal(loop_turn(&loop, -1), 1);
    assert_int_equal(loop_turn(&loop, 0), 0);
}

static void on_signal(int number)
{
}

static _Atomic bool is_enough;

/* Again and again, since a signal may come between two waits. */
static void *send_signals(void *thread)
{
    while (!is_enough) {
        pthread_kill(*(pthread_t *)thread, SIGUSR1);
        sched_yield();
    }
    return NULL;
}

static void says_when_a_signal_ended_the_wait(void **state)
{
    struct sigaction action = { .sa_handler = on_signal };
    sigaction(SIGUSR1, &action, NULL);
    pthread_t self = pthread_self(), sender;
    is_enough = false;
    assert_int_equal(pthread_create(&sender, NULL, send_signals, &self), 0);
    int result = loop_turn(&loop, -1);
    is_enough = true;
    pthread_join(sender, NULL);
    signal(SIGUSR1, SIG_DFL);
    assert_int_equal(result, -EINTR);
}

static int n_woken;

static void on_wake(struct wake *wake)
{
    n_woken++;
}

static void wakes_run_once_for_many_signals(void **state)
{
    struct wake wake;
    n_woken = 0;
    assert_int_equal(wake_init(&wake, &loop, on_wake), 0);
    assert_int_equal(loop_turn(&loop, 0), 0);
    for (int i = 0; i < 5; i++)
        wake_signal(&wake);
    assert_int_equal(loop_turn(&loop, -1), 1);
    assert_int_equal(n_woken, 1);
    assert_int_equal(loop_turn(&loop, 0), 0);
    wake_signal(&wake);
    loop_turn(&loop, -1);
    assert_int_equal(n_woken, 2);
    wake_done(&wake, &loop);
    assert_int_equal(wake.watch.fd, -1);
}

#define WITH_LOOP(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_LOOP(runs_tasks_once_in_order),
        WITH_LOOP(requeued_tasks_wait_for_the_next_turn),
        WITH_LOOP(takes_posted_tasks_back),
        WITH_LOOP(a_post_ends_a_wait),
        WITH_LOOP(loses_no_post_of_many_threads),
        WITH_LOOP(timers_run_in_order_of_time),
        WITH_LOOP(a_timer_moves_both_ways),
        WITH_LOOP(stopped_timers_stay_silent),
        WITH_LOOP(a_timer_may_set_itself_again),
        WITH_LOOP(a_timer_ends_a_wait),
        WITH_LOOP(reports_ready_descriptors),
        WITH_LOOP(says_when_it_cannot_watch),
        WITH_LOOP(drops_events_of_what_is_unwatched),
        WITH_LOOP(keeps_the_order_of_a_turn),
        WITH_LOOP(waking_ends_a_wait),
        WITH_LOOP(says_when_a_signal_ended_the_wait),
        WITH_LOOP(wakes_run_once_for_many_signals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
