/* SPDX-License-Identifier: MIT */
/* Where a value came from, and what is wrong with one. */
#pragma once

#include "conf/option.h"

enum origin_kind { ORIGIN_DEFAULT, ORIGIN_ENVIRONMENT, ORIGIN_FILE, ORIGIN_COMMAND_LINE, ORIGIN_CALL };

struct origin {
    enum origin_kind kind;
    const char *name; /* ENVIRONMENT: the variable; FILE: the path; CALL: the function */
};

/* "the command line", "environment variable PORT", "/srv/gunicorn.conf.py": goes behind "from". */
void origin_print(const struct origin *origin, struct buf *out);

/* A value that was refused. */
struct diag {
    const struct option *row;
    struct origin origin;
    enum value_outcome outcome;
    char found[160]; /* as messages show it */
    char shown[160]; /* as Python's print() shows it */
    char expected[160];
};

/* "setting 'workers' (-w/--workers): 'x', from the command line, is not a whole number" */
void diag_print(const struct diag *diag, struct buf *out);

/* "setting 'workers' (-w/--workers)" */
void diag_print_setting(const struct option *row, struct buf *out);

/* A raw value as Python's print() shows it. */
void diag_print_plain(const struct raw *raw, struct buf *out);

/* A raw value as messages show it: quoted when it is text, with its type when that is a surprise. */
void diag_print_raw(const struct raw *raw, struct buf *out);
