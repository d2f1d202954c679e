/* SPDX-License-Identifier: MIT */
/* Names, values, lists, hosts and dates: the small pure functions against slower ones that are plainly
 * right, or against themselves. */
#include "fuzz.h"
#include "http/date.h"
#include "http/fields.h"
#include "http/host.h"

enum { TEXT_MOST = 512 };

static enum field_id look_slowly(str name)
{
    for (unsigned id = FIELD_OTHER + 1; id < FIELD_COUNT; id++)
        if (str_ieq(field_name(id), name))
            return id;
    return FIELD_OTHER;
}

static bool is_name(str name)
{
    static const char tchar[] =
        "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (size_t i = 0; i < name.len; i++)
        if (!memchr(tchar, name.p[i], sizeof(tchar) - 1))
            return false;
    return name.len > 0;
}

static bool is_value(str value)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.p[i] != '\t' && ((unsigned char)value.p[i] < ' ' || value.p[i] == 0x7f))
            return false;
    return true;
}

static void check_host(str host)
{
    if (host_is_valid_with_port(host))
        CHECK(host_is_valid(host), "a port does not make it worse");
    if (host_is_valid(host))
        for (size_t i = 0; i < host.len; i++)
            CHECK((unsigned char)host.p[i] > ' ' && (unsigned char)host.p[i] < 0x7f &&
                      !strchr("/?#@\\\"<>^`{|}", host.p[i]),
                  "byte of a host");
}

static void check_date(str text)
{
    char again[DATE_LEN];
    time_t when, back;
    if (!date_parse(text, &when))
        return;
    date_format(again, when);
    CHECK(date_parse(str_make(again, DATE_LEN), &back) && back == when, "date survives");
}

/* The years that four digits can say. */
static void check_time(str input)
{
    static const int64_t first = -62167219200, last = 253402300799;
    int64_t number = 0;
    memcpy(&number, input.p, size_min(input.len, sizeof(number)));
    time_t when = (time_t)(first + (int64_t)((uint64_t)number % (uint64_t)(last - first + 1))), back;
    char text[DATE_LEN];
    date_format(text, when);
    CHECK(date_parse(str_make(text, DATE_LEN), &back) && back == when, "time survives");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str all = str_sub(str_make((const char *)data, size), 0, TEXT_MOST);
    if (!all.len)
        return 0;
    char *copy = copy_of(all);
    str text = str_make(copy, all.len);
    CHECK(field_lookup(text) == look_slowly(text), "id");
    CHECK(field_name_is_valid(text) == is_name(text), "name");
    CHECK(field_value_is_valid(text) == is_value(text), "value");
    str rest = text, first = str_trim(str_split(&rest, ','));
    CHECK(field_list_has(text, first), "first element");
    check_host(text);
    check_date(text);
    check_time(text);
    free(copy);
    return 0;
}
