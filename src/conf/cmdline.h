/* SPDX-License-Identifier: MIT */
/* A command line read by the rows of a table, with the habits of Python's argparse: unambiguous
 * abbreviations, -w4, -w 4, --workers=4, clustered flags, options behind the positional arguments. */
#pragma once

#include "conf/option.h"

enum cmdline_result { CMDLINE_OK, CMDLINE_HELP, CMDLINE_VERSION, CMDLINE_BAD };

struct cmdline {
    const struct raw **given;    /* one a row; NULL: not given. Repeatable options are RAW_LIST */
    struct string_list operands; /* positional arguments */
};

/* -h/--help and -v/--version, which every program has. */
extern const struct option_table cmdline_actions;

/* `words` without the program's name. With CMDLINE_BAD `error` gets the sentence that follows
 * "PROGRAM: error: ". What `out` points at lives in `arena`, or is `words`. */
enum cmdline_result cmdline_parse(struct cmdline *out, const struct option_table *table, struct arena *arena,
                                  const struct string_list *words, struct buf *error);
