/* SPDX-License-Identifier: MIT */
/* The types of settings. Each reads a raw value with the leniency that gunicorn shows (white space
 * around text is dropped, one string stands for a list of one, "true" for True) and says what it
 * would have accepted when it refuses. Texts are copied into the configuration's arena. */
#include "conf/value.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/num.h"
#include "conf/directory.h"
#include "conf/option.h"

static bool is_text(const struct raw *raw)
{
    return raw->kind == RAW_WORD || raw->kind == RAW_TEXT;
}

static bool is_number(const struct raw *raw)
{
    return raw->kind == RAW_INT || raw->kind == RAW_BOOL;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static str strip(const char *text)
{
    str s = str_of(text);
    while (s.len && is_space(s.p[0]))
        s = str_make(s.p + 1, s.len - 1);
    while (s.len && is_space(s.p[s.len - 1]))
        s.len--;
    return s;
}

static enum value_outcome refuse(struct value_context *context, enum value_outcome outcome)
{
    snprintf(context->expected, sizeof(context->expected), "%s", context->row->type->accepted);
    return outcome;
}

static enum value_outcome set_text(struct value_context *context, str text, struct value *out)
{
    *out = (struct value){ .kind = VALUE_TEXT, .text = arena_copy(context->arena, text).p };
    return VALUE_OK;
}

static enum value_outcome set_number(enum value_kind kind, int64_t number, struct value *out)
{
    *out = (struct value){ .kind = kind, .number = number };
    return VALUE_OK;
}

static enum value_outcome set_none(struct value *out)
{
    *out = (struct value){ .kind = VALUE_NONE };
    return VALUE_OK;
}

/* Text */

static enum value_outcome parse_string(struct value_context *context, const struct raw *raw,
                                       struct value *out)
{
    if (raw->kind == RAW_NONE)
        return set_none(out);
    if (!is_text(raw))
        return refuse(context, VALUE_MALFORMED);
    return set_text(context, strip(raw->text), out);
}

static enum value_outcome parse_class(struct value_context *context, const struct raw *raw, struct value *out)
{
    if (raw->kind == RAW_OTHER)
        return set_text(context, str_of(raw->text), out);
    return parse_string(context, raw, out);
}

static enum value_outcome parse_any(struct value_context *context, const struct raw *raw, struct value *out)
{
    if (raw->kind == RAW_NONE)
        return set_none(out);
    if (is_number(raw))
        return set_number(raw->kind == RAW_INT ? VALUE_INT : VALUE_BOOL, raw->number, out);
    return set_text(context, str_of(raw->text), out);
}

/* What True and False stand for where words are asked for, so that old configurations go on. */
static str word_of(const struct option *row, const struct raw *raw)
{
    if (raw->kind == RAW_BOOL)
        return raw->number ? str_of(row->constant) : STR("off");
    return is_text(raw) ? strip(raw->text) : STR_NONE;
}

static enum value_outcome parse_choice(struct value_context *context, const struct raw *raw,
                                       struct value *out)
{
    str word = word_of(context->row, raw);
    str rest = str_of(context->row->choices);
    while (word.len && rest.p) {
        str choice = str_split(&rest, ' ');
        if (str_ieq(choice, word))
            return set_text(context, choice, out);
    }
    snprintf(context->expected, sizeof(context->expected), "one of: %s", context->row->choices);
    return is_text(raw) ? VALUE_REFUSED : VALUE_MALFORMED;
}

static enum value_outcome parse_level(struct value_context *context, const struct raw *raw, struct value *out)
{
    enum log_level level;
    if (!is_text(raw))
        return refuse(context, VALUE_MALFORMED);
    if (!log_level_parse(strip(raw->text), &level))
        return refuse(context, VALUE_REFUSED);
    return set_text(context, strip(raw->text), out);
}

static enum value_outcome parse_dir(struct value_context *context, const struct raw *raw, struct value *out)
{
    struct stat info;
    if (!is_text(raw))
        return refuse(context, VALUE_MALFORMED);
    const char *path = directory_absolute(context->arena, strip(raw->text));
    if (stat(path, &info) < 0 || !S_ISDIR(info.st_mode))
        return refuse(context, VALUE_REFUSED);
    return set_text(context, str_of(path), out);
}

/* Numbers */

static enum value_outcome bounded(struct value_context *context, int64_t number, struct value *out)
{
    const struct option *row = context->row;
    if (number >= row->min && (row->max == 0 || number <= row->max))
        return set_number(VALUE_INT, number, out);
    if (row->max)
        snprintf(context->expected, sizeof(context->expected), "a whole number from %lld to %lld",
                 (long long)row->min, (long long)row->max);
    else
        snprintf(context->expected, sizeof(context->expected), "a whole number, %lld or more",
                 (long long)row->min);
    return VALUE_REFUSED;
}

/* 0x and 0o; a number with a leading zero is octal to C and an error to Python. */
static bool has_base(str s)
{
    return s.len > 2 && s.p[0] == '0' && (ascii_lower(s.p[1]) == 'x' || ascii_lower(s.p[1]) == 'o');
}

static bool parse_plain(str s, int64_t *out)
{
    bool is_negative = s.len && s.p[0] == '-';
    uint64_t n;
    if (s.len && (s.p[0] == '-' || s.p[0] == '+'))
        s = str_sub(s, 1, s.len);
    if (!num_parse(s, INT64_MAX, &n))
        return false;
    *out = is_negative ? -(int64_t)n : (int64_t)n;
    return true;
}

static bool is_digits(str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.len > 0;
}

static enum value_outcome parse_int(struct value_context *context, const struct raw *raw, struct value *out)
{
    int64_t number;
    if (is_number(raw))
        return bounded(context, raw->number, out);
    if (!is_text(raw))
        return refuse(context, VALUE_MALFORMED);
    str s = strip(raw->text);
    bool is_based = raw->kind == RAW_TEXT && has_base(s);
    if (is_based ? num_parse_based(s, &number) : parse_plain(s, &number))
        return bounded(context, number, out);
    return is_digits(s) ? bounded(context, INT64_MAX, out) : refuse(context, VALUE_MALFORMED);
}

static enum value_outcome parse_mode(struct value_context *context, const struct raw *raw, struct value *out)
{
    int64_t number;
    if (is_number(raw))
        return bounded(context, raw->number, out);
    if (!is_text(raw) || !num_parse_based(strip(raw->text), &number))
        return refuse(context, VALUE_MALFORMED);
    return bounded(context, number, out);
}

static int shift_of(char unit)
{
    switch (ascii_lower(unit)) {
    case 'k':
        return 10;
    case 'm':
        return 20;
    case 'g':
        return 30;
    default:
        return 0;
    }
}

static enum value_outcome parse_size(struct value_context *context, const struct raw *raw, struct value *out)
{
    uint64_t number;
    if (is_number(raw))
        return bounded(context, raw->number, out);
    str s = is_text(raw) ? strip(raw->text) : STR_NONE;
    int shift = s.len ? shift_of(s.p[s.len - 1]) : 0;
    if (shift)
        s.len--;
    if (!num_parse(s, INT64_MAX >> shift, &number))
        return refuse(context, VALUE_MALFORMED);
    return bounded(context, (int64_t)(number << shift), out);
}

static enum value_outcome parse_flag(struct value_context *context, const struct raw *raw, struct value *out)
{
    if (raw->kind == RAW_NONE)
        return set_none(out);
    if (raw->kind == RAW_BOOL)
        return set_number(VALUE_BOOL, raw->number, out);
    str word = is_text(raw) ? strip(raw->text) : STR_NONE;
    if (str_ieq(word, STR("true")))
        return set_number(VALUE_BOOL, 1, out);
    if (str_ieq(word, STR("false")))
        return set_number(VALUE_BOOL, 0, out);
    return refuse(context, VALUE_MALFORMED);
}

/* An id of 2^32 - 1 means "leave it" to the kernel. */
static enum value_outcome parse_id(struct value_context *context, const struct raw *raw, int64_t own,
                                   int64_t (*look_up)(const char *name), struct value *out)
{
    const char *text = is_text(raw) ? arena_copy(context->arena, strip(raw->text)).p : NULL;
    uint64_t number = raw->kind == RAW_NONE ? (uint64_t)own : (uint64_t)raw->number;
    if (text && !num_parse(str_of(text), INT64_MAX, &number))
        number = (uint64_t)look_up(text);
    else if (!text && raw->kind != RAW_INT && raw->kind != RAW_NONE)
        return refuse(context, VALUE_MALFORMED);
    if (number >= UINT32_MAX)
        return refuse(context, VALUE_REFUSED);
    return set_number(VALUE_INT, (int64_t)number, out);
}

static int64_t user_id(const char *name)
{
    const struct passwd *entry = getpwnam(name);
    return entry ? (int64_t)entry->pw_uid : -1;
}

static int64_t group_id(const char *name)
{
    const struct group *entry = getgrnam(name);
    return entry ? (int64_t)entry->gr_gid : -1;
}

static enum value_outcome parse_user(struct value_context *context, const struct raw *raw, struct value *out)
{
    return parse_id(context, raw, geteuid(), user_id, out);
}

static enum value_outcome parse_group(struct value_context *context, const struct raw *raw, struct value *out)
{
    return parse_id(context, raw, getegid(), group_id, out);
}

/* Lists */

static void list_start(struct value_context *context, size_t room, struct value *out)
{
    *out = (struct value){ .kind = VALUE_LIST };
    out->list.items = arena_zero(context->arena, (room + 1) * sizeof(char *));
}

static void list_add(struct value_context *context, str item, struct value *out)
{
    out->list.items[out->list.count++] = arena_copy(context->arena, item).p;
}

static enum value_outcome parse_list(struct value_context *context, const struct raw *raw, struct value *out)
{
    struct string_list one = { (const char *[]){ raw->text }, 1 };
    struct string_list given = raw->kind == RAW_LIST ? raw->list : one;
    if (raw->kind != RAW_LIST && raw->kind != RAW_NONE && !is_text(raw))
        return refuse(context, VALUE_MALFORMED);
    if (raw->kind == RAW_NONE || (is_text(raw) && raw->text[0] == '\0'))
        given.count = 0;
    if ((int64_t)given.count < context->row->min)
        return refuse(context, VALUE_REFUSED);
    list_start(context, given.count, out);
    for (size_t i = 0; i < given.count; i++)
        list_add(context, strip(given.items[i]), out);
    return VALUE_OK;
}

static enum value_outcome parse_env(struct value_context *context, const struct raw *raw, struct value *out)
{
    struct value list;
    enum value_outcome outcome = parse_list(context, raw, &list);
    if (outcome != VALUE_OK)
        return outcome;
    for (size_t i = 0; i < list.list.count; i++) {
        str item = str_of(list.list.items[i]);
        size_t name_len = str_find(item, '=', 0);
        if (name_len == 0 || name_len == item.len)
            return refuse(context, VALUE_REFUSED);
    }
    *out = list;
    return VALUE_OK;
}

static enum value_outcome parse_csv(struct value_context *context, const struct raw *raw, struct value *out)
{
    if (!is_text(raw))
        return parse_list(context, raw, out);
    list_start(context, strlen(raw->text), out);
    str rest = strip(raw->text);
    while (rest.p) {
        str item = str_split(&rest, ',');
        if (item.len)
            list_add(context, str_trim(item), out);
    }
    return VALUE_OK;
}

/* Fields */

static void store_text(void *field, const struct value *value)
{
    *(const char **)field = value->text;
}

static void store_number(void *field, const struct value *value)
{
    *(int64_t *)field = value->number;
}

static void store_mode(void *field, const struct value *value)
{
    *(mode_t *)field = (mode_t)value->number;
}

static void store_flag(void *field, const struct value *value)
{
    *(bool *)field = value->number != 0;
}

static void store_list(void *field, const struct value *value)
{
    *(struct string_list *)field = value->list;
}

static void store_user(void *field, const struct value *value)
{
    *(uid_t *)field = (uid_t)value->number;
}

static void store_group(void *field, const struct value *value)
{
    *(gid_t *)field = (gid_t)value->number;
}

static void store_level(void *field, const struct value *value)
{
    bool is_known = log_level_parse(str_of(value->text), field);
    (void)is_known; /* it was when the value was parsed */
}

const struct value_type type_string = { "string", false, false, "a string", parse_string, store_text };
const struct value_type type_class = {
    "class", false, false, "the name of a class", parse_class, store_text
};
const struct value_type type_choice = { "word", false, false, "a word", parse_choice, store_text };
const struct value_type type_int = { "int", false, false, "a whole number", parse_int, store_number };
const struct value_type type_mode = { "mode",     false,     false, "a whole number, octal as 0o22 or 022",
                                      parse_mode, store_mode };
const struct value_type type_size = { "size",     false,
                                      false,      "a number of bytes, as 65536, 64k, 1m or 2g",
                                      parse_size, store_number };
const struct value_type type_flag = { "bool", true, false, "True or False", parse_flag, store_flag };
const struct value_type type_list = { "list",     false,
                                      true,       "a string or a list of strings, at least one",
                                      parse_list, store_list };
const struct value_type type_env = { "list",    false,     true, "a list of strings NAME=value",
                                     parse_env, store_list };
const struct value_type type_csv = { "list",    false,     false, "strings separated by commas",
                                     parse_csv, store_list };
const struct value_type type_user = { "user",     false,     false, "the name or number of an existing user",
                                      parse_user, store_user };
const struct value_type type_group = { "group",     false,
                                       false,       "the name or number of an existing group",
                                       parse_group, store_group };
const struct value_type type_dir = {
    "directory", false, false, "an existing directory", parse_dir, store_text
};
const struct value_type type_level = { "level",     false,
                                       false,       "one of: debug, info, warning, error, critical",
                                       parse_level, store_level };
const struct value_type type_call = { "callable", false, false, "a function", parse_any, NULL };
const struct value_type type_any = { "any", false, false, "anything", parse_any, NULL };

/* Printing and comparing */

static void print_escaped(unsigned char c, char quote, struct buf *out)
{
    if (c == '\\' || c == (unsigned char)quote)
        buf_printf(out, "\\%c", c);
    else if (c == '\n' || c == '\r' || c == '\t')
        buf_printf(out, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
    else if (c < 0x20 || c == 0x7f)
        buf_printf(out, "\\x%02x", c);
    else
        buf_append_char(out, (char)c);
}

void value_print_quoted(str text, struct buf *out)
{
    bool has_single = str_find(text, '\'', 0) < text.len;
    bool has_double = str_find(text, '"', 0) < text.len;
    char quote = has_single && !has_double ? '"' : '\'';
    buf_append_char(out, quote);
    for (size_t i = 0; i < text.len; i++)
        print_escaped((unsigned char)text.p[i], quote, out);
    buf_append_char(out, quote);
}

static void print_list(const struct string_list *list, struct buf *out)
{
    buf_append_char(out, '[');
    for (size_t i = 0; i < list->count; i++) {
        if (i)
            buf_append(out, STR(", "));
        value_print_quoted(str_of(list->items[i]), out);
    }
    buf_append_char(out, ']');
}

void value_print(const struct value *value, struct buf *out)
{
    switch (value->kind) {
    case VALUE_NONE:
        buf_append(out, STR("None"));
        break;
    case VALUE_BOOL:
        buf_append(out, value->number ? STR("True") : STR("False"));
        break;
    case VALUE_INT:
        buf_printf(out, "%lld", (long long)value->number);
        break;
    case VALUE_TEXT:
        buf_append(out, str_of(value->text));
        break;
    case VALUE_LIST:
        print_list(&value->list, out);
        break;
    }
}

bool value_equal(const struct value *a, const struct value *b)
{
    if (a->kind != b->kind || a->number != b->number || a->list.count != b->list.count)
        return false;
    for (size_t i = 0; i < a->list.count; i++)
        if (!str_eq(str_of(a->list.items[i]), str_of(b->list.items[i])))
            return false;
    return str_eq(str_of(a->text), str_of(b->text));
}
