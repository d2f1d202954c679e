/* SPDX-License-Identifier: MIT */
/* An option is one row of a table. All that the programs know about a setting derives from its row:
 * parsing, checks, defaults, command line, help, printing, reference page. */
#pragma once

#include "conf/value.h"

struct option {
    const char *name;
    const char *section; /* heading under which help and reference list it */
    const char *cli;     /* "-w, --workers"; NULL: not on the command line */
    const char *metavar; /* what help calls the argument */
    const struct value_type *type;
    size_t at;            /* offset of the field; together with `size` set by OPTION_FIELD() */
    size_t size;          /* 0: the setting is known but not supported yet */
    const char *def;      /* the default as text; NULL: none */
    const char *env;      /* environment variable that replaces the default … */
    const char *env_fmt;  /* … put where this has "%s"; NULL: as it is */
    const char *constant; /* what the flag means without an argument; it may then have none */
    const char *choices;  /* type_choice: words separated by a space */
    int64_t min, max;     /* numbers; max 0: no bound. Lists: the fewest items */
    bool is_addition;     /* not gunicorn's: must not make an abbreviation ambiguous that was none there */
    const char *doc;      /* the first sentence is the help text */
};

#define OPTION_FIELD(type, member) .at = offsetof(type, member), .size = sizeof(((type *)0)->member)

struct option_table {
    const struct option *rows;
    size_t count;
};

static inline bool option_is_supported(const struct option *row)
{
    return row->size != 0;
}

/* Whether the flag must or may be followed by an argument on a command line. */
static inline bool option_takes_argument(const struct option *row)
{
    return !row->type->is_flag;
}

/* The row of that name, or NULL. */
const struct option *option_find(const struct option_table *table, str name);

/* The next of the flags in row->cli ("-w", then "--workers"), STR_NONE behind the last.
 * `*cursor` starts as str_of(row->cli). */
str option_next_flag(str *cursor);

/* The last long flag of the row ("--workers"), or STR_NONE. */
str option_long_flag(const struct option *row);

/* The flags as argparse names them: "-w/--workers"; empty when the row has none. */
void option_print_flags(const struct option *row, struct buf *out);

/* The row whose name is nearest to a misspelt one, or NULL when none is near. A name spelt as the
 * long flag of a setting (keep_alive, log_level) is near to that setting. */
const struct option *option_nearest(const struct option_table *table, str name);

/* The flag nearest to a misspelt one, or STR_NONE. */
str option_nearest_flag(const struct option_table *table, str flag);

/* Whether `a` looks like a slip of the pen for `b`. */
bool option_is_near(str a, str b, size_t *out_distance);

/* The first sentence of the row's text, without its full stop. */
str option_summary(const struct option *row);
