/* SPDX-License-Identifier: MIT */
/* Looking rows up, by name, by flag and by what somebody may have meant. Pure functions over tables
 * that live as long as the program. */
#include "conf/option.h"

const struct option *option_find(const struct option_table *table, str name)
{
    for (size_t i = 0; i < table->count; i++)
        if (str_eq(str_of(table->rows[i].name), name))
            return &table->rows[i];
    return NULL;
}

str option_next_flag(str *cursor)
{
    return str_trim(str_split(cursor, ','));
}

str option_long_flag(const struct option *row)
{
    str cursor = str_of(row->cli), found = STR_NONE;
    while (cursor.p) {
        str flag = option_next_flag(&cursor);
        if (str_starts(flag, STR("--")))
            found = flag;
    }
    return found;
}

void option_print_flags(const struct option *row, struct buf *out)
{
    str cursor = str_of(row->cli);
    bool is_first = true;
    while (cursor.p) {
        str flag = option_next_flag(&cursor);
        buf_printf(out, "%s%.*s", is_first ? "" : "/", STR_FMT(flag));
        is_first = false;
    }
}

/* One slip in a short word, two in a longer one, three in a long one. */
static size_t tolerance(size_t len)
{
    return len < 3 ? 0 : len < 6 ? 1 : len < 12 ? 2 : 3;
}

bool option_is_near(str a, str b, size_t *out_distance)
{
    size_t distance = str_distance(a, b);
    if (distance > tolerance(size_max(a.len, b.len)))
        return false;
    *out_distance = distance;
    return true;
}

/* keep_alive and --keep-alive are the same to somebody who writes a configuration file. */
static bool is_flag_spelling(str name, str flag)
{
    if (name.len < 4 || flag.len != name.len + 2)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (name.p[i] != (flag.p[i + 2] == '-' ? '_' : flag.p[i + 2]))
            return false;
    return true;
}

static bool is_named_by_flag(const struct option *row, str name)
{
    str cursor = str_of(row->cli);
    while (cursor.p)
        if (is_flag_spelling(name, option_next_flag(&cursor)))
            return true;
    return false;
}

const struct option *option_nearest(const struct option_table *table, str name)
{
    const struct option *nearest = NULL;
    size_t best = SIZE_MAX, distance;
    for (size_t i = 0; i < table->count; i++) {
        const struct option *row = &table->rows[i];
        if (is_named_by_flag(row, name))
            return row;
        if (option_is_near(name, str_of(row->name), &distance) && distance < best) {
            best = distance;
            nearest = row;
        }
    }
    return nearest;
}

str option_nearest_flag(const struct option_table *table, str flag)
{
    str nearest = STR_NONE;
    size_t best = SIZE_MAX, distance;
    for (size_t i = 0; i < table->count; i++) {
        str cursor = str_of(table->rows[i].cli);
        while (cursor.p) {
            str candidate = option_next_flag(&cursor);
            if (option_is_near(flag, candidate, &distance) && distance < best) {
                best = distance;
                nearest = candidate;
            }
        }
    }
    return nearest;
}

str option_summary(const struct option *row)
{
    str doc = str_of(row->doc);
    for (size_t i = 0; i < doc.len; i++)
        if (doc.p[i] == '.' && (i + 1 == doc.len || doc.p[i + 1] == ' '))
            return str_sub(doc, 0, i);
    return doc;
}
