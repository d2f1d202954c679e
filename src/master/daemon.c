/* SPDX-License-Identifier: MIT */
/* Turning into a daemon: the second fork makes sure that the process leads no session and so can never
 * get a controlling terminal. The caller sets umask and directory; in a Python process it also tells the
 * interpreter that it was forked. */
#include "master/daemon.h"

#include <errno.h>
#include <fcntl.h>

static int fork_and_leave_parent(void)
{
    pid_t pid = fork();
    if (pid > 0)
        _exit(0);
    return pid < 0 ? -errno : 0;
}

static int redirect_to_null(bool also_stderr)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return -errno;
    int err = 0;
    for (int fd = STDIN_FILENO; fd <= (also_stderr ? STDERR_FILENO : STDOUT_FILENO) && !err; fd++)
        err = fd != null && dup2(null, fd) < 0 ? -errno : 0;
    if (null > STDERR_FILENO)
        close(null);
    else
        fcntl(null, F_SETFD, 0); /* it took the place of a closed standard stream: keep it over exec */
    return err;
}

int daemonize(bool close_stderr)
{
    int err = fork_and_leave_parent();
    if (err)
        return err;
    if (setsid() < 0)
        return -errno;
    err = fork_and_leave_parent();
    return err ? err : redirect_to_null(close_stderr);
}
