/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/num.h"

static void parses_digits_only(void **state)
{
    uint64_t n = 7;
    assert_true(num_parse(STR("0"), 10, &n) && n == 0);
    assert_true(num_parse(STR("0010"), 10, &n) && n == 10);
    assert_true(num_parse(STR("18446744073709551615"), UINT64_MAX, &n) && n == UINT64_MAX);
    n = 7;
    const char *refused[] = { "",
                              "+1",
                              "-1",
                              " 1",
                              "1 ",
                              "1_0",
                              "0x1",
                              "1.0",
                              "11",
                              "18446744073709551616",
                              "99999999999999999999999999" };
    for (size_t i = 0; i < COUNT_OF(refused) - 2; i++)
        assert_false(num_parse(str_of(refused[i]), 10, &n));
    assert_false(num_parse(STR("18446744073709551616"), UINT64_MAX, &n));
    assert_false(num_parse(STR("99999999999999999999999999"), UINT64_MAX, &n));
    assert_int_equal(n, 7);
}

static void parses_bases_and_signs(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
    } rows[] = {
        { "0", 0 },       { "-0", 0 },
        { "12", 12 },     { "+12", 12 },
        { "-12", -12 },   { "0x1F", 31 },
        { "0Xff", 255 },  { "0o17", 15 },
        { "0O17", 15 },   { "022", 18 },
        { "-0x10", -16 }, { "00", 0 },
        { "0777", 511 },  { "9223372036854775807", INT64_MAX },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t n = -1;
        assert_true(num_parse_based(str_of(rows[i].text), &n));
        assert_int_equal(n, rows[i].value);
    }
}

static void refuses_bad_bases(void **state)
{
    const char *rows[] = { "",
                           "-",
                           "+",
                           "0x",
                           "0o",
                           "08",
                           "0xg",
                           "0o8",
                           "1a",
                           " 1",
                           "1 ",
                           "--1",
                           "+-1",
                           "9223372036854775808",
                           "0x8000000000000000" };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t n = 7;
        assert_false(num_parse_based(str_of(rows[i]), &n));
        assert_int_equal(n, 7);
    }
}

static str decimal(char *to, uint64_t n)
{
    return str_make(to, num_format(to, n));
}

static str hexadecimal(char *to, uint64_t n)
{
    return str_make(to, num_format_hex(to, n));
}

static void formats(void **state)
{
    char to[NUM_MAX_LEN];
    assert_str_equal(decimal(to, 0), STR("0"));
    assert_str_equal(decimal(to, 9), STR("9"));
    assert_str_equal(decimal(to, 10), STR("10"));
    assert_str_equal(decimal(to, UINT64_MAX), STR("18446744073709551615"));
    assert_str_equal(hexadecimal(to, 0), STR("0"));
    assert_str_equal(hexadecimal(to, 15), STR("f"));
    assert_str_equal(hexadecimal(to, 16), STR("10"));
    assert_str_equal(hexadecimal(to, UINT64_MAX), STR("ffffffffffffffff"));
}

static void reads_back_what_it_writes(void **state)
{
    char to[NUM_MAX_LEN];
    for (unsigned bit = 0; bit < 64; bit++) {
        uint64_t n = (uint64_t)1 << bit, back = 0;
        assert_true(num_parse(decimal(to, n), UINT64_MAX, &back) && back == n);
        assert_true(num_parse(decimal(to, n - 1), UINT64_MAX, &back) && back == n - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_digits_only),        cmocka_unit_test(parses_bases_and_signs),
        cmocka_unit_test(refuses_bad_bases),         cmocka_unit_test(formats),
        cmocka_unit_test(reads_back_what_it_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
