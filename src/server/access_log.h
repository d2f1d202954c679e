/* SPDX-License-Identifier: MIT */
/* The access log in gunicorn's format: "%(h)s %(l)s …" compiled once into a list of steps, lines written
 * whole, batched until the end of the loop's turn. */
#pragma once

#include "base/log.h"
#include "io/loop.h"
#include "server/exchange.h"

struct access_log;

/* `path` "-" is standard output. Lines that wait are flushed by a deferred task of `loop`.
 * `server_root_path` is not needed. On failure returns NULL; `*out_why` is static or strerror text. */
struct access_log *access_log_open(struct loop *loop, const char *path, const char *format,
                                   const char **out_why);
void access_log_close(struct access_log *log);

/* After rotation. 0 or -errno (the old file stays in use). */
int access_log_reopen(struct access_log *log) MUST_CHECK;

/* Whether the format is well formed; `*out_why` says what is not. */
bool access_log_format_check(const char *format, const char **out_why);

/* Adds one line for a finished exchange. */
void access_log_write(struct access_log *log, const struct exchange *exchange);

/* The names N of the atoms %({N}e)s, in the order in which exchange->notes holds their values (each
 * NUL terminated; missing ones as "-"). The handler fills notes when there are any. */
size_t access_log_environ_names(const struct access_log *log, const char *const **out_names);
