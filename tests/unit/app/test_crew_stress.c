/* SPDX-License-Identifier: MIT */
/* Thousands of jobs, short and long, from descriptors, timers, tasks and jobs. Each is an order: a piece of
 * memory that changes hands as an exchange does. The loop makes it and submits it; its job posts parts of an
 * answer, may pump, give the loop away or wait for the loop, and finishes it; the loop counts the parts and
 * frees it. So a job that runs twice or never, a task that is lost, and memory that is used too late show. */
#include "crew_rig.h"

#include <sys/socket.h>
#include <time.h>

enum { BY_DESCRIPTOR = 6000, BY_TIMER = 3000, BY_JOB = 1000, ERRANDS = 500, BURST = 64, LONGEST_US = 3000 };

static struct rig rig;

/* The loop's. Nothing of it is atomic, so that ThreadSanitizer watches how ownership is handed over. */
static struct {
    struct link orders; /* submitted and not freed */
    unsigned n_started, n_ended, n_cancelled, n_parts;
    unsigned left_by_timer, left_by_descriptor;
    struct timer timer;
    struct watch watch;
    uint64_t random;
    bool stops_early; /* no job may wait for the loop, or leave it something to start */
    unsigned ticks_left;
} shop;

/* What the jobs count; relaxed, so that they order nothing. */
static _Atomic unsigned n_ran, n_posted, n_errands, n_errands_ran;
static _Atomic int left_by_job, left_errands;

struct order {
    struct task job, news;
    struct link link; /* shop.orders */
    uint64_t random;
    bool stops_early;
    pthread_mutex_t lock;
    pthread_cond_t answered;
    unsigned parts, answers; /* under lock, as the next */
    bool is_finished;
    bool is_streamed;
};

static uint64_t draw(uint64_t *random, uint64_t below)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random % below;
}

static void count(_Atomic unsigned *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static unsigned counted(_Atomic unsigned *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/* One of those that are left, if any. */
static bool take(_Atomic int *left)
{
    return atomic_fetch_sub_explicit(left, 1, memory_order_relaxed) > 0;
}

/* --- in a job -------------------------------------------------------------------------------------- */

static void nap(uint64_t us)
{
    clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){ .tv_nsec = (long)us * 1000 }, NULL);
}

static void nap_with_gil(struct order *order)
{
    nap(draw(&order->random, LONGEST_US));
}

static void nap_without_gil(struct order *order)
{
    uint64_t us = draw(&order->random, LONGEST_US);
    rig_release_gil(&rig);
    nap(us);
    rig_take_gil(&rig);
}

static void post_part(struct order *order)
{
    count(&n_posted);
    pthread_mutex_lock(&order->lock);
    order->parts++;
    order->is_streamed = true;
    loop_post(&rig.loop, &order->news);
    pthread_mutex_unlock(&order->lock);
}

static void stream(struct order *order)
{
    for (uint64_t n = draw(&order->random, 4); n > 0; n--) {
        post_part(order);
        if (draw(&order->random, 2))
            crew_pump(rig.crew);
    }
}

static void give_away(struct order *order)
{
    crew_give_away(rig.crew);
    post_part(order);
}

/* As a writer waits for a client that does not read. */
static void wait_for_loop(struct order *order)
{
    if (order->stops_early)
        return;
    pthread_mutex_lock(&order->lock);
    unsigned seen = order->answers;
    pthread_mutex_unlock(&order->lock);
    post_part(order);
    crew_give_away(rig.crew);
    rig_release_gil(&rig);
    pthread_mutex_lock(&order->lock);
    while (order->answers == seen)
        pthread_cond_wait(&order->answered, &order->lock);
    pthread_mutex_unlock(&order->lock);
    rig_take_gil(&rig);
}

static void start_order(void);

static void on_request(struct task *task)
{
    ON_LOOP(&rig);
    start_order();
    free(task);
}

static struct task *new_task(void (*run)(struct task *task))
{
    struct task *task = malloc(sizeof(*task));
    CHECK(task);
    task_init(task, run);
    return task;
}

static void request_another(struct order *order)
{
    if (!order->stops_early && take(&left_by_job))
        loop_post(&rig.loop, new_task(on_request));
}

static void run_errand(struct task *job)
{
    IN_JOB(&rig);
    count(&n_errands_ran);
    free(job);
}

static void send_errand(struct order *order)
{
    if (order->stops_early || !take(&left_errands))
        return;
    count(&n_errands);
    crew_submit(rig.crew, new_task(run_errand));
}

static void finish(struct order *order)
{
    count(&n_posted);
    pthread_mutex_lock(&order->lock);
    order->parts++;
    order->is_finished = true;
    loop_post(&rig.loop, &order->news);
    pthread_mutex_unlock(&order->lock);
}

struct kind {
    unsigned percent;
    void (*run)(struct order *order);
};

static const struct kind kinds[] = {
    { 2, nap_with_gil },  { 3, nap_without_gil },  { 10, stream },      { 3, give_away },
    { 3, wait_for_loop }, { 20, request_another }, { 10, send_errand },
};

static void run_order(struct task *job)
{
    IN_JOB(&rig);
    struct order *order = CONTAINER_OF(job, struct order, job);
    count(&n_ran);
    uint64_t lot = draw(&order->random, 100);
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (lot < kinds[i].percent) {
            kinds[i].run(order);
            break;
        }
        lot -= kinds[i].percent;
    }
    finish(order);
}

/* --- on the loop ----------------------------------------------------------------------------------- */

static void end_order(struct order *order)
{
    if (order->is_streamed)
        loop_unpost(&rig.loop, &order->news);
    link_remove(&order->link);
    pthread_mutex_destroy(&order->lock);
    pthread_cond_destroy(&order->answered);
    free(order);
    shop.n_ended++;
}

static void on_news(struct task *task)
{
    ON_LOOP(&rig);
    struct order *order = CONTAINER_OF(task, struct order, news);
    pthread_mutex_lock(&order->lock);
    shop.n_parts += order->parts;
    order->parts = 0;
    order->answers++;
    bool is_finished = order->is_finished;
    pthread_cond_signal(&order->answered);
    pthread_mutex_unlock(&order->lock);
    if (is_finished)
        end_order(order);
}

static void start_order(void)
{
    struct order *order = malloc(sizeof(*order));
    CHECK(order);
    *order = (struct order){ .random = draw(&shop.random, UINT32_MAX) + 1, .stops_early = shop.stops_early };
    pthread_mutex_init(&order->lock, NULL);
    pthread_cond_init(&order->answered, NULL);
    task_init(&order->job, run_order);
    task_init(&order->news, on_news);
    list_append(&shop.orders, &order->link);
    shop.n_started++;
    crew_submit(rig.crew, &order->job);
}

static void on_bytes(struct watch *watch, uint32_t events)
{
    ON_LOOP(&rig);
    char bytes[BURST];
    ssize_t n = read(watch->fd, bytes, sizeof(bytes));
    for (ssize_t i = 0; i < n; i++)
        start_order();
    if (n > 0)
        shop.left_by_descriptor -= (unsigned)n;
}

/* The newest has perhaps not begun. */
static void cancel_one(void)
{
    if (list_is_empty(&shop.orders))
        return;
    struct order *order = CONTAINER_OF(shop.orders.prev, struct order, link);
    if (!crew_cancel(rig.crew, &order->job))
        return;
    shop.n_cancelled++;
    end_order(order);
}

static bool is_done(void)
{
    if (shop.stops_early)
        return shop.ticks_left-- == 0;
    return !shop.left_by_timer && !shop.left_by_descriptor && shop.n_started == shop.n_ended &&
           counted(&n_errands) == counted(&n_errands_ran);
}

static void on_tick(struct timer *timer)
{
    ON_LOOP(&rig);
    for (uint64_t n = draw(&shop.random, 40); n && shop.left_by_timer; n--) {
        start_order();
        shop.left_by_timer--;
    }
    if (!draw(&shop.random, 4))
        cancel_one();
    if (is_done())
        crew_stop(rig.crew);
    else
        timer_set(&rig.loop, timer, 1 + (msec)draw(&shop.random, 3));
}

static void begin(struct task *task)
{
    ON_LOOP(&rig);
    timer_init(&shop.timer, on_tick);
    timer_set(&rig.loop, &shop.timer, 1);
    if (shop.watch.fd >= 0)
        CHECK(loop_watch(&rig.loop, &shop.watch, EPOLLIN) == 0);
}

/* --- the tests ------------------------------------------------------------------------------------- */

/* Bursts with pauses, so that the watch also falls asleep and is woken. */
static void *produce(void *arg)
{
    int fd = *(int *)arg;
    uint64_t random = 88172645463325252u;
    char bytes[BURST] = { 0 };
    for (size_t left = BY_DESCRIPTOR, n; left; left -= n) {
        n = size_min(1 + (size_t)draw(&random, BURST), left);
        CHECK(write(fd, bytes, n) == (ssize_t)n);
        nap(draw(&random, 100) ? draw(&random, LONGEST_US) : 12000);
    }
    return NULL;
}

static void open_shop(bool stops_early)
{
    memset(&shop, 0, sizeof(shop));
    link_init(&shop.orders);
    shop.watch = (struct watch){ .fd = -1, .on_ready = on_bytes };
    shop.random = 2463534242u;
    shop.stops_early = stops_early;
    shop.left_by_timer = BY_TIMER;
    n_ran = n_posted = n_errands = n_errands_ran = 0;
    left_by_job = BY_JOB;
    left_errands = ERRANDS;
}

static void check_counts(void)
{
    assert_int_equal(shop.n_started, shop.n_ended);
    assert_int_equal(n_ran + shop.n_cancelled, shop.n_started);
    assert_int_equal(shop.n_parts, n_posted);
    assert_int_equal(n_errands_ran, n_errands);
    assert_int_equal(crew_queued(rig.crew), 0);
    assert_true(list_is_empty(&shop.orders));
}

static void stress(unsigned threads)
{
    int fds[2];
    pthread_t producer;
    open_shop(false);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    shop.watch.fd = fds[0];
    shop.left_by_descriptor = BY_DESCRIPTOR;
    rig_init(&rig, threads, begin);
    assert_int_equal(pthread_create(&producer, NULL, produce, &fds[1]), 0);
    rig_serve(&rig);
    pthread_join(producer, NULL);
    check_counts();
    assert_int_equal(shop.n_started, BY_DESCRIPTOR + BY_TIMER + BY_JOB);
    assert_int_equal(n_errands, ERRANDS);
    loop_unwatch(&rig.loop, &shop.watch);
    timer_done(&rig.loop, &shop.timer);
    rig_done(&rig);
    close(fds[0]);
    close(fds[1]);
}

static void one_thread(void **state)
{
    stress(1);
}

static void two_threads(void **state)
{
    stress(2);
}

static void four_threads(void **state)
{
    stress(4);
}

/* As a worker that leaves: what has run is accounted for, what waits is taken back. */
static void clear_shop(void)
{
    loop_run_tasks(&rig.loop);
    while (!list_is_empty(&shop.orders)) {
        struct order *order = CONTAINER_OF(shop.orders.next, struct order, link);
        assert_true(crew_cancel(rig.crew, &order->job));
        shop.n_cancelled++;
        end_order(order);
    }
}

static void stops_at_any_moment(void **state)
{
    for (unsigned round = 0; round < 60; round++) {
        open_shop(true);
        shop.random += round;
        shop.ticks_left = round % 10;
        rig_init(&rig, 1 + round % 4, begin);
        rig_serve(&rig);
        clear_shop();
        check_counts();
        timer_done(&rig.loop, &shop.timer);
        rig_done(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_thread),
        cmocka_unit_test(two_threads),
        cmocka_unit_test(four_threads),
        cmocka_unit_test(stops_at_any_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
