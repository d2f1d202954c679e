/* SPDX-License-Identifier: MIT */
/* The wording of messages about values: one place, so that command line, environment and files read
 * alike. Callers decide where the text goes. */
#include "conf/origin.h"

void origin_print(const struct origin *origin, struct buf *out)
{
    switch (origin->kind) {
    case ORIGIN_DEFAULT:
        buf_append(out, STR("the defaults"));
        break;
    case ORIGIN_ENVIRONMENT:
        buf_printf(out, "environment variable %s", origin->name);
        break;
    case ORIGIN_COMMAND_LINE:
        buf_append(out, STR("the command line"));
        break;
    case ORIGIN_FILE:
    case ORIGIN_CALL:
        buf_append(out, str_of(origin->name));
        break;
    }
}

void diag_print_setting(const struct option *row, struct buf *out)
{
    buf_printf(out, "setting '%s'", row->name);
    if (!row->cli)
        return;
    buf_append(out, STR(" ("));
    option_print_flags(row, out);
    buf_append_char(out, ')');
}

void diag_print_plain(const struct raw *raw, struct buf *out)
{
    struct value list = { .kind = VALUE_LIST, .list = raw->list };
    switch (raw->kind) {
    case RAW_NONE:
        buf_append(out, STR("None"));
        break;
    case RAW_BOOL:
        buf_append(out, raw->number ? STR("True") : STR("False"));
        break;
    case RAW_INT:
        buf_printf(out, "%lld", (long long)raw->number);
        break;
    case RAW_LIST:
        value_print(&list, out);
        break;
    case RAW_WORD:
    case RAW_TEXT:
    case RAW_OTHER:
        buf_append(out, str_of(raw->text));
        break;
    }
}

void diag_print_raw(const struct raw *raw, struct buf *out)
{
    if (raw->kind == RAW_WORD || raw->kind == RAW_TEXT)
        value_print_quoted(str_of(raw->text), out);
    else
        diag_print_plain(raw, out);
    if (raw->kind == RAW_OTHER)
        buf_printf(out, " (%s)", raw->type);
}

void diag_print(const struct diag *diag, struct buf *out)
{
    diag_print_setting(diag->row, out);
    buf_printf(out, ": %s, from ", diag->found);
    origin_print(&diag->origin, out);
    buf_printf(out, ", is not %s", diag->expected);
}
