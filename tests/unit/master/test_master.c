/* SPDX-License-Identifier: MIT */
/* The life of a master: start, replacement, size, stop. Reloads are in test_reload.c. */
#include "rig.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "master/pidfile.h"

static void starts_and_stops(void **state)
{
    struct rig rig;
    rig_init(&rig, 3);
    rig_start(&rig);
    RIG_WAIT(rig_running(&rig) == (RIG_AGE(1) | RIG_AGE(2) | RIG_AGE(3)));
    struct stat st;
    assert_int_equal(stat(rig.pidfile, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
    assert_int_equal(pidfile_owner(rig.pidfile), rig.master);
    rig_signal(&rig, SIGTERM);
    assert_int_equal(rig_wait_end(&rig), 0);
    assert_int_equal(stat(rig.pidfile, &st), -1);
    for (int age = 1; age <= 3; age++)
        assert_true(rig.world->workers[age].got_term);
    assert_true(rig_log_has(&rig, "[INFO] Starting rig 1.2\n"));
    assert_true(rig_log_has(&rig, "[INFO] Listening at: http://127.0.0.1:"));
    assert_true(rig_log_has(&rig, "[INFO] Using worker: sync\n"));
    assert_int_equal(rig_log_count(&rig, "[INFO] Booting worker with pid: "), 3);
    assert_true(rig_log_has(&rig, "[INFO] Handling signal: term\n"));
    assert_true(rig_log_ends_with(&rig, "[INFO] Shutting down: Master\n"));
    rig_done(&rig);
}

static void replaces_a_killed_worker(void **state)
{
    struct rig rig;
    rig_init(&rig, 2);
    rig_start(&rig);
    RIG_WAIT(rig_running(&rig) == (RIG_AGE(1) | RIG_AGE(2)));
    kill(rig.world->workers[1].pid, SIGKILL);
    RIG_WAIT(rig_running(&rig) == (RIG_AGE(2) | RIG_AGE(3)));
    char line[80];
    snprintf(line, sizeof(line), "[ERROR] Worker (pid:%d) was sent SIGKILL! Perhaps out of memory?\n",
             (int)rig.world->workers[1].pid);
    assert_true(rig_log_has(&rig, line));
    rig_done(&rig);
}

static void ttin_and_ttou_change_the_size(void **state)
{
    struct rig rig;
    rig_init(&rig, 1);
    rig_start(&rig);
    RIG_WAIT(rig_running(&rig) == RIG_AGE(1));
    rig_signal(&rig, SIGTTIN);
    RIG_WAIT(rig_running(&rig) == (RIG_AGE(1) | RIG_AGE(2)));
    rig_signal(&rig, SIGTTOU);
    RIG_WAIT(rig_running(&rig) == RIG_AGE(2)); /* the oldest goes */
    assert_true(rig.world->workers[1].got_term);
    rig_signal(&rig, SIGTTOU);
    RIG_WAIT(rig_log_count(&rig, "Handling signal: ttou") == 2);
    rig_signal(&rig, SIGWINCH); /* handled after TTOU: by then TTOU has had its effect */
    RIG_WAIT(rig_log_has(&rig, "SIGWINCH ignored. Not daemonized"));
    assert_int_equal(rig_running(&rig), RIG_AGE(2));
    assert_false(rig.world->workers[2].got_term);
    rig_done(&rig);
}

static void quick_stop_sends_quit(void **state)
{
    static const int numbers[] = { SIGINT, SIGQUIT };
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        struct rig rig;
        rig_init(&rig, 1);
        rig_start(&rig);
        RIG_WAIT(rig_running(&rig) == RIG_AGE(1));
        rig_signal(&rig, numbers[i]);
        assert_int_equal(rig_wait_end(&rig), 0);
        assert_true(rig.world->workers[1].got_quit);
        rig_done(&rig);
    }
}

static void second_int_hurries_a_graceful_stop(void **state)
{
    struct rig rig;
    rig_init(&rig, 1);
    rig.config.graceful_timeout_ms = 3600 * 1000;
    rig_start(&rig);
    RIG_WAIT(rig_running(&rig) == RIG_AGE(1));
    rig.world->workers[1].is_deaf = true;
    rig_signal(&rig, SIGTERM);
    RIG_WAIT(rig.world->workers[1].got_term);
    rig_signal(&rig, SIGINT);
    assert_int_equal(rig_wait_end(&rig), 0);
    assert_true(rig.world->workers[1].got_quit);
    assert_true(rig_log_has(&rig, "Quick shutdown requested"));
    assert_true(rig_log_has(&rig, "was sent SIGKILL! It did not leave within graceful_timeout."));
    rig_done(&rig);
}

static void graceful_timeout_kills(void **state)
{
    struct rig rig;
    rig_init(&rig, 1);
    rig.config.graceful_timeout_ms = 200;
    rig_start(&rig);
    RIG_WAIT(rig_running(&rig) == RIG_AGE(1));
    rig.world->workers[1].is_deaf = true;
    rig_signal(&rig, SIGTERM);
    assert_int_equal(rig_wait_end(&rig), 0);
    rig_done(&rig);
}

static void boot_failure_stops_the_server(void **state)
{
    static const struct {
        int code;
        const char *last_line;
    } cases[] = {
        { EXIT_WORKER_BOOT, "[ERROR] Reason: Worker failed to boot.\n" },
        { EXIT_APP_LOAD, "[ERROR] Reason: App failed to load.\n" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct rig rig;
        rig_init(&rig, 2);
        rig.world->boot_exit = cases[i].code;
        rig_start(&rig);
        assert_int_equal(rig_wait_end(&rig), cases[i].code);
        char line[40];
        snprintf(line, sizeof(line), ") exited with code %d.\n", cases[i].code);
        assert_true(rig_log_has(&rig, line));
        assert_true(rig_log_has(&rig, "[ERROR] Shutting down: Master\n"));
        assert_true(rig_log_ends_with(&rig, cases[i].last_line));
        rig_done(&rig);
    }
}

static void boot_failure_of_a_replacement_keeps_the_others(void **state)
{
    struct rig rig;
    rig_init(&rig, 2);
    rig_start(&rig);
    RIG_WAIT(rig_log_count(&rig, "Booting worker") == 2 && rig_running(&rig) == (RIG_AGE(1) | RIG_AGE(2)));
    rig_signal(&rig, SIGUSR1); /* answered by workers that are past their boot */
    RIG_WAIT(rig.world->workers[1].got_usr1 && rig.world->workers[2].got_usr1);
    rig.world->boot_exit = EXIT_WORKER_BOOT;
    kill(rig.world->workers[1].pid, SIGKILL);
    RIG_WAIT(rig_log_count(&rig, ") exited with code 3.") >= 3);
    assert_true(rig_running(&rig) & RIG_AGE(2));
    rig.world->boot_exit = 0;
    RIG_WAIT(rig_log_has(&rig, "next start in 200 ms"));
    RIG_WAIT(__builtin_popcountll(rig_running(&rig)) == 2);
    rig_done(&rig);
}

static void early_deaths_are_delayed(void **state)
{
    struct rig rig;
    rig_init(&rig, 1);
    rig.world->boot_exit = 1;
    rig_start(&rig);
    RIG_WAIT(rig_log_has(&rig, "next start in 300 ms"));
    assert_int_equal(rig_log_count(&rig, "next start in 100 ms"), 1);
    assert_int_equal(rig_log_count(&rig, "next start in 200 ms"), 1);
    rig.world->boot_exit = 0;
    RIG_WAIT(rig_running(&rig) == RIG_AGE(5));
    rig_done(&rig);
}

static void a_worker_without_beat_is_killed(void **state)
{
    struct rig rig;
    rig_init(&rig, 1);
    rig.config.timeout_ms = 400;
    rig_start(&rig);
    RIG_WAIT(rig_running(&rig) == RIG_AGE(1));
    rig.world->workers[1].is_frozen = true;
    RIG_WAIT(rig_running(&rig) == (RIG_AGE(1) | RIG_AGE(2))); /* replaced before it is dead */
    RIG_WAIT(rig_running(&rig) == RIG_AGE(2));
    char line[80];
    snprintf(line, sizeof(line), "[CRITICAL] WORKER TIMEOUT (pid:%d)\n", (int)rig.world->workers[1].pid);
    assert_int_equal(rig_log_count(&rig, line), 1);
    assert_true(rig_log_has(&rig, "was sent SIGKILL! It did not end after SIGABRT."));
    rig_done(&rig);
}

static void timeout_zero_watches_no_beat(void **state)
{
    struct rig rig;
    rig_init(&rig, 1);
    rig.config.timeout_ms = 0;
    rig_start(&rig);
    RIG_WAIT(rig_running(&rig) == RIG_AGE(1));
    rig.world->workers[1].is_frozen = true;
    usleep(300 * 1000);
    rig_signal(&rig, SIGTTIN); /* makes the master look */
    RIG_WAIT(rig_running(&rig) == (RIG_AGE(1) | RIG_AGE(2)));
    assert_false(rig_log_has(&rig, "WORKER TIMEOUT"));
    rig_done(&rig);
}

static void a_retiring_worker_is_replaced_before_term(void **state)
{
    struct rig rig;
    rig_init(&rig, 1);
    rig_start(&rig);
    RIG_WAIT(rig_running(&rig) == RIG_AGE(1));
    rig.world->holds_ready = true;
    rig.world->workers[1].has_to_retire = true;
    RIG_WAIT(rig_running(&rig) == (RIG_AGE(1) | RIG_AGE(2)));
    assert_false(rig.world->workers[1].got_term);
    rig.world->holds_ready = false;
    RIG_WAIT(rig_running(&rig) == RIG_AGE(2));
    assert_true(rig.world->workers[1].got_term);
    rig_done(&rig);
}

static void a_retiring_worker_may_leave_by_itself(void **state)
{
    struct rig rig;
    rig_init(&rig, 1);
    rig_start(&rig);
    RIG_WAIT(rig_running(&rig) == RIG_AGE(1));
    rig.world->holds_ready = true;
    rig.world->workers[1].has_to_retire = true;
    RIG_WAIT(rig_running(&rig) == (RIG_AGE(1) | RIG_AGE(2)));
    rig.world->workers[1].may_leave = true;
    RIG_WAIT(rig_running(&rig) == RIG_AGE(2));
    assert_false(rig.world->workers[1].got_term);
    rig.world->holds_ready = false;
    rig_done(&rig);
}

static void a_retiring_worker_gets_term_even_if_not_replaced(void **state)
{
    struct rig rig;
    rig_init(&rig, 1);
    rig.config.graceful_timeout_ms = 200;
    rig_start(&rig);
    RIG_WAIT(rig_running(&rig) == RIG_AGE(1));
    rig.world->holds_ready = true;
    rig.world->workers[1].is_deaf = true;
    rig.world->workers[1].has_to_retire = true;
    RIG_WAIT(rig_running(&rig) == RIG_AGE(2));
    assert_true(rig.world->workers[1].got_term);
    assert_true(rig_log_has(&rig, "was sent SIGKILL! It did not leave within graceful_timeout."));
    rig_done(&rig);
}

static void usr1_reopens_logs_everywhere(void **state)
{
    struct rig rig;
    rig_init(&rig, 2);
    rig_start(&rig);
    RIG_WAIT(rig_running(&rig) == (RIG_AGE(1) | RIG_AGE(2)));
    rig_signal(&rig, SIGUSR1);
    RIG_WAIT(rig.world->workers[1].got_usr1 && rig.world->workers[2].got_usr1);
    assert_int_equal(rig.world->n_reopened, 1);
    rig_signal(&rig, SIGUSR2);
    RIG_WAIT(rig_log_has(&rig, "[WARNING] USR2 signal ignored. Not supported yet.\n"));
    rig_done(&rig);
}

static void workers_leave_when_the_master_is_gone(void **state)
{
    struct rig rig;
    rig_init(&rig, 2);
    rig_start(&rig);
    RIG_WAIT(rig_running(&rig) == (RIG_AGE(1) | RIG_AGE(2)));
    rig_signal(&rig, SIGKILL);
    assert_int_equal(rig_wait_end(&rig), 1000 + SIGKILL);
    for (int age = 1; age <= 2; age++) /* this process is the reaper now */
        assert_int_equal(waitpid(rig.world->workers[age].pid, NULL, 0), rig.world->workers[age].pid);
    rig_done(&rig);
}

static void refuses_a_pidfile_in_use(void **state)
{
    struct rig rig;
    rig_init(&rig, 1);
    assert_int_equal(pidfile_write(rig.pidfile, getpid()), 0);
    rig_start(&rig);
    assert_int_equal(rig_wait_end(&rig), 1);
    char line[200];
    snprintf(line, sizeof(line), "[ERROR] Already running on PID %d (or pid file '%s' is stale)\n",
             (int)getpid(), rig.pidfile);
    assert_true(rig_log_ends_with(&rig, line));
    assert_int_equal(pidfile_owner(rig.pidfile), getpid());
    rig_done(&rig);
}

static void names_a_bad_bind(void **state)
{
    static const struct {
        const char *bind;
        const char *last_line;
    } cases[] = {
        { "127.0.0.1:70000",
          "bind: cannot listen on '127.0.0.1:70000': the port is not a number from 0 to 65535\n" },
        { "unix:/nonexistent/x.sock",
          "bind: cannot listen on 'unix:/nonexistent/x.sock': No such file or directory\n" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct rig rig;
        rig_init(&rig, 1);
        rig.binds[1] = cases[i].bind;
        rig_start(&rig);
        assert_int_equal(rig_wait_end(&rig), 1);
        assert_true(rig_log_ends_with(&rig, cases[i].last_line));
        struct stat st;
        assert_int_equal(stat(rig.pidfile, &st), -1);
        rig_done(&rig);
    }
}

static void waits_for_a_port_in_use(void **state)
{
    struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(sin);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&sin, len), 0);
    assert_int_equal(listen(fd, 1), 0);
    getsockname(fd, (struct sockaddr *)&sin, &len);
    char bind_text[32], line[80];
    snprintf(bind_text, sizeof(bind_text), "127.0.0.1:%d", ntohs(sin.sin_port));
    snprintf(line, sizeof(line), "[ERROR] Connection in use: ('127.0.0.1', %d)\n", ntohs(sin.sin_port));

    struct rig rig;
    rig_init(&rig, 1);
    rig.binds[0] = bind_text;
    rig_start(&rig);
    /* the master has its own copy of the socket: what holds the port has to be given up there too */
    RIG_WAIT(rig_log_count(&rig, line) == 5);
    assert_int_equal(rig_wait_end(&rig), 1);
    assert_true(rig_log_ends_with(&rig, "': Address already in use\n"));
    rig_done(&rig);
    close(fd);
}

static int passed_fd;

static void pass_as_systemd_does(struct rig *rig)
{
    char pid[16];
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "1", 1);
    assert_int_equal(dup2(passed_fd, 3), 3);
}

static void takes_sockets_of_systemd(void **state)
{
    struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(sin);
    passed_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(passed_fd, (struct sockaddr *)&sin, len), 0);
    getsockname(passed_fd, (struct sockaddr *)&sin, &len);

    struct rig rig;
    rig_init(&rig, 1);
    rig.before_run = pass_as_systemd_does;
    rig_start(&rig);
    RIG_WAIT(rig_running(&rig) == RIG_AGE(1));
    assert_int_equal(rig.world->workers[1].first_port, ntohs(sin.sin_port));
    rig_signal(&rig, SIGHUP); /* they stay over a reload */
    RIG_WAIT(rig_running(&rig) == RIG_AGE(2));
    assert_int_equal(rig.world->workers[2].first_port, ntohs(sin.sin_port));
    rig_done(&rig);
    close(passed_fd);
}

int main(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_and_stops),
        cmocka_unit_test(replaces_a_killed_worker),
        cmocka_unit_test(ttin_and_ttou_change_the_size),
        cmocka_unit_test(quick_stop_sends_quit),
        cmocka_unit_test(second_int_hurries_a_graceful_stop),
        cmocka_unit_test(graceful_timeout_kills),
        cmocka_unit_test(boot_failure_stops_the_server),
        cmocka_unit_test(boot_failure_of_a_replacement_keeps_the_others),
        cmocka_unit_test(early_deaths_are_delayed),
        cmocka_unit_test(a_worker_without_beat_is_killed),
        cmocka_unit_test(timeout_zero_watches_no_beat),
        cmocka_unit_test(a_retiring_worker_is_replaced_before_term),
        cmocka_unit_test(a_retiring_worker_may_leave_by_itself),
        cmocka_unit_test(a_retiring_worker_gets_term_even_if_not_replaced),
        cmocka_unit_test(usr1_reopens_logs_everywhere),
        cmocka_unit_test(workers_leave_when_the_master_is_gone),
        cmocka_unit_test(refuses_a_pidfile_in_use),
        cmocka_unit_test(names_a_bad_bind),
        cmocka_unit_test(waits_for_a_port_in_use),
        cmocka_unit_test(takes_sockets_of_systemd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
