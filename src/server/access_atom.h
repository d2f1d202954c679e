/* SPDX-License-Identifier: MIT */
/* The atoms of the access log: what each %(x)s stands for. */
#pragma once

#include <time.h>

#include "base/buf.h"
#include "http/fields.h"

struct arena;
struct exchange;

/* What lines share. */
struct access_cache {
    time_t time_at;  /* the second that `time` shows */
    str time;        /* into time_text */
    str pid;         /* into pid_text */
    str script_name; /* of the process's environment, which %(U)s leaves out */
    char time_text[32];
    char pid_text[24];
};

/* What it copies is in `arena`. */
void access_cache_init(struct access_cache *cache, struct arena *arena);

/* One line being written. */
struct access_line {
    const struct exchange *exchange;
    struct access_cache *cache;
    struct buf *out;
    int64_t duration_us; /* -1: not asked for yet */
};

/* The NAME of %({NAME}i)s. */
struct access_name {
    str text;
    enum field_id id;
    size_t note; /* of an environ variable: its place in exchange->notes */
};

/* Exactly one of the functions is set: an atom is a number or text. Numbers are never negative. */
struct access_atom {
    const char *key; /* "h", or "{}i" when it takes a name */
    void (*put)(struct access_line *line, const struct access_name *name);
    int64_t (*number)(struct access_line *line);
};

/* The atom that the format calls `key`: "h" or "{Name}i". `*out_name` becomes Name, or STR_NONE.
 * Never NULL: what is not known prints "-". */
const struct access_atom *access_atom_find(str key, str *out_name);

/* Whether the atom's name is one of an environ variable. */
bool access_atom_is_environ(const struct access_atom *atom);
