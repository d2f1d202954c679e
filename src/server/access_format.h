/* SPDX-License-Identifier: MIT */
/* An access log format, compiled: what Python's `format % atoms` does, without Python. */
#pragma once

#include "base/arena.h"
#include "server/access_atom.h"

/* What stands between the ')' and the end of a directive, as in %(D)08d. */
struct access_spec {
    char conversion;
    char sign; /* '+', ' ' or 0 */
    bool is_left, is_zero, is_alternate;
    bool is_plain; /* nothing but s, d, i or u: the value as it is */
    int width;
    int precision; /* -1: none */
};

struct access_step {
    str before;                     /* text that stands before the atom */
    const struct access_atom *atom; /* NULL: text only */
    struct access_name name;
    struct access_spec spec;
};

struct access_format {
    struct arena arena;
    struct access_step *steps;
    size_t n_steps;
    const char **environ_names; /* of the atoms %({NAME}e)s, each once */
    size_t n_environ_names;
    struct access_cache cache;
};

/* On failure nothing is left to free, and `*out_why` is valid until the thread's next failure. */
bool access_format_init(struct access_format *format, str text, const char **out_why);
void access_format_done(struct access_format *format);

/* Appends one line and its end. */
void access_format_line(struct access_format *format, const struct exchange *exchange, struct buf *out);
