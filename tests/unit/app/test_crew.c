/* SPDX-License-Identifier: MIT */
/* Who leads, and when the loop changes hands. A job that blocks until a callback of the loop has run proves
 * that another thread runs the loop; a timer that looks again each millisecond waits for a state that must
 * come. A hang fails, since the rig watches. */
#include "crew_rig.h"

#include <limits.h>

#include "io/wake.h"

static struct rig rig;
static struct timer timer;
static struct flag flag;
static struct task jobs[RIG_THREADS_MOST + 2], note;
static pthread_barrier_t barrier;
static _Atomic int n_run, job_member, leader;

static void run(unsigned threads, void (*first)(struct task *task))
{
    flag_init(&flag);
    n_run = 0;
    job_member = leader = INT_MIN;
    rig_init(&rig, threads, first);
    rig_serve(&rig);
    assert_int_equal(crew_queued(rig.crew), 0);
    timer_done(&rig.loop, &timer);
    rig_done(&rig);
}

static void submit(struct task *job, void (*run_job)(struct task *job))
{
    task_init(job, run_job);
    crew_submit(rig.crew, job);
}

static void look_again(void)
{
    timer_set(&rig.loop, &timer, 1);
}

static void start_timer(void (*on_due)(struct timer *))
{
    timer_init(&timer, on_due);
    look_again();
}

/* --- one thread ------------------------------------------------------------------------------------ */

enum { MANY = 200 };

static pthread_t main_thread;
static _Atomic bool is_waiting;

static void resubmit(struct task *task)
{
    ON_LOOP(&rig);
    crew_submit(rig.crew, &jobs[0]);
}

static void run_on_main(struct task *job)
{
    IN_JOB(&rig);
    CHECK(rig_me() == 0 && pthread_equal(pthread_self(), main_thread));
    int n = ++n_run;
    if (n == MANY / 2) {
        is_waiting = true;
        rig_wait(&rig, &flag);
        is_waiting = false;
    }
    if (n == MANY)
        rig_post_stop(&rig);
    else if (n % 2)
        crew_submit(rig.crew, job);
    else
        loop_post(&rig.loop, &note);
}

static void raise_when_waiting(struct timer *t)
{
    ON_LOOP(&rig);
    if (is_waiting) {
        CHECK(rig_me() == RIG_NOT_A_MEMBER);
        flag_raise(&flag);
    } else {
        look_again();
    }
}

static void begin_one_thread(struct task *task)
{
    ON_LOOP(&rig);
    task_init(&note, resubmit);
    start_timer(raise_when_waiting);
    submit(&jobs[0], run_on_main);
}

static void one_thread_runs_every_job_on_the_main_thread(void **state)
{
    main_thread = pthread_self();
    run(1, begin_one_thread);
    assert_int_equal(n_run, MANY);
}

/* --- a job that takes long ------------------------------------------------------------------------- */

static void block_then_stop(struct task *job)
{
    IN_JOB(&rig);
    job_member = rig_me();
    rig_wait(&rig, &flag);
    rig_post_stop(&rig);
}

static void raise_on_idle_member(struct timer *t)
{
    ON_LOOP(&rig);
    CHECK(job_member == INT_MIN || rig_me() != job_member);
    if (job_member != INT_MIN && rig_me() != RIG_NOT_A_MEMBER)
        flag_raise(&flag);
    else
        look_again();
}

static void begin_idle_takes_over(struct task *task)
{
    ON_LOOP(&rig);
    start_timer(raise_on_idle_member);
    submit(&jobs[0], block_then_stop);
}

static void an_idle_thread_takes_the_loop_from_a_long_job(void **state)
{
    run(2, begin_idle_takes_over);
    run(4, begin_idle_takes_over);
}

static void hold_gil_then_stop(struct task *job)
{
    IN_JOB(&rig);
    job_member = rig_me();
    flag_wait(&flag);
    rig_post_stop(&rig);
}

static void raise_in_any_other(struct timer *t)
{
    ON_LOOP(&rig);
    CHECK(rig_me() != job_member);
    if (job_member != INT_MIN)
        flag_raise(&flag);
    else
        look_again();
}

static void begin_gil_is_held(struct task *task)
{
    ON_LOOP(&rig);
    start_timer(raise_in_any_other);
    submit(&jobs[0], hold_gil_then_stop);
}

static void the_loop_runs_while_a_job_keeps_the_gil(void **state)
{
    run(1, begin_gil_is_held);
    run(3, begin_gil_is_held);
}

static void hold_gil(struct task *job)
{
    IN_JOB(&rig);
    flag_wait(&flag);
    if (++n_run == 2)
        rig_post_stop(&rig);
}

static void raise_on_relief(struct timer *t)
{
    ON_LOOP(&rig);
    if (rig_me() == RIG_NOT_A_MEMBER)
        flag_raise(&flag);
    else
        look_again();
}

/* The second job waits for the GIL that the first one keeps, on the thread that leads by then. */
static void begin_gil_is_wanted(struct task *task)
{
    ON_LOOP(&rig);
    start_timer(raise_on_relief);
    submit(&jobs[0], hold_gil);
    submit(&jobs[1], hold_gil);
}

static void the_loop_runs_while_a_job_waits_for_the_gil(void **state)
{
    run(2, begin_gil_is_wanted);
}

static void raise_flag(struct task *task)
{
    ON_LOOP(&rig);
    CHECK(rig_me() != job_member);
    flag_raise(&flag);
}

static void post_then_block(struct task *job)
{
    IN_JOB(&rig);
    job_member = rig_me();
    loop_post(&rig.loop, &note);
    rig_wait(&rig, &flag);
    rig_post_stop(&rig);
}

static void begin_post(struct task *task)
{
    ON_LOOP(&rig);
    task_init(&note, raise_flag);
    submit(&jobs[0], post_then_block);
}

static void what_a_job_posts_runs_while_it_blocks(void **state)
{
    run(1, begin_post);
    run(2, begin_post);
}

static void post_then_come_back(struct task *job)
{
    IN_JOB(&rig);
    job_member = rig_me();
    loop_post(&rig.loop, &note);
    rig_wait(&rig, &flag);
    n_run++;
}

static struct wake wake;

static void on_wake(struct wake *w)
{
    ON_LOOP(&rig);
    flag_raise(&flag);
}

static void signal_then_block(struct task *job)
{
    IN_JOB(&rig);
    wake_signal(&wake);
    rig_wait(&rig, &flag);
    rig_post_stop(&rig);
}

static void begin_event(struct task *task)
{
    ON_LOOP(&rig);
    CHECK(wake_init(&wake, &rig.loop, on_wake) == 0);
    submit(&jobs[0], signal_then_block);
}

static void events_run_while_a_job_blocks(void **state)
{
    for (unsigned threads = 1; threads <= 2; threads++) {
        flag_init(&flag);
        rig_init(&rig, threads, begin_event);
        rig_serve(&rig);
        wake_done(&wake, &rig.loop);
        rig_done(&rig);
    }
}

/* --- coming back ----------------------------------------------------------------------------------- */

enum { ROUNDS = 20 };

static int n_turns;

static void block(struct task *job)
{
    IN_JOB(&rig);
    rig_wait(&rig, &flag);
    flag_lower(&flag);
    n_run++;
}

/* The job blocks until relief has kept the loop for some turns; then the loop must come back. */
static void wait_for_main(struct timer *t)
{
    ON_LOOP(&rig);
    n_turns = rig_me() == 0 ? 0 : n_turns + 1;
    if (n_turns == 3)
        flag_raise(&flag);
    if (rig_me() == 0 && n_run == ROUNDS)
        crew_stop(rig.crew);
    else if (rig_me() == 0 && !crew_queued(rig.crew))
        crew_submit(rig.crew, &jobs[0]);
    look_again();
}

static void begin_claim(struct task *task)
{
    ON_LOOP(&rig);
    n_turns = 0;
    start_timer(wait_for_main);
    task_init(&jobs[0], block);
}

static void a_thread_that_comes_back_takes_the_loop_from_relief(void **state)
{
    run(1, begin_claim);
    assert_int_equal(n_run, ROUNDS);
}

static void stop_on_main(void *owner)
{
    ON_LOOP(&rig);
    if (rig_me() == 0 && n_run)
        crew_stop(rig.crew);
}

static void begin_quiet_claim(struct task *task)
{
    ON_LOOP(&rig);
    task_init(&note, raise_flag);
    rig.loop.before_wait = stop_on_main;
    submit(&jobs[0], post_then_come_back);
}

/* There is nothing else to wake relief. */
static void the_loop_comes_back_though_nothing_happens(void **state)
{
    run(1, begin_quiet_claim);
}

enum { CHANGES = 300 };

static void give_away_briefly(struct task *job)
{
    IN_JOB(&rig);
    crew_give_away(rig.crew);
    if (++n_run == CHANGES)
        rig_post_stop(&rig);
    else
        loop_post(&rig.loop, &note);
}

static void begin_changes(struct task *task)
{
    ON_LOOP(&rig);
    task_init(&note, resubmit);
    submit(&jobs[0], give_away_briefly);
}

static void the_loop_changes_hands_often(void **state)
{
    for (unsigned threads = 1; threads <= 3; threads++) {
        run(threads, begin_changes);
        assert_int_equal(n_run, CHANGES);
    }
}

/* --- many jobs ------------------------------------------------------------------------------------- */

static void meet(struct task *job)
{
    IN_JOB(&rig);
    rig_release_gil(&rig);
    pthread_barrier_wait(&barrier);
    rig_take_gil(&rig);
    int n = ++n_run;
    if (n == ROUNDS * (int)rig.n_threads)
        rig_post_stop(&rig);
    else if (n % (int)rig.n_threads == 0)
        loop_post(&rig.loop, &note);
}

static void submit_one_each(struct task *task)
{
    ON_LOOP(&rig);
    for (unsigned i = 0; i < rig.n_threads; i++)
        submit(&jobs[i], meet);
}

static void begin_overlap(struct task *task)
{
    task_init(&note, submit_one_each);
    submit_one_each(task);
}

static void as_many_jobs_as_threads_run_at_once(void **state)
{
    for (unsigned threads = 1; threads <= RIG_THREADS_MOST; threads *= 2) {
        pthread_barrier_init(&barrier, NULL, threads);
        run(threads, begin_overlap);
        pthread_barrier_destroy(&barrier);
    }
}

static void block_and_count(struct task *job)
{
    IN_JOB(&rig);
    rig_wait(&rig, &flag);
    if (++n_run == 4)
        rig_post_stop(&rig);
}

/* Two of five jobs run; the last is taken back. */
static void wait_until_full(struct timer *t)
{
    ON_LOOP(&rig);
    if (rig.jobs_now < 2) {
        look_again();
        return;
    }
    CHECK(crew_idle(rig.crew) == 0);
    CHECK(crew_queued(rig.crew) == 3);
    CHECK(!crew_cancel(rig.crew, &jobs[0]));
    CHECK(!crew_cancel(rig.crew, &jobs[1]));
    CHECK(crew_cancel(rig.crew, &jobs[4]));
    CHECK(crew_queued(rig.crew) == 2);
    flag_raise(&flag);
}

static void begin_full(struct task *task)
{
    ON_LOOP(&rig);
    start_timer(wait_until_full);
    for (int i = 0; i < 5; i++)
        submit(&jobs[i], block_and_count);
}

static void no_more_jobs_than_threads_run_at_once(void **state)
{
    run(2, begin_full);
    assert_int_equal(n_run, 4);
}

static void run_in_order(struct task *job)
{
    IN_JOB(&rig);
    CHECK(job == (n_run ? &jobs[2] : &jobs[0]));
    if (++n_run == 2)
        rig_post_stop(&rig);
}

static void begin_cancel(struct task *task)
{
    ON_LOOP(&rig);
    for (int i = 0; i < 3; i++)
        submit(&jobs[i], run_in_order);
    CHECK(crew_cancel(rig.crew, &jobs[1]));
    CHECK(!crew_cancel(rig.crew, &jobs[1]));
}

static void a_cancelled_job_does_not_run(void **state)
{
    run(1, begin_cancel);
    assert_int_equal(n_run, 2);
}

/* --- jobs that know the crew ----------------------------------------------------------------------- */

static void note_leader(struct task *task)
{
    ON_LOOP(&rig);
    leader = rig_me();
    flag_raise(&flag);
}

/* Twice, since the second time the loop is not this thread's any more; nor is it for the pump. */
static void give_away_and_block(struct task *job)
{
    IN_JOB(&rig);
    for (int i = 0; i < 2; i++) {
        flag_lower(&flag);
        loop_post(&rig.loop, &note);
        crew_give_away(rig.crew);
        crew_pump(rig.crew);
        flag_wait(&flag);
        CHECK(leader != rig_me());
    }
    if (++n_run == ROUNDS)
        rig_post_stop(&rig);
    else
        crew_submit(rig.crew, job);
}

static void begin_give_away(struct task *task)
{
    ON_LOOP(&rig);
    task_init(&note, note_leader);
    submit(&jobs[0], give_away_and_block);
}

static void a_job_gives_the_loop_away(void **state)
{
    run(1, begin_give_away);
    run(2, begin_give_away);
}

/* Until the pump has once run the task here, which is so unless the job lost the loop already. */
static void post_and_pump(struct task *job)
{
    IN_JOB(&rig);
    flag_lower(&flag);
    loop_post(&rig.loop, &note);
    crew_pump(rig.crew);
    if (flag_is_raised(&flag) && leader == rig_me()) {
        flag_lower(&flag);
        loop_post(&rig.loop, &note);
        rig_wait(&rig, &flag);
        CHECK(leader != rig_me());
        rig_post_stop(&rig);
        return;
    }
    rig_wait(&rig, &flag);
    CHECK(++n_run < 1000);
    crew_submit(rig.crew, job);
}

static void begin_pump(struct task *task)
{
    ON_LOOP(&rig);
    task_init(&note, note_leader);
    submit(&jobs[0], post_and_pump);
}

static void a_job_pumps_the_loop_and_can_still_lose_it(void **state)
{
    run(1, begin_pump);
    run(2, begin_pump);
}

static void raise_from_job(struct task *job)
{
    IN_JOB(&rig);
    flag_raise(&flag);
}

/* The other thread waits for events, none of which comes. */
static void submit_from_job(struct task *job)
{
    IN_JOB(&rig);
    crew_give_away(rig.crew);
    for (int i = 0; i < ROUNDS; i++) {
        flag_lower(&flag);
        submit(&jobs[1], raise_from_job);
        rig_wait(&rig, &flag);
    }
    rig_post_stop(&rig);
}

static void begin_submit_from_job(struct task *task)
{
    ON_LOOP(&rig);
    submit(&jobs[0], submit_from_job);
}

static void a_job_that_a_job_submits_runs_on_an_idle_thread(void **state)
{
    run(2, begin_submit_from_job);
}

static void *use_crew(void *arg)
{
    crew_pump(rig.crew);
    crew_give_away(rig.crew);
    return NULL;
}

static void start_thread(struct task *job)
{
    IN_JOB(&rig);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, use_crew, NULL) == 0);
    pthread_join(thread, NULL);
    rig_post_stop(&rig);
}

static void begin_foreign(struct task *task)
{
    ON_LOOP(&rig);
    submit(&jobs[0], start_thread);
}

/* An application may hand its write() to a thread of its own. */
static void threads_that_are_no_members_change_nothing(void **state)
{
    run(1, begin_foreign);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_thread_runs_every_job_on_the_main_thread),
        cmocka_unit_test(an_idle_thread_takes_the_loop_from_a_long_job),
        cmocka_unit_test(the_loop_runs_while_a_job_keeps_the_gil),
        cmocka_unit_test(the_loop_runs_while_a_job_waits_for_the_gil),
        cmocka_unit_test(what_a_job_posts_runs_while_it_blocks),
        cmocka_unit_test(events_run_while_a_job_blocks),
        cmocka_unit_test(a_thread_that_comes_back_takes_the_loop_from_relief),
        cmocka_unit_test(the_loop_comes_back_though_nothing_happens),
        cmocka_unit_test(the_loop_changes_hands_often),
        cmocka_unit_test(as_many_jobs_as_threads_run_at_once),
        cmocka_unit_test(no_more_jobs_than_threads_run_at_once),
        cmocka_unit_test(a_cancelled_job_does_not_run),
        cmocka_unit_test(a_job_gives_the_loop_away),
        cmocka_unit_test(a_job_pumps_the_loop_and_can_still_lose_it),
        cmocka_unit_test(a_job_that_a_job_submits_runs_on_an_idle_thread),
        cmocka_unit_test(threads_that_are_no_members_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
