/* SPDX-License-Identifier: MIT */
/* A slice of bytes: pointer and length, passed by value, never owning and not NUL terminated. */
#pragma once

#include <stdbool.h>
#include <string.h>

#include "base/defs.h"

typedef struct {
    const char *p;
    size_t len;
} str;

#define STR(literal) ((str){ "" literal, sizeof(literal) - 1 })
#define STR_NONE ((str){ NULL, 0 })
/* For printf's "%.*s". */
#define STR_FMT(s) (int)(s).len, (s).p

static inline str str_of(const char *text)
{
    return text ? (str){ text, strlen(text) } : STR_NONE;
}

static inline str str_make(const char *p, size_t len)
{
    return (str){ p, len };
}

static inline bool str_eq(str a, str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static inline char ascii_lower(char c)
{
    return (c >= 'A' && c <= 'Z') ? (char)(c | 0x20) : c;
}

/* ASCII letters compare without regard to case; other bytes must be equal. */
bool str_ieq(str a, str b);

bool str_starts(str s, str prefix);
bool str_ends(str s, str suffix);

/* The offset of the first `c` at or after `from`, or s.len if there is none. */
size_t str_find(str s, char c, size_t from);

/* The bytes [from, to); both are cut to the slice. */
str str_sub(str s, size_t from, size_t to);

/* Without leading and trailing SP and HTAB (RFC 9110 section 5.6.3: OWS). */
str str_trim(str s);

/* Cuts off the bytes before the first `sep` and returns them; `*rest` then begins after it.
 * When no `sep` is left it returns all and `*rest` becomes STR_NONE. */
str str_split(str *rest, char sep);

/* A malloc'd, NUL terminated copy; the caller frees it. */
char *str_dup(str s);

/* Levenshtein distance, for "did you mean"; strings over 63 bytes count as far apart (SIZE_MAX). */
size_t str_distance(str a, str b);
