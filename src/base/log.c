/* SPDX-License-Identifier: MIT */
/* The error log. One process may write from several threads: each line is built on the stack (or the
 * heap when long) and leaves in one write(2) to a descriptor opened with O_APPEND, so lines never mix,
 * also between processes that share the file. Control bytes of a message are escaped, since a message
 * may quote a peer. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "base/buf.h"
#include "base/clock.h"

static const char *const level_names[] = { "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL" };

void log_init(struct log *log, enum log_level level)
{
    *log = (struct log){ .level = level, .fd = STDERR_FILENO };
}

static void close_file(struct log *log)
{
    if (log->fd != STDERR_FILENO)
        close(log->fd);
    log->fd = STDERR_FILENO;
}

void log_done(struct log *log)
{
    close_file(log);
    free(log->path);
    log->path = NULL;
}

static int open_append(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    return fd < 0 ? -errno : fd;
}

int log_open(struct log *log, const char *path)
{
    if (strcmp(path, "-") == 0) {
        log_done(log);
        return 0;
    }
    int fd = open_append(path);
    if (fd < 0)
        return fd;
    char *copy = str_dup(str_of(path));
    log_done(log);
    log->fd = fd;
    log->path = copy;
    return 0;
}

int log_reopen(struct log *log)
{
    if (!log->path)
        return 0;
    AUTO_FREE char *path = str_dup(str_of(log->path));
    return log_open(log, path);
}

bool log_is_moved(const struct log *log)
{
    struct stat open_file, named;
    if (!log->path || fstat(log->fd, &open_file) < 0)
        return false;
    return stat(log->path, &named) < 0 || named.st_ino != open_file.st_ino ||
           named.st_dev != open_file.st_dev;
}

int log_chown(struct log *log, uid_t uid, gid_t gid)
{
    return log->path && fchown(log->fd, uid, gid) < 0 ? -errno : 0;
}

static int format_prefix(char *to, size_t size, enum log_level level)
{
    time_t now = clock_wall();
    struct tm tm;
    localtime_r(&now, &tm);
    char when[40];
    strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S %z", &tm);
    return snprintf(to, size, "[%s] [%d] [%s] ", when, (int)getpid(), level_names[level]);
}

static void write_line(struct log *log, enum log_level level, str text)
{
    char prefix[96];
    int len = format_prefix(prefix, sizeof(prefix), level);
    struct iovec iov[] = {
        { prefix, (size_t)len },
        { (void *)text.p, text.len },
        { (void *)"\n", 1 },
    };
    bool ended = text.len && text.p[text.len - 1] == '\n';
    ssize_t n = writev(log->fd, iov, ended ? 2 : 3);
    (void)n; /* a full disk must not stop the server, and there is nowhere to say so */
}

/* Bytes that would forge lines or drive a terminal become \xNN. */
static void escape_into(struct buf *out, str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            buf_printf(out, "\\x%02x", c);
        else
            buf_append_char(out, (char)c);
    }
}

void log_write(struct log *log, enum log_level level, const char *fmt, ...)
{
    if (!log_is_on(log, level))
        return;
    struct buf raw = { 0 }, safe = { 0 };
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len >= 0) {
        va_start(args, fmt);
        vsnprintf(buf_reserve(&raw, (size_t)len + 1), (size_t)len + 1, fmt, args);
        va_end(args);
        raw.len = (size_t)len;
    }
    escape_into(&safe, buf_str(&raw));
    write_line(log, level, buf_str(&safe));
    buf_done(&raw);
    buf_done(&safe);
}

void log_text(struct log *log, enum log_level level, str text)
{
    if (log_is_on(log, level))
        write_line(log, level, text);
}

bool log_level_parse(str name, enum log_level *out)
{
    if (str_ieq(name, STR("warn")))
        name = STR("warning");
    for (size_t i = 0; i < COUNT_OF(level_names); i++) {
        if (str_ieq(name, str_of(level_names[i]))) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}
