/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "server/escape.h"

static void assert_escaped(str text, const char *want)
{
    struct buf out = { 0 };
    escape_append(&out, text);
    assert_string_equal(buf_text(&out), want);
    buf_done(&out);
}

static void keeps_readable_text(void **state)
{
    static const char *const rows[] = {
        "",
        "GET /a?b=c&d HTTP/1.1",
        "back\\slash 'single'",
        "caf\xc3\xa9",
        "\xe2\x82\xac",
        "\xf0\x9f\x8d\xbd",
        "\xc2\xa0",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xf4\x8f\xbf\xbf",
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_escaped(str_of(rows[i]), rows[i]);
        assert_true(escape_is_utf8(str_of(rows[i])));
    }
}

static void escapes_quotes_and_controls(void **state)
{
    assert_escaped(STR("\""), "\\\"");
    assert_escaped(STR("a\"\"b"), "a\\\"\\\"b");
    assert_escaped(STR("a\r\n127.0.0.1 - -"), "a\\x0d\\x0a127.0.0.1 - -");
    assert_escaped(STR("\0\t\x1b[2J\x1f\x7f"), "\\x00\\x09\\x1b[2J\\x1f\\x7f");
}

/* Latin-1, C1 controls (CSI is U+009B), overlong forms, surrogates, beyond U+10FFFF, cut sequences. */
static void escapes_what_is_no_utf8(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        { "caf\xe9!", "caf\\xe9!" },
        { "\xc2\x9b", "\\xc2\\x9b" },
        { "\xc2\x80", "\\xc2\\x80" },
        { "\xc0\xaf", "\\xc0\\xaf" },
        { "\xc1\xbf", "\\xc1\\xbf" },
        { "\xe0\x9f\xbf", "\\xe0\\x9f\\xbf" },
        { "\xf0\x8f\xbf\xbf", "\\xf0\\x8f\\xbf\\xbf" },
        { "\xed\xa0\x80", "\\xed\\xa0\\x80" },
        { "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },
        { "\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80" },
        { "\xe2\x82", "\\xe2\\x82" },
        { "\xc3", "\\xc3" },
        { "\xbf", "\\xbf" },
        { "\xff\xfe", "\\xff\\xfe" },
        { "\xc3\"", "\\xc3\\\"" },
        { "\xe2\x82\n", "\\xe2\\x82\\x0a" },
        { "\xc3\xc3\xa9", "\\xc3\xc3\xa9" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_escaped(str_of(rows[i].text), rows[i].want);
        assert_false(escape_is_utf8(str_of(rows[i].text)));
    }
}

/* No byte can end a line or close a quoted value, whatever stands before it. */
static void leaves_no_dangerous_byte(void **state)
{
    struct buf out = { 0 };
    for (int first = 0; first < 256; first++)
        for (int second = 0; second < 256; second++) {
            out.len = 0;
            escape_append(&out, str_make((char[]){ (char)first, (char)second }, 2));
            for (size_t i = 0; i < out.len; i++) {
                unsigned char c = (unsigned char)out.p[i];
                assert_true(c >= 0x20 && c != 0x7f);
                assert_true(c != '"' || (i && out.p[i - 1] == '\\'));
            }
        }
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_readable_text),
        cmocka_unit_test(escapes_quotes_and_controls),
        cmocka_unit_test(escapes_what_is_no_utf8),
        cmocka_unit_test(leaves_no_dangerous_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
