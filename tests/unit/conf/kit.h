/* SPDX-License-Identifier: MIT */
/* A small table of settings for the tests of src/conf, and helpers around it. */
#pragma once

#include "unit.h"

#include "conf/option.h"

struct kit_target {
    int64_t workers;
    const char *name;
    struct string_list bind;
    bool daemon;
    mode_t umask;
    const char *mode;
};

extern const struct option_table kit_table;

/* The row of that name; fails the test when there is none. */
const struct option *kit_row(const char *name);

/* Parses with the row's type; fails the test unless the outcome is `wanted`. The value lives until the
 * next kit_reset. */
struct value kit_parse(const char *row, const struct raw *raw, enum value_outcome wanted);

/* What the last refused parse said that it would have accepted. */
const char *kit_expected(void);

/* The value as value_print shows it; lives until the next call. */
const char *kit_print(const struct value *value);

struct arena *kit_arena(void);
void kit_reset(void);

#define WORD(word) (&(struct raw){ .kind = RAW_WORD, .text = (word) })
#define TEXT(string) (&(struct raw){ .kind = RAW_TEXT, .text = (string) })
#define NUMBER(n) (&(struct raw){ .kind = RAW_INT, .number = (n) })
#define TRUTH(n) (&(struct raw){ .kind = RAW_BOOL, .number = (n) })
#define NONE (&(struct raw){ .kind = RAW_NONE })
#define OTHER(shown) (&(struct raw){ .kind = RAW_OTHER, .text = (shown), .type = "thing" })
