/* SPDX-License-Identifier: MIT */
#include "child.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "master/daemon.h"

/* What the daemon tells the test through a pipe. */
struct found {
    pid_t pid, session, group;
    bool is_null[3];
};

static int report_fd;
static bool close_stderr;

static bool is_null(int fd)
{
    struct stat st, null;
    return fstat(fd, &st) == 0 && stat("/dev/null", &null) == 0 && st.st_rdev == null.st_rdev;
}

static int body(void)
{
    int file = open("/", O_RDONLY | O_CLOEXEC);
    for (int fd = 0; fd < 3; fd++) /* whatever the test was started with */
        dup2(file, fd);
    if (daemonize(close_stderr) != 0)
        return 98;
    struct found found = { getpid(), getsid(0), getpgrp(), { is_null(0), is_null(1), is_null(2) } };
    return write(report_fd, &found, sizeof(found)) == sizeof(found) ? 7 : 97;
}

static struct found run(bool with_stderr)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    report_fd = ends[1];
    close_stderr = with_stderr;
    assert_int_equal(run_in_child(body), 0); /* the parent leaves with 0, whatever the daemon does */
    close(ends[1]);
    struct found found;
    assert_int_equal(read(ends[0], &found, sizeof(found)), sizeof(found));
    /* The end of the pipe: the process between has gone too, and the daemon is ours to wait for. */
    assert_int_equal(read(ends[0], &(char){ 0 }, 1), 0);
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(found.pid, &status, 0), found.pid); /* this process is its reaper */
    assert_int_equal(WEXITSTATUS(status), 7);
    while (waitpid(-1, NULL, WNOHANG) > 0) /* and that of the process between */
        continue;
    return found;
}

static void leads_no_session(void **state)
{
    struct found found = run(true);
    assert_int_not_equal(found.session, getsid(0));
    assert_int_not_equal(found.session, found.pid);
    assert_int_equal(found.group, found.session);
    assert_true(found.is_null[0] && found.is_null[1] && found.is_null[2]);
}

static void may_keep_stderr(void **state)
{
    struct found found = run(false);
    assert_true(found.is_null[0] && found.is_null[1]);
    assert_false(found.is_null[2]);
}

int main(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leads_no_session),
        cmocka_unit_test(may_keep_stderr),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
