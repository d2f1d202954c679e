/* SPDX-License-Identifier: MIT */
/* The access log's file. Lines gather in a buffer and leave at the end of the loop's turn in one write(2),
 * or earlier when there are many. Nothing here ever waits: a regular file takes all at once or fails, and
 * anything else (standard output may be a pipe or a terminal) is asked first and then gets whole lines of
 * at most PIPE_BUF bytes, so that the lines of several workers do not mix. */
#include "server/access_log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>

#include "server/access_format.h"

enum { FLUSH_AT = 1 << 16, WAITING_MOST = 1 << 20, RETRY_MS = 100 };

struct access_log {
    struct loop *loop;
    struct task flush_task;
    struct timer retry;
    struct buf pending;
    int fd;       /* owned unless it is standard output */
    char *path;   /* NULL for standard output */
    bool is_file; /* a regular file: never blocks */
    bool is_torn; /* the last byte written was no line end */
    uint64_t dropped;
    struct access_format format;
};

/* Non-blocking, so that a FIFO without a reader is an error now instead of a wait. */
static int open_path(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0644);
    return fd < 0 ? -errno : fd;
}

static void use_fd(struct access_log *log, int fd)
{
    struct stat st;
    log->fd = fd;
    log->is_file = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    log->is_torn = false;
}

static size_t count_lines(str text)
{
    size_t n = 0;
    for (size_t at = 0; (at = str_find(text, '\n', at)) < text.len; at++)
        n++;
    return n;
}

/* All but the rest of a line whose beginning is written: it will end that line some day. */
static void drop_lines(struct access_log *log)
{
    str text = buf_str(&log->pending);
    size_t keep = log->is_torn ? size_min(str_find(text, '\n', 0) + 1, text.len) : 0;
    log->dropped += count_lines(str_sub(text, keep, text.len));
    log->pending.len = keep;
}

static bool is_ready(const struct access_log *log)
{
    struct pollfd pollfd = { .fd = log->fd, .events = POLLOUT };
    return log->is_file || poll(&pollfd, 1, 0) != 0;
}

/* How much the next write may hand over: of a pipe, whole lines that fit into PIPE_BUF. */
static size_t portion(const struct access_log *log, str rest)
{
    if (log->is_file || rest.len <= PIPE_BUF)
        return rest.len;
    const char *end = memrchr(rest.p, '\n', PIPE_BUF);
    return end ? (size_t)(end - rest.p) + 1 : PIPE_BUF;
}

/* 0 or -errno; what was written is gone from `pending`. */
static int write_pending(struct access_log *log)
{
    size_t at = 0;
    int error = 0;
    while (!error && at < log->pending.len && is_ready(log)) {
        str rest = str_sub(buf_str(&log->pending), at, log->pending.len);
        ssize_t n = write(log->fd, rest.p, portion(log, rest));
        if (n > 0)
            at += (size_t)n;
        else if (n < 0 && errno != EINTR)
            error = -errno;
    }
    if (at) {
        log->is_torn = log->pending.p[at - 1] != '\n';
        buf_consume(&log->pending, at);
    }
    return error;
}

static void flush(struct access_log *log)
{
    int error = write_pending(log);
    bool is_stuck = error == 0 || error == -EAGAIN;
    if (!is_stuck || log->pending.len >= WAITING_MOST)
        drop_lines(log);
    if (is_stuck && log->pending.len)
        timer_set(log->loop, &log->retry, RETRY_MS);
    if (!log->pending.len && log->pending.cap > 2 * FLUSH_AT)
        buf_done(&log->pending);
}

static void on_flush(struct task *task)
{
    flush(CONTAINER_OF(task, struct access_log, flush_task));
}

static void on_retry(struct timer *timer)
{
    flush(CONTAINER_OF(timer, struct access_log, retry));
}

struct access_log *access_log_open(struct loop *loop, const char *path, const char *format,
                                   const char **out_why)
{
    struct access_log *log = memory_zero(sizeof(*log));
    if (!access_format_init(&log->format, str_of(format), out_why)) {
        free(log);
        return NULL;
    }
    bool is_stdout = strcmp(path, "-") == 0;
    int fd = is_stdout ? STDOUT_FILENO : open_path(path);
    if (fd < 0) {
        *out_why = strerror(-fd);
        access_format_done(&log->format);
        free(log);
        return NULL;
    }
    use_fd(log, fd);
    log->loop = loop;
    log->path = is_stdout ? NULL : str_dup(str_of(path));
    task_init(&log->flush_task, on_flush);
    timer_init(&log->retry, on_retry);
    return log;
}

void access_log_close(struct access_log *log)
{
    if (!log)
        return;
    flush(log);
    link_remove(&log->flush_task.link);
    timer_done(log->loop, &log->retry);
    if (log->path)
        close(log->fd);
    free(log->path);
    buf_done(&log->pending);
    access_format_done(&log->format);
    free(log);
}

int access_log_reopen(struct access_log *log)
{
    if (!log->path)
        return 0;
    int fd = open_path(log->path);
    if (fd < 0)
        return fd;
    flush(log);
    if (log->is_torn)
        buf_consume(&log->pending, str_find(buf_str(&log->pending), '\n', 0) + 1);
    close(log->fd);
    use_fd(log, fd);
    return 0;
}

bool access_log_format_check(const char *format, const char **out_why)
{
    struct access_format compiled;
    if (!access_format_init(&compiled, str_of(format), out_why))
        return false;
    access_format_done(&compiled);
    return true;
}

void access_log_write(struct access_log *log, const struct exchange *exchange)
{
    access_format_line(&log->format, exchange, &log->pending);
    size_t most = log->retry.due ? WAITING_MOST : FLUSH_AT;
    if (log->pending.len >= most)
        flush(log);
    else
        loop_defer(log->loop, &log->flush_task);
}

uint64_t access_log_dropped(const struct access_log *log)
{
    return log->dropped;
}

size_t access_log_environ_names(const struct access_log *log, const char *const **out_names)
{
    *out_names = log->format.environ_names;
    return log->format.n_environ_names;
}
