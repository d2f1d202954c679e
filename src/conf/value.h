/* SPDX-License-Identifier: MIT */
/* Typed values of settings: read from text or from a raw value (what a configuration written in a
 * programming language gave), printed, compared, stored in a field of a settings structure. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

/* NUL terminated strings. `items` may be NULL when the list is empty. */
struct string_list {
    const char **items;
    size_t count;
};

/* A value before it is checked. */
enum raw_kind {
    RAW_NONE,
    RAW_BOOL,
    RAW_INT,
    RAW_WORD, /* text of a command line or an environment variable */
    RAW_TEXT, /* a string of a configuration file */
    RAW_LIST, /* of strings */
    RAW_OTHER,
};

struct raw {
    enum raw_kind kind;
    int64_t number;          /* INT, and BOOL as 0 or 1 */
    const char *text;        /* WORD and TEXT; for all other kinds how messages show it */
    const char *type;        /* OTHER: the name of its type */
    struct string_list list; /* LIST */
};

enum value_kind { VALUE_NONE, VALUE_BOOL, VALUE_INT, VALUE_TEXT, VALUE_LIST };

struct value {
    enum value_kind kind;
    int64_t number;
    const char *text; /* TEXT; NULL or what an INT was looked up from (a user's name) */
    struct string_list list;
};

enum value_outcome {
    VALUE_OK,
    VALUE_MALFORMED, /* not of the type at all */
    VALUE_REFUSED,   /* of the type, but not allowed */
};

struct option;

/* Where a parse finds its row and memory, and leaves what it would have accepted. */
struct value_context {
    const struct option *row;
    struct arena *arena;
    char expected[160]; /* set when the outcome is not VALUE_OK */
};

struct value_type {
    const char *name;     /* in the reference page and in messages */
    bool is_flag;         /* on a command line it takes no argument */
    bool is_list;         /* on a command line it may be repeated */
    const char *accepted; /* what it accepts, for a message: "a whole number" */
    enum value_outcome (*parse)(struct value_context *context, const struct raw *raw, struct value *out);
    /* NULL for types that have no field yet. Never called with VALUE_NONE for numbers. */
    void (*store)(void *field, const struct value *value);
};

extern const struct value_type type_string; /* const char *; none is NULL */
extern const struct value_type type_class;  /* const char *: the name of a class */
extern const struct value_type type_choice; /* const char *, one of row->choices */
extern const struct value_type type_int;    /* int64_t within row->min and row->max */
extern const struct value_type type_mode;   /* mode_t; octal and hexadecimal are understood */
extern const struct value_type type_size;   /* int64_t bytes; k, m and g are understood */
extern const struct value_type type_flag;   /* bool */
extern const struct value_type type_list;   /* struct string_list */
extern const struct value_type type_env;    /* struct string_list of NAME=value */
extern const struct value_type type_csv;    /* struct string_list, written with commas */
extern const struct value_type type_user;   /* uid_t by name or number */
extern const struct value_type type_group;  /* gid_t */
extern const struct value_type type_dir;    /* const char *: an existing directory, made absolute */
extern const struct value_type type_level;  /* enum log_level */
extern const struct value_type type_call;   /* a function: of no use in C but to be known */
extern const struct value_type type_any;    /* anything, kept as it prints */

/* As Python's print() shows the value: None, True, 3, text, ['a', 'b']. */
void value_print(const struct value *value, struct buf *out);
bool value_equal(const struct value *a, const struct value *b);

/* As Python's repr() shows a string. */
void value_print_quoted(str text, struct buf *out);
