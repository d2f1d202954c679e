/* SPDX-License-Identifier: MIT */
/* Values on their way from their sources to the structure that the program uses. Rows are addressed
 * by their index in the table. Everything is allocated from the configuration's arena. */
#include "conf/option_set.h"

#include <stdio.h>

static size_t index_of(const struct option_set *set, const struct option *row)
{
    return (size_t)(row - set->table->rows);
}

static void explain(const struct option *row, const struct raw *raw, const struct value_context *context,
                    struct diag *out)
{
    struct buf found = { 0 }, shown = { 0 };
    diag_print_raw(raw, &found);
    diag_print_plain(raw, &shown);
    snprintf(out->shown, sizeof(out->shown), "%s", buf_text(&shown));
    snprintf(out->found, sizeof(out->found), "%s", buf_text(&found));
    snprintf(out->expected, sizeof(out->expected), "%s", context->expected);
    out->row = row;
    buf_done(&found);
    buf_done(&shown);
}

bool option_set_assign(struct option_set *set, const struct option *row, const struct raw *raw,
                       struct origin origin, struct diag *out)
{
    struct value_context context = { .row = row, .arena = set->arena };
    struct value value;
    enum value_outcome outcome = row->type->parse(&context, raw, &value);
    if (outcome != VALUE_OK) {
        explain(row, raw, &context, out);
        out->outcome = outcome;
        out->origin = origin;
        return false;
    }
    set->values[index_of(set, row)] = value;
    set->origins[index_of(set, row)] = origin;
    return true;
}

static struct raw raw_default(const struct option *row)
{
    return (struct raw){ .kind = row->def ? RAW_WORD : RAW_NONE, .text = row->def };
}

/* What the environment says, or NULL. */
static const char *from_environment(struct arena *arena, const struct option *row)
{
    const char *text = row->env && option_is_supported(row) ? getenv(row->env) : NULL;
    if (!text || !text[0])
        return NULL;
    struct buf filled = { 0 };
    str rest = str_of(row->env_fmt ? row->env_fmt : "%s");
    str before = str_split(&rest, '%');
    buf_append(&filled, before);
    buf_append(&filled, str_of(text));
    buf_append(&filled, str_sub(rest, 1, rest.len));
    const char *copy = arena_copy(arena, buf_str(&filled)).p;
    buf_done(&filled);
    return copy;
}

static bool start_at_default(struct option_set *set, const struct option *row, struct diag *out)
{
    struct raw raw = raw_default(row);
    bool is_good = option_set_assign(set, row, &raw, (struct origin){ ORIGIN_DEFAULT, NULL }, out);
    if (is_good)
        set->defaults[index_of(set, row)] = set->values[index_of(set, row)];
    const char *text = from_environment(set->arena, row);
    if (!text)
        return is_good;
    raw = (struct raw){ .kind = RAW_WORD, .text = text };
    return option_set_assign(set, row, &raw, (struct origin){ ORIGIN_ENVIRONMENT, row->env }, out);
}

bool option_set_init(struct option_set *set, const struct option_table *table, struct arena *arena,
                     struct diag *out)
{
    set->table = table;
    set->arena = arena;
    set->values = arena_zero(arena, table->count * sizeof(*set->values));
    set->defaults = arena_zero(arena, table->count * sizeof(*set->defaults));
    set->origins = arena_zero(arena, table->count * sizeof(*set->origins));
    for (size_t i = 0; i < table->count; i++)
        if (!start_at_default(set, &table->rows[i], out))
            return false;
    return true;
}

static size_t index_by_name(const struct option_set *set, const char *name)
{
    const struct option *row = option_find(set->table, str_of(name));
    if (!row)
        abort(); /* a name misspelt in our own code */
    return index_of(set, row);
}

const struct value *option_set_value(const struct option_set *set, const char *name)
{
    return &set->values[index_by_name(set, name)];
}

const struct origin *option_set_origin(const struct option_set *set, const char *name)
{
    return &set->origins[index_by_name(set, name)];
}

const struct option *option_set_unsupported(const struct option_set *set)
{
    for (size_t i = 0; i < set->table->count; i++)
        if (!option_is_supported(&set->table->rows[i]) && !value_equal(&set->values[i], &set->defaults[i]))
            return &set->table->rows[i];
    return NULL;
}

void option_set_store(const struct option_set *set, void *target)
{
    for (size_t i = 0; i < set->table->count; i++) {
        const struct option *row = &set->table->rows[i];
        if (option_is_supported(row))
            row->type->store((char *)target + row->at, &set->values[i]);
    }
}

static int by_name(const void *a, const void *b, void *table)
{
    const struct option *rows = ((const struct option_table *)table)->rows;
    return strcmp(rows[*(const size_t *)a].name, rows[*(const size_t *)b].name);
}

static size_t longest_name(const struct option_table *table)
{
    size_t longest = 0;
    for (size_t i = 0; i < table->count; i++)
        longest = size_max(longest, strlen(table->rows[i].name));
    return longest;
}

void option_set_print(const struct option_set *set, struct buf *out)
{
    const struct option_table *table = set->table;
    size_t *order = memory_alloc(table->count * sizeof(*order));
    for (size_t i = 0; i < table->count; i++)
        order[i] = i;
    qsort_r(order, table->count, sizeof(*order), by_name, (void *)table);
    int width = (int)longest_name(table);
    for (size_t i = 0; i < table->count; i++) {
        buf_printf(out, "%-*s = ", width, table->rows[order[i]].name);
        value_print(&set->values[order[i]], out);
        buf_append_char(out, '\n');
    }
    free(order);
}
