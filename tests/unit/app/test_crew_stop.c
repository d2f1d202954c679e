/* SPDX-License-Identifier: MIT */
/* A crew that is stopped in every state, and signals that interrupt its main thread. */
#include "crew_rig.h"

#include <signal.h>
#include <time.h>

static struct rig rig;
static struct timer timer;
static struct flag flag;
static struct task jobs[RIG_THREADS_MOST + 2];
static _Atomic int n_run;

static void init(unsigned threads, void (*first)(struct task *task))
{
    flag_init(&flag);
    n_run = 0;
    rig_init(&rig, threads, first);
}

static void done(void)
{
    timer_done(&rig.loop, &timer);
    rig_done(&rig);
}

static void run(unsigned threads, void (*first)(struct task *task))
{
    init(threads, first);
    rig_serve(&rig);
    done();
}

static void submit(struct task *job, void (*run_job)(struct task *job))
{
    task_init(job, run_job);
    crew_submit(rig.crew, job);
}

static void start_timer(void (*on_due)(struct timer *))
{
    timer_init(&timer, on_due);
    timer_set(&rig.loop, &timer, 1);
}

/* --- stopping -------------------------------------------------------------------------------------- */

static void stop_in_task(struct task *task)
{
    ON_LOOP(&rig);
    crew_stop(rig.crew);
}

static void stop_in_timer(struct timer *t)
{
    ON_LOOP(&rig);
    crew_stop(rig.crew);
}

static void begin_timer(struct task *task)
{
    ON_LOOP(&rig);
    start_timer(stop_in_timer);
}

enum { ROUNDS = 30 };

static void stops_while_all_park(void **state)
{
    for (int i = 0; i < ROUNDS; i++) {
        run(4, begin_timer);
        run(1, begin_timer);
    }
}

static void stops_as_soon_as_it_starts(void **state)
{
    for (int i = 0; i < ROUNDS; i++) {
        run(4, stop_in_task);
        run(1, stop_in_task);
    }
}

static void stops_before_anybody_serves(void **state)
{
    init(3, stop_in_task);
    crew_stop(rig.crew);
    rig_serve(&rig);
    done();
}

static void post_stop(struct task *job)
{
    IN_JOB(&rig);
    n_run++;
    rig_post_stop(&rig);
}

static void begin_post_stop(struct task *task)
{
    ON_LOOP(&rig);
    submit(&jobs[0], post_stop);
}

/* The leader meets the task before it waits again. */
static void stops_behind_a_job(void **state)
{
    for (unsigned threads = 1; threads <= 3; threads++)
        run(threads, begin_post_stop);
}

static void pump_stop(struct task *job)
{
    IN_JOB(&rig);
    rig_post_stop(&rig);
    crew_pump(rig.crew);
    n_run++;
}

static void begin_pump_stop(struct task *task)
{
    ON_LOOP(&rig);
    submit(&jobs[0], pump_stop);
}

static void stops_inside_a_pump(void **state)
{
    for (unsigned threads = 1; threads <= 3; threads++) {
        run(threads, begin_pump_stop);
        assert_int_equal(n_run, 1);
    }
}

static void block(struct task *job)
{
    IN_JOB(&rig);
    rig_wait(&rig, &flag);
    n_run++;
}

static void stop_on_relief(struct timer *t)
{
    ON_LOOP(&rig);
    if (rig_me() != RIG_NOT_A_MEMBER) {
        timer_set(&rig.loop, t, 1);
        return;
    }
    crew_stop(rig.crew);
    flag_raise(&flag);
}

static void begin_relief(struct task *task)
{
    ON_LOOP(&rig);
    start_timer(stop_on_relief);
    for (unsigned i = 0; i < rig.n_threads; i++)
        submit(&jobs[i], block);
}

static void stops_while_relief_leads(void **state)
{
    for (unsigned threads = 1; threads <= 4; threads++)
        run(threads, begin_relief);
}

/* Behind three jobs that run, two more wait; these never begin. */
static void stop_when_full(struct timer *t)
{
    ON_LOOP(&rig);
    if (rig.jobs_now < 3) {
        timer_set(&rig.loop, t, 1);
        return;
    }
    crew_stop(rig.crew);
    flag_raise(&flag);
}

static void begin_full(struct task *task)
{
    ON_LOOP(&rig);
    start_timer(stop_when_full);
    for (int i = 0; i < 5; i++)
        submit(&jobs[i], block);
}

static void stops_while_jobs_run_and_leaves_those_that_wait(void **state)
{
    init(3, begin_full);
    rig_serve(&rig);
    assert_int_equal(n_run, 3);
    assert_int_equal(crew_queued(rig.crew), 2);
    assert_false(crew_cancel(rig.crew, &jobs[2]));
    assert_true(crew_cancel(rig.crew, &jobs[3]));
    assert_true(crew_cancel(rig.crew, &jobs[4]));
    submit(&jobs[3], block);
    assert_true(crew_cancel(rig.crew, &jobs[3]));
    assert_int_equal(crew_queued(rig.crew), 0);
    done();
}

/* --- signals --------------------------------------------------------------------------------------- */

static pthread_t main_thread, signaller;
static pthread_barrier_t barrier;
static struct flag other_leads, main_waits, may_signal;
static int n_turns;
static _Atomic unsigned n_met;

static void on_signal(int number)
{
}

/* Again and again, since a signal that comes just before the wait interrupts nothing. */
static void *send_signals(void *arg)
{
    flag_wait(&may_signal);
    while (!rig.interrupts_begun) {
        pthread_kill(main_thread, SIGUSR1);
        clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){ .tv_nsec = 500000 }, NULL);
    }
    return NULL;
}

/* Without SA_RESTART, as Python's. */
static void run_with_signals(unsigned threads, void (*first)(struct task *task))
{
    struct sigaction action = { .sa_handler = on_signal }, before;
    sigaction(SIGUSR1, &action, &before);
    flag_init(&other_leads);
    flag_init(&main_waits);
    flag_init(&may_signal);
    pthread_barrier_init(&barrier, NULL, threads);
    main_thread = pthread_self();
    n_turns = 0;
    n_met = 0;
    init(threads, first);
    assert_int_equal(pthread_create(&signaller, NULL, send_signals, NULL), 0);
    rig_serve(&rig);
    pthread_join(signaller, NULL);
    assert_true(rig.interrupts > 0);
    done();
    pthread_barrier_destroy(&barrier);
    sigaction(SIGUSR1, &before, NULL);
}

static void stop_when_interrupted(struct timer *t)
{
    ON_LOOP(&rig);
    if (rig.interrupts)
        crew_stop(rig.crew);
    else
        timer_set(&rig.loop, t, 20);
}

static void begin_leading(struct task *task)
{
    ON_LOOP(&rig);
    start_timer(stop_when_interrupted);
    flag_raise(&may_signal);
}

static void a_signal_interrupts_the_leader(void **state)
{
    run_with_signals(1, begin_leading);
}

/* One job on each thread. That on the main thread ends when the last member leads, so that the main thread
 * parks from then on. */
static void meet(struct task *job)
{
    IN_JOB(&rig);
    rig_release_gil(&rig);
    pthread_barrier_wait(&barrier);
    n_met++;
    if (rig_me() == 0)
        flag_wait(&other_leads);
    rig_take_gil(&rig);
}

static void stop_when_interrupted_in_park(struct timer *t)
{
    ON_LOOP(&rig);
    CHECK(!flag_is_raised(&may_signal) || rig_me() == 1);
    if (rig_me() == 1 && n_met == 2)
        flag_raise(&other_leads);
    if (rig_me() == 1 && crew_idle(rig.crew) == 2 && !crew_queued(rig.crew))
        flag_raise(&may_signal);
    if (rig.interrupts)
        crew_stop(rig.crew);
    else
        timer_set(&rig.loop, t, 1);
}

static void begin_parked(struct task *task)
{
    ON_LOOP(&rig);
    start_timer(stop_when_interrupted_in_park);
    submit(&jobs[0], meet);
    submit(&jobs[1], meet);
}

static void a_signal_interrupts_the_main_thread_where_it_parks(void **state)
{
    run_with_signals(2, begin_parked);
}

/* What the signal calls on the main thread waits for the GIL, which member 1 keeps until the loop has
 * turned a few times more. */
static void keep_gil(void)
{
    rig_wait(&rig, &main_waits);
    flag_raise(&may_signal);
    flag_wait(&flag);
    n_run++;
}

static void let_go_in_time(struct timer *t)
{
    n_turns += rig.interrupts_begun > 0;
    if (n_turns == 5)
        flag_raise(&flag);
    if (rig.interrupts && n_run)
        crew_stop(rig.crew);
    else
        timer_set(&rig.loop, t, 1);
}

static void meet_then_keep_gil(struct task *job)
{
    meet(job);
    IN_JOB(&rig);
    if (rig_me() == 1)
        keep_gil();
}

static void wait_for_main(struct timer *t)
{
    ON_LOOP(&rig);
    flag_raise(&other_leads);
    if (rig_me() == 0 && n_met == 2)
        flag_raise(&main_waits);
    let_go_in_time(t);
}

static void begin_handler_of_leader(struct task *task)
{
    ON_LOOP(&rig);
    start_timer(wait_for_main);
    submit(&jobs[0], meet_then_keep_gil);
    submit(&jobs[1], meet_then_keep_gil);
}

static void the_loop_runs_while_the_leader_handles_a_signal(void **state)
{
    for (int i = 0; i < 5; i++)
        run_with_signals(2, begin_handler_of_leader);
}

static void want_gil(struct task *job)
{
    IN_JOB(&rig);
}

/* Once the main thread handles its signal, the leader begins a job, and so the loop needs another one. */
static void wait_for_two(struct timer *t)
{
    ON_LOOP(&rig);
    if (rig_me() == 2 && n_met == 3)
        flag_raise(&other_leads);
    if (rig_me() == 2 && crew_idle(rig.crew) == 2 && !crew_queued(rig.crew))
        flag_raise(&main_waits);
    let_go_in_time(t);
    if (n_turns == 1)
        submit(&jobs[3], want_gil);
}

static void begin_handler_of_parked(struct task *task)
{
    ON_LOOP(&rig);
    start_timer(wait_for_two);
    for (int i = 0; i < 3; i++)
        submit(&jobs[i], meet_then_keep_gil);
}

static void the_loop_runs_while_a_parked_thread_handles_a_signal(void **state)
{
    for (int i = 0; i < 5; i++)
        run_with_signals(3, begin_handler_of_parked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stops_while_all_park),
        cmocka_unit_test(stops_as_soon_as_it_starts),
        cmocka_unit_test(stops_before_anybody_serves),
        cmocka_unit_test(stops_behind_a_job),
        cmocka_unit_test(stops_inside_a_pump),
        cmocka_unit_test(stops_while_relief_leads),
        cmocka_unit_test(stops_while_jobs_run_and_leaves_those_that_wait),
        cmocka_unit_test(a_signal_interrupts_the_leader),
        cmocka_unit_test(a_signal_interrupts_the_main_thread_where_it_parks),
        cmocka_unit_test(the_loop_runs_while_the_leader_handles_a_signal),
        cmocka_unit_test(the_loop_runs_while_a_parked_thread_handles_a_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
