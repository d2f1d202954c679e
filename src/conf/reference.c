/* SPDX-License-Identifier: MIT */
/* The writer of the reference page, in Markdown: a section a heading, a heading a setting, and a table
 * of what is known but not supported yet. The page is checked in; lint fails when it is stale. */
#include "conf/help.h"

static void print_flags(const struct option *row, struct buf *out)
{
    if (!row->cli) {
        buf_append(out, STR("- Configuration file only\n"));
        return;
    }
    buf_append(out, STR("- Command line:"));
    str cursor = str_of(row->cli);
    for (const char *comma = " "; cursor.p; comma = ", ") {
        str flag = option_next_flag(&cursor);
        buf_printf(out, "%s`%.*s`", comma, STR_FMT(flag));
    }
    if (option_takes_argument(row))
        buf_printf(out, " followed by %s", row->metavar ? row->metavar : "VALUE");
    buf_append(out, row->type->is_list ? STR("; may be repeated\n") : STR("\n"));
}

static void print_type(const struct option *row, struct buf *out)
{
    buf_printf(out, "- Type: %s", row->type->name);
    bool is_number = row->type == &type_int || row->type == &type_mode || row->type == &type_size;
    if (is_number && row->max)
        buf_printf(out, ", from %lld to %lld", (long long)row->min, (long long)row->max);
    else if (is_number)
        buf_printf(out, ", %lld or more", (long long)row->min);
    else if (row->choices)
        buf_printf(out, ", one of: %s", row->choices);
    buf_append_char(out, '\n');
}

static void print_default(const struct option *row, struct buf *out)
{
    if (row->def && row->def[0])
        buf_printf(out, "- Default: `%s`", row->def);
    else
        buf_append(out, STR("- Default: none"));
    if (row->env && row->env_fmt) {
        str rest = str_of(row->env_fmt);
        str before = str_split(&rest, '%');
        buf_printf(out, ", or `%.*s$%s` where that variable is set", STR_FMT(before), row->env);
    } else if (row->env) {
        buf_printf(out, ", or `$%s` where that variable is set", row->env);
    }
    buf_append_char(out, '\n');
}

static void print_row(const struct option *row, struct buf *out)
{
    buf_printf(out, "\n### %s\n\n", row->name);
    print_flags(row, out);
    print_type(row, out);
    print_default(row, out);
    buf_printf(out, "\n%s\n", row->doc);
}

static bool is_first_of_section(const struct option_table *table, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (option_is_supported(&table->rows[i]) &&
            strcmp(table->rows[i].section, table->rows[at].section) == 0)
            return false;
    return true;
}

static void print_section(const struct option_table *table, size_t first, struct buf *out)
{
    buf_printf(out, "\n## %s\n", table->rows[first].section);
    for (size_t i = first; i < table->count; i++)
        if (option_is_supported(&table->rows[i]) &&
            strcmp(table->rows[i].section, table->rows[first].section) == 0)
            print_row(&table->rows[i], out);
}

static void print_unsupported(const struct option_table *table, struct buf *out)
{
    buf_append(out, STR("\n## Known but not supported yet\n\n| Setting | Flag | What it is for |\n"));
    buf_append(out, STR("| --- | --- | --- |\n"));
    for (size_t i = 0; i < table->count; i++) {
        const struct option *row = &table->rows[i];
        if (option_is_supported(row))
            continue;
        str flag = option_long_flag(row);
        const char *quote = flag.len ? "`" : "";
        buf_printf(out, "| `%s` | %s%.*s%s | %.*s |\n", row->name, quote, STR_FMT(flag), quote,
                   STR_FMT(option_summary(row)));
    }
}

void reference_print(const struct option_table *table, struct buf *out)
{
    for (size_t i = 0; i < table->count; i++)
        if (option_is_supported(&table->rows[i]) && is_first_of_section(table, i))
            print_section(table, i, out);
    print_unsupported(table, out);
}
