/* SPDX-License-Identifier: MIT */
/* Slices: comparison, search, splitting. Pure functions over the caller's bytes; only str_dup
 * allocates. Used by every layer above; nothing here knows what the bytes mean. */
#include "base/str.h"

#include "base/arena.h"

bool str_ieq(str a, str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
            return false;
    return true;
}

bool str_starts(str s, str prefix)
{
    return s.len >= prefix.len && str_eq(str_sub(s, 0, prefix.len), prefix);
}

bool str_ends(str s, str suffix)
{
    return s.len >= suffix.len && str_eq(str_sub(s, s.len - suffix.len, s.len), suffix);
}

size_t str_find(str s, char c, size_t from)
{
    if (from >= s.len)
        return s.len;
    const char *hit = memchr(s.p + from, c, s.len - from);
    return hit ? (size_t)(hit - s.p) : s.len;
}

str str_sub(str s, size_t from, size_t to)
{
    to = size_min(to, s.len);
    from = size_min(from, to);
    return from == to ? STR_NONE : str_make(s.p + from, to - from);
}

static bool is_ows(char c)
{
    return c == ' ' || c == '\t';
}

str str_trim(str s)
{
    while (s.len && is_ows(s.p[0]))
        s = str_make(s.p + 1, s.len - 1);
    while (s.len && is_ows(s.p[s.len - 1]))
        s.len--;
    return s;
}

str str_split(str *rest, char sep)
{
    size_t at = str_find(*rest, sep, 0);
    str head = str_make(rest->p, at);
    *rest = at < rest->len ? str_make(rest->p + at + 1, rest->len - at - 1) : STR_NONE;
    return head;
}

char *str_dup(str s)
{
    char *copy = malloc(s.len + 1);
    if (!copy)
        memory_exhausted(s.len + 1);
    if (s.len)
        memcpy(copy, s.p, s.len);
    copy[s.len] = '\0';
    return copy;
}

size_t str_distance(str a, str b)
{
    enum { MOST = 63 };
    if (a.len > MOST || b.len > MOST)
        return SIZE_MAX;
    size_t row[MOST + 1];
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t replaced = diagonal + (a.p[i - 1] != b.p[j - 1]);
            diagonal = row[j];
            row[j] = size_min(replaced, size_min(row[j], row[j - 1]) + 1);
        }
    }
    return row[b.len];
}
