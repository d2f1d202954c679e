/* SPDX-License-Identifier: MIT */
/* What is expected here of flags, widths, precisions and conversions is what Python 3.11 prints. */
#include "unit.h"

#include "finished.h"
#include "server/access_format.h"

static struct finished finished;

static int set_up(void **state)
{
    int error = finished_init(&finished);
    if (!error)
        finished_set_request(&finished, "GET / HTTP/1.1\r\nHost: a\r\nX-A: caf\xc3\xa9 \"\r\n\r\n");
    return error;
}

static int tear_down(void **state)
{
    finished_done(&finished);
    return 0;
}

/* The line without its end. */
static void assert_line(const char *text, const char *want)
{
    struct access_format format;
    struct buf out = { 0 };
    const char *why = NULL;
    if (!access_format_init(&format, str_of(text), &why))
        fail_msg("%s", why);
    access_format_line(&format, finished.exchange, &out);
    assert_true(out.len && out.p[out.len - 1] == '\n');
    out.len--;
    assert_string_equal(buf_text(&out), want);
    buf_done(&out);
    access_format_done(&format);
}

struct row {
    const char *format, *line;
};

static void assert_lines(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_line(rows[i].format, rows[i].line);
}

static void keeps_text(void **state)
{
    static const struct row rows[] = {
        { "", "" },
        { "plain text", "plain text" },
        { "100%%", "100%" },
        { "%%(m)s", "%(m)s" },
        { "%%%(m)s%%", "%GET%" },
        { "a%(m)sb%(m)sc", "aGETbGETc" },
        { "\t\"%(m)s\"\\n", "\t\"GET\"\\n" },
    };
    assert_lines(rows, COUNT_OF(rows));
}

static void formats_numbers(void **state)
{
    static const struct row rows[] = {
        { "%(B)d", "31" },
        { "%(B)08.3d", "00000031" },
        { "%(B)+d", "+31" },
        { "%(B)-08d", "31      " },
        { "%(B)#x", "0x1f" },
        { "%(B)#o", "0o37" },
        { "%(B)#X", "0X1F" },
        { "%(B)#08x", "0x00001f" },
        { "%(B)08x", "0000001f" },
        { "%(B).5x", "0001f" },
        { "%(B)#.5x", "0x0001f" },
        { "%(B)012.5x", "00000000001f" },
        { "%(B)hd", "31" },
        { "%(B)ld", "31" },
        { "%(B)Ld", "31" },
        { "%(B)u", "31" },
        { "%(B)i", "31" },
        { "%(B)X", "1F" },
        { "%(B)o", "37" },
        { "%(B)6.4d", "  0031" },
        { "%(B) 5d", "   31" },
        { "%(B)0-5d", "31   " },
        { "%(B)+05d", "+0031" },
        { "%(B).0d", "31" },
        { "%(B).d", "31" },
        { "%(B)#010x", "0x0000001f" },
        { "%(B)-#10x", "0x1f      " },
        { "%(B)+#08x", "+0x0001f" },
        { "%(B)- 6d", " 31   " },
        { "%(B) +d", "+31" },
        { "%(B)+ d", "+31" },
        { "%(B).30d", "000000000000000000000000000031" },
        { "%(B)40d", "                                      31" },
    };
    assert_lines(rows, COUNT_OF(rows));
}

static void formats_numbers_as_text(void **state)
{
    static const struct row rows[] = {
        { "%(B)s", "31" },       { "%(B).1s", "3" },     { "%(B)6s", "    31" },
        { "%(B)-6s", "31    " }, { "%(B)05s", "   31" }, { "%(B).0s", "" },
        { "%(B).s", "" },        { "%(B)+s", "31" },     { "%(B)#s", "31" },
    };
    assert_lines(rows, COUNT_OF(rows));
}

static void formats_fractions(void **state)
{
    static const struct row rows[] = {
        { "%(B)f", "31.000000" },    { "%(B).2f", "31.00" },      { "%(B)8.1f", "    31.0" },
        { "%(B)-8.1f", "31.0    " }, { "%(B)08.1f", "000031.0" }, { "%(B)+.0f", "+31" },
        { "%(B)#.0f", "31." },       { "%(B).2e", "3.10e+01" },   { "%(B).3E", "3.100E+01" },
        { "%(B)g", "31" },           { "%(B)G", "31" },           { "%(B)F", "31.000000" },
    };
    assert_lines(rows, COUNT_OF(rows));
}

static void formats_text(void **state)
{
    static const struct row rows[] = {
        { "%(m)s", "GET" },          { "%(m)6s", "   GET" },  { "%(m)-6s", "GET   " },
        { "%(m).2s", "GE" },         { "%(m).0s", "" },       { "%(m)8.2s", "      GE" },
        { "%(m)-8.2s", "GE      " }, { "%(m)06s", "   GET" }, { "%(m)+s", "GET" },
        { "%(m)# s", "GET" },        { "%(m)hs", "GET" },     { "%(m).100s", "GET" },
        { "%(m)0-6s", "GET   " },
    };
    assert_lines(rows, COUNT_OF(rows));
}

/* Widths count characters, and the backslash that an escape adds is one. */
static void counts_characters(void **state)
{
    static const struct row rows[] = {
        { "%({x-a}i)8s|", " caf\xc3\xa9 \\\"|" },
        { "%({x-a}i)-9s|", "caf\xc3\xa9 \\\"  |" },
        { "%({x-a}i).4s|", "caf\xc3\xa9|" },
        { "%({x-a}i)5.3s|", "  caf|" },
    };
    assert_lines(rows, COUNT_OF(rows));
}

static void prints_widest(void **state)
{
    char want[1001];
    memset(want, ' ', 1000);
    memcpy(want + 997, "GET", 4);
    assert_line("%(m)1000s", want);
    memset(want, '0', 1000);
    memcpy(want + 998, "31", 3);
    assert_line("%(B).1000d", want);
}

static void prints_huge_values(void **state)
{
    finished.exchange->body_sent = INT64_MAX;
    assert_line("%(B)s %(b)d", "9223372036854775807 9223372036854775807");
    assert_line("%(B)o", "777777777777777777777");
    assert_line("%(B)#x", "0x7fffffffffffffff");
    finished.exchange->body_sent = -1;
    assert_line("%(B)d", "0");
}

static void prints_dash_for_what_it_does_not_know(void **state)
{
    static const struct row rows[] = {
        { "%(z)s", "-" },       { "%()s", "-" },        { "%(hh)s", "-" },       { "%(a(b)c)s", "-" },
        { "%({Host}z)s", "-" }, { "%({Host})s", "-" },  { "%({Host}ii)s", "-" }, { "%({}i)s", "-" },
        { "%({a)s", "-" },      { "%(z)4s", "   -" },   { "%(H )s", "-" },       { "%({})s", "-" },
        { "%({}e)s", "-" },     { "%({a(b)}i)s", "-" },
    };
    assert_lines(rows, COUNT_OF(rows));
}

static void refuses_broken_formats(void **state)
{
    static const struct {
        const char *format, *why;
    } rows[] = {
        { "%", "%: a directive begins with %(" },
        { "50% of", "% : a directive begins with %(" },
        { "%s", "%s: a directive begins with %(" },
        { "%5%", "%5: a directive begins with %(" },
        { "ok %(h", "%(h: the ( is never closed" },
        { "%((h)s", "%((h)s: the ( is never closed" },
        { "%(h)", "%(h): the conversion is missing" },
        { "%(h)-08.", "%(h)-08.: the conversion is missing" },
        { "%(h)l", "%(h)l: the conversion is missing" },
        { "%(h)y", "%(h)y: no such conversion" },
        { "%(B)lld", "%(B)ll: no such conversion" },
        { "%(B)*d", "%(B)*: no such conversion" },
        { "%(B)c", "%(B)c: no such conversion" },
        { "%(a)r", "%(a)r: no such conversion" },
        { "%(m)%", "%(m)%: no such conversion" },
        { "%(h)d", "%(h)d: this atom is text" },
        { "%(z)08x", "%(z)08x: this atom is text" },
        { "%({x}i)f", "%({x}i)f: this atom is text" },
        { "%(B)1001d", "%(B)1001d: width and precision" },
        { "%(B).1001d", "%(B).1001d: width and precision" },
        { "%(B)99999999999999999999999999d", "%(B)99999999999999999999999999d: width and precision" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct access_format format;
        const char *why = "";
        assert_false(access_format_init(&format, str_of(rows[i].format), &why));
        if (!str_starts(str_of(why), str_of(rows[i].why)))
            fail_msg("%s, not %s", why, rows[i].why);
    }
}

static void cuts_long_reasons(void **state)
{
    char text[5000] = "%(";
    memset(text + 2, 'x', sizeof(text) - 3);
    struct access_format format;
    const char *why = "";
    assert_false(access_format_init(&format, str_make(text, sizeof(text) - 1), &why));
    assert_true(strlen(why) < 160);
    assert_non_null(strstr(why, ": the ( is never closed"));
}

static void collects_environ_names(void **state)
{
    struct access_format format;
    const char *why;
    str text = STR("%({wsgi.url_scheme}e)s %(h)s %({REMOTE_ADDR}e)s %({X}i)s %({remote_addr}E)s");
    assert_true(access_format_init(&format, text, &why));
    assert_int_equal(format.n_environ_names, 2);
    assert_string_equal(format.environ_names[0], "wsgi.url_scheme");
    assert_string_equal(format.environ_names[1], "REMOTE_ADDR");
    access_format_done(&format);
}

#define WITH_EXCHANGE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_EXCHANGE(keeps_text),
        WITH_EXCHANGE(formats_numbers),
        WITH_EXCHANGE(formats_numbers_as_text),
        WITH_EXCHANGE(formats_fractions),
        WITH_EXCHANGE(formats_text),
        WITH_EXCHANGE(counts_characters),
        WITH_EXCHANGE(prints_widest),
        WITH_EXCHANGE(prints_huge_values),
        WITH_EXCHANGE(prints_dash_for_what_it_does_not_know),
        cmocka_unit_test(refuses_broken_formats),
        cmocka_unit_test(cuts_long_reasons),
        cmocka_unit_test(collects_environ_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
