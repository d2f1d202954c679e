/* SPDX-License-Identifier: MIT */
#include "child.h"

#include <signal.h>

#include "base/clock.h"
#include "master/signals.h"

static volatile sig_atomic_t old_handler_calls;

static void old_handler(int number)
{
    old_handler_calls++;
}

static int body_order(void)
{
    struct signals signals;
    CHILD_CHECK(signals_init(&signals) == 0);
    CHILD_CHECK(signals_next(&signals) == 0);
    static const int sent[] = { SIGHUP, SIGTTIN, SIGTTIN, SIGTERM, SIGUSR1 };
    for (size_t i = 0; i < COUNT_OF(sent); i++)
        raise(sent[i]);
    for (size_t i = 0; i < COUNT_OF(sent); i++)
        CHILD_CHECK(signals_next(&signals) == sent[i]);
    CHILD_CHECK(signals_next(&signals) == 0);
    signals_done(&signals);
    return 0;
}

static void come_in_order_and_repeat(void **state)
{
    assert_int_equal(run_in_child(body_order), 0);
}

static int body_restore(void)
{
    struct sigaction old = { .sa_handler = old_handler };
    sigaction(SIGINT, &old, NULL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    struct signals signals;
    CHILD_CHECK(signals_init(&signals) == 0);
    raise(SIGINT);
    raise(SIGHUP); /* unblocked meanwhile */
    CHILD_CHECK(signals_next(&signals) == SIGINT && signals_next(&signals) == SIGHUP);
    raise(SIGPIPE); /* ignored meanwhile */
    signals_done(&signals);
    CHILD_CHECK(old_handler_calls == 0);
    raise(SIGINT);
    CHILD_CHECK(old_handler_calls == 1);
    pthread_sigmask(SIG_BLOCK, NULL, &set);
    CHILD_CHECK(sigismember(&set, SIGHUP));
    return 0;
}

static void old_handlers_and_mask_come_back(void **state)
{
    assert_int_equal(run_in_child(body_restore), 0);
}

static int body_child(void)
{
    struct signals signals;
    CHILD_CHECK(signals_init(&signals) == 0);
    signals_block();
    raise(SIGUSR2);
    signals_unblock_parent();
    CHILD_CHECK(signals_next(&signals) == SIGUSR2);
    signals_block();
    signals_reset_child(&signals);
    raise(SIGUSR1);
    raise(SIGPIPE);
    raise(SIGCHLD);
    raise(SIGTERM);
    return 98;
}

static void a_child_has_the_defaults(void **state)
{
    assert_int_equal(run_in_child(body_child), 1000 + SIGTERM);
}

static int body_wait(void)
{
    struct signals signals;
    CHILD_CHECK(signals_init(&signals) == 0);
    msec before = clock_mono_ms();
    signals_wait(&signals, -1, 30);
    CHILD_CHECK(clock_mono_ms() - before >= 29);
    raise(SIGHUP);
    before = clock_mono_ms();
    signals_wait(&signals, -1, 60000);
    CHILD_CHECK(clock_mono_ms() - before < 30000);
    signals_wait(&signals, -1, -5); /* a deadline in the past */
    signals_done(&signals);
    return 0;
}

static void waiting_ends_with_a_signal(void **state)
{
    assert_int_equal(run_in_child(body_wait), 0);
}

static void names(void **state)
{
    assert_string_equal(signal_name(SIGKILL), "SIGKILL");
    assert_string_equal(signal_name(SIGSEGV), "SIGSEGV");
    assert_string_equal(signal_name(63), "signal 63");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(come_in_order_and_repeat),
        cmocka_unit_test(old_handlers_and_mask_come_back),
        cmocka_unit_test(a_child_has_the_defaults),
        cmocka_unit_test(waiting_ends_with_a_signal),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
