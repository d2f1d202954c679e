/* SPDX-License-Identifier: MIT */
/* The writer of --help: flags on the left, the first sentence of the row's text on the right, wrapped
 * at 80 columns. Settings that are not supported yet are named in one paragraph at the end, so that
 * the list shows what works. */
#include "conf/help.h"

#include "conf/cmdline.h"

enum { WIDTH = 80, TEXT_AT = 28, FLAGS_AT = 2 };

/* Words of `text` from column `at` on; further lines begin at column `indent`. */
static void wrap(struct buf *out, str text, size_t at, size_t indent)
{
    bool is_first = true;
    while (text.p) {
        str word = str_split(&text, ' ');
        if (!is_first && at + 1 + word.len > WIDTH) {
            buf_printf(out, "\n%*s", (int)indent, "");
            at = indent;
        } else if (!is_first) {
            buf_append_char(out, ' ');
            at++;
        }
        buf_append(out, word);
        at += word.len;
        is_first = false;
    }
    buf_append_char(out, '\n');
}

static void append_flags(const struct option *row, struct buf *out)
{
    buf_append(out, str_of(row->cli));
    if (!option_takes_argument(row))
        return;
    const char *metavar = row->metavar ? row->metavar : "VALUE";
    buf_printf(out, row->constant ? " [%s]" : " %s", metavar);
}

static bool has_default_to_show(const struct option *row)
{
    return row->def && row->def[0] && option_takes_argument(row);
}

static void append_text(const struct option *row, struct buf *out)
{
    buf_append(out, option_summary(row));
    if (has_default_to_show(row) && row->env)
        buf_printf(out, " [%s, or from $%s]", row->def, row->env);
    else if (has_default_to_show(row))
        buf_printf(out, " [%s]", row->def);
}

static void print_row(const struct option *row, struct buf *out)
{
    struct buf flags = { 0 }, text = { 0 };
    append_flags(row, &flags);
    append_text(row, &text);
    buf_printf(out, "%*s%s", FLAGS_AT, "", buf_text(&flags));
    size_t at = FLAGS_AT + flags.len;
    if (at + 2 > TEXT_AT) {
        buf_append_char(out, '\n');
        at = 0;
    }
    buf_printf(out, "%*s", (int)(TEXT_AT - at), "");
    wrap(out, buf_str(&text), TEXT_AT, TEXT_AT);
    buf_done(&flags);
    buf_done(&text);
}

static bool is_shown(const struct option *row)
{
    return row->cli && option_is_supported(row);
}

static bool is_new_section(const struct option_table *table, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (is_shown(&table->rows[i]) && strcmp(table->rows[i].section, table->rows[at].section) == 0)
            return false;
    return true;
}

static void print_section(const struct option_table *table, size_t first, struct buf *out)
{
    buf_printf(out, "\n%s:\n", table->rows[first].section);
    for (size_t i = first; i < table->count; i++)
        if (is_shown(&table->rows[i]) && strcmp(table->rows[i].section, table->rows[first].section) == 0)
            print_row(&table->rows[i], out);
}

static void print_unsupported(const struct option_table *table, struct buf *out)
{
    struct buf text = { 0 };
    buf_append(&text, STR("Known but not supported yet:"));
    for (size_t i = 0; i < table->count; i++)
        if (!option_is_supported(&table->rows[i]) && table->rows[i].cli)
            buf_printf(&text, " %.*s", STR_FMT(option_long_flag(&table->rows[i])));
    buf_append_char(out, '\n');
    wrap(out, buf_str(&text), 0, 2);
    buf_done(&text);
}

void help_print(const struct option_table *table, const char *program, const char *usage, struct buf *out)
{
    buf_printf(out, "usage: %s %s\n\nOptions:\n", program, usage);
    for (size_t i = 0; i < cmdline_actions.count; i++)
        print_row(&cmdline_actions.rows[i], out);
    for (size_t i = 0; i < table->count; i++)
        if (is_shown(&table->rows[i]) && is_new_section(table, i))
            print_section(table, i, out);
    print_unsupported(table, out);
}
