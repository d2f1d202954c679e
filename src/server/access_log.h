/* SPDX-License-Identifier: MIT */
/* The access log in gunicorn's format: "%(h)s %(l)s …" compiled once into a list of steps, lines written
 * whole, batched until the end of the loop's turn. All calls come from the loop's owner. */
#pragma once

#include "base/log.h"
#include "io/loop.h"
#include "server/exchange.h"

struct access_log;

/* `path` "-" is standard output. Lines that wait are flushed by a deferred task of `loop`. To be opened
 * in the worker: %(p)s is the process that opens. On failure returns NULL; `*out_why` is strerror's or
 * access_log_format_check's. */
struct access_log *access_log_open(struct loop *loop, const char *path, const char *format,
                                   const char **out_why);

/* Writes what waits, as far as that is possible at once. */
void access_log_close(struct access_log *log);

/* After rotation. 0 or -errno (the old file stays in use). */
int access_log_reopen(struct access_log *log) MUST_CHECK;

/* Whether the format is well formed; if not, `*out_why` names the directive, what is wrong with it and
 * what is allowed. Valid until the thread's next failure. */
bool access_log_format_check(const char *format, const char **out_why);

/* Adds one line for a finished exchange. Never blocks: lines that the file does not take (disk full, a
 * pipe that nobody reads) are dropped and counted. */
void access_log_write(struct access_log *log, const struct exchange *exchange);

/* How many lines have been dropped so far. */
uint64_t access_log_dropped(const struct access_log *log);

/* The names N of the atoms %({N}e)s, in the order in which exchange->notes holds their values (each
 * NUL terminated; missing ones as "-"). Names are as the format spells them, to be looked up without
 * regard to case. The handler fills notes, when there are any names, before exchange_finish(); they are
 * not read earlier. */
size_t access_log_environ_names(const struct access_log *log, const char *const **out_names);
