/* SPDX-License-Identifier: MIT */
#include "http/status.h"

#include "unit.h"

static void names_codes(void **state)
{
    assert_str_equal(status_reason(200), STR("OK"));
    assert_str_equal(status_reason(431), STR("Request Header Fields Too Large"));
    assert_str_equal(status_reason(511), STR("Network Authentication Required"));
    assert_str_equal(status_reason(299), STR("Unknown"));
    assert_str_equal(status_reason(0), STR("Unknown"));
    assert_str_equal(status_reason(-7), STR("Unknown"));
    assert_str_equal(status_reason(999), STR("Unknown"));
}

static void has_whole_lines(void **state)
{
    assert_str_equal(status_line(404), STR("HTTP/1.1 404 Not Found\r\n"));
    assert_str_equal(status_line(100), STR("HTTP/1.1 100 Continue\r\n"));
    assert_null(status_line(599).p);
    assert_null(status_line(600).p);
    assert_null(status_line(99).p);
}

static void knows_bodiless_codes(void **state)
{
    assert_true(status_has_no_body(100));
    assert_true(status_has_no_body(103));
    assert_true(status_has_no_body(204));
    assert_true(status_has_no_body(304));
    assert_false(status_has_no_body(200));
    assert_false(status_has_no_body(205));
    assert_false(status_has_no_body(400));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_codes),
        cmocka_unit_test(has_whole_lines),
        cmocka_unit_test(knows_bodiless_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
