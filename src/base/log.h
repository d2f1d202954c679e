/* SPDX-License-Identifier: MIT */
/* The error log: one line per event, written whole with one write(2), in gunicorn's format:
 * [2026-01-31 12:00:00 +0100] [PID] [LEVEL] message */
#pragma once

#include <stdarg.h>
#include <stdbool.h>

#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR, LOG_CRITICAL };

struct log {
    enum log_level level; /* less severe lines are dropped */
    int fd;               /* owned unless it is standard error */
    char *path;           /* reopened by log_reopen; NULL for standard error */
};

/* Lines go to standard error until log_open succeeds. */
void log_init(struct log *log, enum log_level level);
void log_done(struct log *log);

/* "-" is standard error. 0 or -errno; on failure the log stays as it was. */
int log_open(struct log *log, const char *path) MUST_CHECK;
int log_reopen(struct log *log) MUST_CHECK;

/* Whether another file, or none, stands at the log's path by now. */
bool log_is_moved(const struct log *log);

/* A file given to the log's new owner before privileges are dropped: fchown. 0 or -errno. */
int log_chown(struct log *log, uid_t uid, gid_t gid) MUST_CHECK;

static inline bool log_is_on(const struct log *log, enum log_level level)
{
    return level >= log->level;
}

void log_write(struct log *log, enum log_level level, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* A message that may hold line ends (a traceback): one prefix, then the text as it is. */
void log_text(struct log *log, enum log_level level, str text);

/* "debug" … "critical", any case; also "warn". */
bool log_level_parse(str name, enum log_level *out);
const char *log_level_name(enum log_level level);
