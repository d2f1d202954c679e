/* SPDX-License-Identifier: MIT */
#include "http/date.h"

#include <stdio.h>

#include "unit.h"

static time_t parse(const char *text)
{
    time_t when = -12345;
    return date_parse(str_of(text), &when) ? when : -1;
}

static void writes_fixdate(void **state)
{
    char text[DATE_LEN];
    date_format(text, 784111777);
    assert_str_equal(str_make(text, DATE_LEN), STR("Sun, 06 Nov 1994 08:49:37 GMT"));
    date_format(text, 0);
    assert_str_equal(str_make(text, DATE_LEN), STR("Thu, 01 Jan 1970 00:00:00 GMT"));
    date_format(text, -1);
    assert_str_equal(str_make(text, DATE_LEN), STR("Wed, 31 Dec 1969 23:59:59 GMT"));
    date_format(text, 951782400);
    assert_str_equal(str_make(text, DATE_LEN), STR("Tue, 29 Feb 2000 00:00:00 GMT"));
}

/* A prime number of seconds a step, from before the epoch to beyond 2100. */
static void agrees_with_the_c_library(void **state)
{
    for (time_t when = -2000000000; when < 5000000000; when += 7654321) {
        char ours[DATE_LEN], theirs[64];
        struct tm tm;
        gmtime_r(&when, &tm);
        strftime(theirs, sizeof(theirs), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        date_format(ours, when);
        assert_str_equal(str_make(ours, DATE_LEN), str_of(theirs));
        time_t back;
        assert_true(date_parse(str_make(ours, DATE_LEN), &back));
        assert_int_equal(back, when);
    }
}

static void reads_all_three_forms(void **state)
{
    assert_int_equal(parse("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
    assert_int_equal(parse("Sunday, 06-Nov-94 08:49:37 GMT"), 784111777);
    assert_int_equal(parse("Sun Nov  6 08:49:37 1994"), 784111777);
    assert_int_equal(parse("Wed Nov 16 08:49:37 1994"), 784111777 + 10 * 86400);
    assert_int_equal(parse("Thursday, 01-Jan-70 00:00:00 GMT"), 0);
    assert_int_equal(parse("Tuesday, 29-Feb-00 00:00:00 GMT"), 951782400);
    assert_int_equal(parse("Sat, 31 Dec 2016 23:59:60 GMT"), 1483228800);
}

static void refuses_anything_else(void **state)
{
    static const char *const bad[] = {
        "",
        "0",
        "784111777",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun,06 Nov 1994 08:49:37 GMT",
        "San, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 29 Feb 1900 08:49:37 GMT",
        "Sun, 29 Feb 2001 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1994 08:49:3x GMT",
        "Sun, -6 Nov 1994 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov  6 08:49:37 1994 ",
        "Sun Nov  6 08:49:37 94",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        time_t when = 42;
        if (date_parse(str_of(bad[i]), &when))
            fail_msg("accepted: %s", bad[i]);
        assert_int_equal(when, 42);
    }
    time_t when;
    assert_false(date_parse(STR_NONE, &when));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_fixdate),
        cmocka_unit_test(agrees_with_the_c_library),
        cmocka_unit_test(reads_all_three_forms),
        cmocka_unit_test(refuses_anything_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
