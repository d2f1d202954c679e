/* SPDX-License-Identifier: MIT */
/* Reloads of a real master: from one generation of workers to the next, or back. */
#include "rig.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "master/pidfile.h"

static void start_two(struct rig *rig)
{
    rig_start(rig);
    RIG_WAIT(rig_running(rig) == (RIG_AGE(1) | RIG_AGE(2)));
}

static void old_workers_serve_until_all_new_ones_are_ready(void **state)
{
    struct rig rig;
    rig_init(&rig, 2);
    rig.after_reload.workers = 3;
    start_two(&rig);
    rig.world->holds_ready = true;
    rig_signal(&rig, SIGHUP);
    RIG_WAIT(__builtin_popcountll(rig_running(&rig)) == 5);
    assert_false(rig.world->workers[1].got_term || rig.world->workers[2].got_term);
    rig.world->holds_ready = false;
    RIG_WAIT(rig_running(&rig) == (RIG_AGE(3) | RIG_AGE(4) | RIG_AGE(5)));
    assert_true(rig.world->workers[1].got_term && rig.world->workers[2].got_term);
    assert_int_equal(rig.world->workers[1].settings, 0);
    assert_int_equal(rig.world->workers[3].settings, 1);
    /* the same socket serves on */
    assert_int_equal(rig.world->workers[3].first_port, rig.world->workers[1].first_port);
    assert_true(rig.world->n_reopened >= 1);
    assert_int_equal(rig.world->n_released, 1);
    assert_true(rig_log_has(&rig, "[INFO] Handling signal: hup\n"));
    assert_true(rig_log_has(&rig, "[INFO] Hang up: Master\n"));
    rig_done(&rig);
}

static void workers_that_do_not_boot_leave_the_old_ones(void **state)
{
    struct rig rig;
    rig_init(&rig, 2);
    start_two(&rig);
    RIG_WAIT(rig_log_count(&rig, "Booting worker") == 2);
    rig.world->boot_exit = EXIT_APP_LOAD;
    rig_signal(&rig, SIGHUP);
    RIG_WAIT(
        rig_log_has(&rig, "[ERROR] Reload failed: App failed to load. The workers from before it stay.\n"));
    rig.world->boot_exit = 0;
    RIG_WAIT(rig_running(&rig) == (RIG_AGE(1) | RIG_AGE(2)));
    assert_false(rig.world->workers[1].got_term || rig.world->workers[2].got_term);
    assert_int_equal(rig.world->n_released, 1);
    /* a replacement boots by the configuration that stayed */
    kill(rig.world->workers[1].pid, SIGKILL);
    RIG_WAIT((rig_running(&rig) & ~RIG_AGE(1)) != RIG_AGE(2));
    int next = 63 - __builtin_clzll(rig_running(&rig));
    assert_int_equal(rig.world->workers[next].settings, 0);
    rig_done(&rig);
}

static void one_that_does_not_boot_ends_those_that_did(void **state)
{
    struct rig rig;
    rig_init(&rig, 1);
    rig.after_reload.workers = 2;
    rig_start(&rig);
    RIG_WAIT(rig_running(&rig) == RIG_AGE(1));
    rig.world->holds_ready = true;
    rig_signal(&rig, SIGHUP);
    RIG_WAIT(rig_running(&rig) == (RIG_AGE(1) | RIG_AGE(2) | RIG_AGE(3)));
    rig.world->boot_exit = EXIT_WORKER_BOOT;
    kill(rig.world->workers[2].pid, SIGKILL); /* its replacement in the new generation fails */
    RIG_WAIT(rig_log_has(&rig, "Reload failed: Worker failed to boot."));
    RIG_WAIT(rig_running(&rig) == RIG_AGE(1));
    assert_true(rig.world->workers[3].got_term);
    rig.world->boot_exit = 0;
    rig_done(&rig);
}

static void workers_that_die_early_end_the_reload(void **state)
{
    struct rig rig;
    rig_init(&rig, 1);
    rig_start(&rig);
    RIG_WAIT(rig_running(&rig) == RIG_AGE(1));
    rig.world->boot_exit = 7;
    rig_signal(&rig, SIGHUP);
    RIG_WAIT(rig_log_has(&rig, "Reload failed: its workers die before they serve."));
    RIG_WAIT(rig_running(&rig) == RIG_AGE(1));
    rig.world->boot_exit = 0;
    rig_done(&rig);
}

static void a_bad_configuration_changes_nothing(void **state)
{
    struct rig rig;
    rig_init(&rig, 1);
    rig_start(&rig);
    RIG_WAIT(rig_running(&rig) == RIG_AGE(1));
    rig.world->reload_fails = true;
    rig_signal(&rig, SIGHUP);
    RIG_WAIT(rig.world->n_reopened == 1);
    rig_signal(&rig, SIGTTIN);
    RIG_WAIT(rig_running(&rig) == (RIG_AGE(1) | RIG_AGE(2)));
    assert_int_equal(rig.world->workers[2].settings, 0);
    assert_int_equal(rig.world->n_released, 0);
    rig_done(&rig);
}

static void a_second_reload_takes_the_place_of_the_first(void **state)
{
    struct rig rig;
    rig_init(&rig, 1);
    rig_start(&rig);
    RIG_WAIT(rig_running(&rig) == RIG_AGE(1));
    rig.world->holds_ready = true;
    rig_signal(&rig, SIGHUP);
    RIG_WAIT(rig_running(&rig) == (RIG_AGE(1) | RIG_AGE(2)));
    rig_signal(&rig, SIGHUP);
    RIG_WAIT(rig_running(&rig) == (RIG_AGE(1) | RIG_AGE(3)));
    rig.world->holds_ready = false;
    RIG_WAIT(rig_running(&rig) == RIG_AGE(3));
    assert_int_equal(rig.world->workers[3].settings, 2);
    rig_done(&rig);
}

static bool answers(const char *path)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0;
}

static bool port_answers(int port)
{
    struct sockaddr_in sin = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == 0;
}

static void changed_binds_move_and_others_stay(void **state)
{
    struct rig rig;
    rig_init(&rig, 1);
    char old_bind[160], new_bind[160];
    snprintf(old_bind, sizeof(old_bind), "unix:%s", rig_path(&rig, "old"));
    snprintf(new_bind, sizeof(new_bind), "unix://%s", rig_path(&rig, "new"));
    rig.binds[0] = "127.0.0.1:0";
    rig.binds[1] = old_bind;
    rig.binds_after_reload[0] = "127.0.0.1:0";
    rig.binds_after_reload[1] = new_bind;
    rig_start(&rig);
    RIG_WAIT(rig_running(&rig) == RIG_AGE(1));
    assert_true(answers(rig_path(&rig, "old")));
    rig.world->holds_ready = true;
    rig_signal(&rig, SIGHUP);
    RIG_WAIT(rig_running(&rig) == (RIG_AGE(1) | RIG_AGE(2)));
    assert_true(answers(rig_path(&rig, "old"))); /* both, until the new workers are ready */
    assert_true(answers(rig_path(&rig, "new")));
    rig.world->holds_ready = false;
    RIG_WAIT(rig_running(&rig) == RIG_AGE(2));
    struct stat st;
    assert_int_equal(stat(rig_path(&rig, "old"), &st), -1);
    assert_true(answers(rig_path(&rig, "new")));
    assert_int_equal(rig.world->workers[2].first_port, rig.world->workers[1].first_port);
    rig_signal(&rig, SIGTERM);
    assert_int_equal(rig_wait_end(&rig), 0);
    assert_int_equal(stat(rig_path(&rig, "new"), &st), -1);
    rig_done(&rig);
}

static void a_dropped_port_is_refused_afterwards(void **state)
{
    struct rig rig;
    rig_init(&rig, 1);
    char bind[160];
    snprintf(bind, sizeof(bind), "unix:%s", rig_path(&rig, "new"));
    rig.binds_after_reload[0] = bind;
    rig_start(&rig);
    RIG_WAIT(rig_running(&rig) == RIG_AGE(1));
    int port = rig.world->workers[1].first_port;
    assert_true(port_answers(port));
    rig_signal(&rig, SIGHUP);
    RIG_WAIT(rig_running(&rig) == RIG_AGE(2));
    assert_false(port_answers(port)); /* no worker of the new generation holds it open */
    rig_done(&rig);
}

static void a_bind_that_fails_changes_nothing(void **state)
{
    struct rig rig;
    rig_init(&rig, 1);
    rig.binds_after_reload[1] = "unix:/nonexistent/x.sock";
    rig_start(&rig);
    RIG_WAIT(rig_running(&rig) == RIG_AGE(1));
    rig_signal(&rig, SIGHUP);
    RIG_WAIT(rig_log_has(&rig, "[ERROR] Reload failed: bind: 'unix:/nonexistent/x.sock': "
                               "No such file or directory\n"));
    RIG_WAIT(rig.world->n_released == 1);
    assert_true(port_answers(rig.world->workers[1].first_port));
    assert_int_equal(rig_running(&rig), RIG_AGE(1));
    rig_done(&rig);
}

static void the_pidfile_moves(void **state)
{
    struct rig rig;
    rig_init(&rig, 1);
    rig.after_reload.pidfile = rig_path(&rig, "other");
    rig_start(&rig);
    RIG_WAIT(rig_running(&rig) == RIG_AGE(1));
    rig_signal(&rig, SIGHUP);
    RIG_WAIT(pidfile_owner(rig_path(&rig, "other")) == rig.master);
    RIG_WAIT(pidfile_owner(rig.pidfile) == 0);
    rig_done(&rig);
}

static void a_stop_ends_a_reload(void **state)
{
    struct rig rig;
    rig_init(&rig, 1);
    rig_start(&rig);
    RIG_WAIT(rig_running(&rig) == RIG_AGE(1));
    rig.world->holds_ready = true;
    rig_signal(&rig, SIGHUP);
    RIG_WAIT(rig_running(&rig) == (RIG_AGE(1) | RIG_AGE(2)));
    rig_signal(&rig, SIGTERM);
    assert_int_equal(rig_wait_end(&rig), 0);
    assert_true(rig.world->workers[1].got_term && rig.world->workers[2].got_term);
    rig_done(&rig);
}

int main(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_workers_serve_until_all_new_ones_are_ready),
        cmocka_unit_test(workers_that_do_not_boot_leave_the_old_ones),
        cmocka_unit_test(one_that_does_not_boot_ends_those_that_did),
        cmocka_unit_test(workers_that_die_early_end_the_reload),
        cmocka_unit_test(a_bad_configuration_changes_nothing),
        cmocka_unit_test(a_second_reload_takes_the_place_of_the_first),
        cmocka_unit_test(changed_binds_move_and_others_stay),
        cmocka_unit_test(a_dropped_port_is_refused_afterwards),
        cmocka_unit_test(a_bind_that_fails_changes_nothing),
        cmocka_unit_test(the_pidfile_moves),
        cmocka_unit_test(a_stop_ends_a_reload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
