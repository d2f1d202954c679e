/* SPDX-License-Identifier: MIT */
/* The pid file: written to a temporary name beside it and renamed, so that no reader ever sees a part
 * of it. Used by the master only; errors are its to report. */
#include "master/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/num.h"

/* The number in the file, 0 when it holds none, or -errno. */
static int read_pid(const char *path)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    char text[32];
    ssize_t n = read(fd, text, sizeof(text));
    if (n < 0)
        return -errno;
    str digits = str_make(text, (size_t)n);
    while (digits.len && (digits.p[digits.len - 1] == '\n' || digits.p[digits.len - 1] == '\r'))
        digits.len--;
    uint64_t pid;
    return num_parse(str_trim(digits), INT_MAX, &pid) ? (int)pid : 0;
}

int pidfile_owner(const char *path)
{
    int pid = read_pid(path);
    if (pid == -ENOENT || pid == 0)
        return 0;
    if (pid < 0)
        return pid;
    return kill(pid, 0) == 0 || errno == EPERM ? pid : 0;
}

static int write_number(int fd, pid_t pid)
{
    if (fchmod(fd, 0644) < 0)
        return -errno;
    return dprintf(fd, "%d\n", (int)pid) < 0 ? -errno : 0;
}

int pidfile_write(const char *path, pid_t pid)
{
    char beside[PATH_MAX];
    int len = snprintf(beside, sizeof(beside), "%s.XXXXXX", path);
    if (len < 0 || (size_t)len >= sizeof(beside))
        return -ENAMETOOLONG;
    AUTO_CLOSE int fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int err = write_number(fd, pid);
    if (!err && rename(beside, path) < 0)
        err = -errno;
    if (err)
        unlink(beside);
    return err;
}

void pidfile_remove(const char *path, pid_t pid)
{
    if (read_pid(path) == pid)
        unlink(path);
}
