/* SPDX-License-Identifier: MIT */
#include "http/chunked.h"

#include <stdio.h>

#include "unit.h"

struct outcome {
    enum chunked_result result;
    char payload[256];
    size_t len;
    size_t used; /* bytes of the input taken */
};

/* Feeds `message` in pieces of at most `piece` bytes, until it is used up or there is a result. */
static struct outcome decode(str message, size_t piece)
{
    struct chunked c = { 0 };
    struct outcome outcome = { CHUNKED_MORE };
    while (outcome.used < message.len && outcome.result == CHUNKED_MORE) {
        str in = str_sub(message, outcome.used, outcome.used + piece), out;
        size_t before = in.len;
        while ((outcome.result = chunked_next(&c, &in, &out)) == CHUNKED_DATA) {
            assert_true(out.len > 0 && out.p >= message.p && out.p + out.len <= message.p + message.len);
            assert_true(outcome.len + out.len <= sizeof(outcome.payload));
            memcpy(outcome.payload + outcome.len, out.p, out.len);
            outcome.len += out.len;
        }
        if (outcome.result == CHUNKED_MORE)
            assert_int_equal(in.len, 0);
        if (outcome.result == CHUNKED_BAD)
            assert_non_null(c.reason);
        outcome.used += before - in.len;
    }
    return outcome;
}

static void expect_payload(str message, str want, size_t rest)
{
    for (size_t piece = 1; piece <= message.len; piece++) {
        struct outcome outcome = decode(message, piece);
        if (outcome.result != CHUNKED_DONE)
            fail_msg("not done: %.*s", STR_FMT(message));
        assert_str_equal(str_make(outcome.payload, outcome.len), want);
        assert_int_equal(message.len - outcome.used, rest);
    }
}

static void expect_refused(str message)
{
    for (size_t piece = 1; piece <= message.len; piece++)
        if (decode(message, piece).result != CHUNKED_BAD)
            fail_msg("accepted in pieces of %zu: %.*s", piece, STR_FMT(message));
}

static void decodes(void **state)
{
    expect_payload(STR("0\r\n\r\n"), STR(""), 0);
    expect_payload(STR("4\r\nWiki\r\n5\r\npedia\r\n0\r\n\r\n"), STR("Wikipedia"), 0);
    expect_payload(STR("4\r\nWiki\r\n0\r\n\r\nGET / HTTP/1.1\r\n"), STR("Wiki"), 16);
    expect_payload(STR("00A\r\n0123456789\r\n1\r\n\n\r\n000\r\n\r\n"), STR("0123456789\n"), 0);
    expect_payload(STR("a\r\n0\r\n\r\n56789\r\n0\r\n\r\n"), STR("0\r\n\r\n56789"), 0);
}

static void skips_extensions(void **state)
{
    expect_payload(STR("1;a\r\nx\r\n0;last\r\n\r\n"), STR("x"), 0);
    expect_payload(STR("1 ; a = b\r\nx\r\n0\r\n\r\n"), STR("x"), 0);
    expect_payload(STR("1;a=\"q;\\\"\\\\ ,\t\x80\" ;b;c=1f\r\nx\r\n0\r\n\r\n"), STR("x"), 0);
}

static void skips_trailers(void **state)
{
    expect_payload(STR("1\r\nx\r\n0\r\nDigest: \"a\\b\"\r\nX-Empty:\r\n\r\n"), STR("x"), 0);
    expect_payload(STR("0\r\nX:\t obs \xff;=\r\n\r\nrest"), STR(""), 4);
}

static void refuses_bad_sizes(void **state)
{
    expect_refused(STR("\r\n"));
    expect_refused(STR(" 1\r\n"));
    expect_refused(STR("1 \r\n"));
    expect_refused(STR("1\t\r\n"));
    expect_refused(STR("+1\r\n"));
    expect_refused(STR("-1\r\n"));
    expect_refused(STR("0x1\r\n"));
    expect_refused(STR("1_0\r\n"));
    expect_refused(STR("g\r\n"));
    expect_refused(STR("1,1\r\n"));
    expect_refused(STR(";a\r\n"));
    expect_refused(STR("1\0\r\n"));
}

static void refuses_sizes_that_overflow(void **state)
{
    expect_refused(STR("8000000000000000\r\n"));
    expect_refused(STR("ffffffffffffffff\r\n"));
    expect_refused(STR("10000000000000001\r\n"));
    struct chunked c = { 0 };
    str in = STR("7fffffffffffffff\r\nx"), out;
    assert_int_equal(chunked_next(&c, &in, &out), CHUNKED_DATA);
    assert_int_equal(c.left, INT64_MAX - 1);
}

static void refuses_bad_line_ends(void **state)
{
    expect_refused(STR("1\nx\r\n0\r\n\r\n"));
    expect_refused(STR("1\rx\r\n0\r\n\r\n"));
    expect_refused(STR("1\r\r\nx\r\n0\r\n\r\n"));
    expect_refused(STR("1\r\nx\n0\r\n\r\n"));
    expect_refused(STR("1\r\nx0\r\n\r\n"));
    expect_refused(STR("1\r\nxx\r\n0\r\n\r\n"));
    expect_refused(STR("1\r\nx\r0\r\n\r\n"));
    expect_refused(STR("0\r\n\n"));
    expect_refused(STR("0\r\n\rx"));
    expect_refused(STR("0\n\n"));
}

static void refuses_bad_extensions(void **state)
{
    expect_refused(STR("1;\r\n"));
    expect_refused(STR("1; \r\n"));
    expect_refused(STR("1;a \r\n"));
    expect_refused(STR("1;a=\r\n"));
    expect_refused(STR("1;a==b\r\n"));
    expect_refused(STR("1;a b\r\n"));
    expect_refused(STR("1;a=\"b\r\n"));
    expect_refused(STR("1;a=\"b\"c\r\n"));
    expect_refused(STR("1;a=\"b\" \r\n"));
    expect_refused(STR("1;a\n"));
    expect_refused(STR("1;a\rb\r\n"));
    expect_refused(STR("1;a=\"\n\"\r\n"));
    expect_refused(STR("1;a=\"\\\r\n\"\r\n"));
    expect_refused(STR("1;a=b,c\r\n"));
    expect_refused(STR("1;\xe9=1\r\n"));
}

static void refuses_bad_trailers(void **state)
{
    expect_refused(STR("0\r\nno colon\r\n"));
    expect_refused(STR("0\r\n: x\r\n"));
    expect_refused(STR("0\r\nX : x\r\n"));
    expect_refused(STR("0\r\nX: x\n\r\n"));
    expect_refused(STR("0\r\nX: x\rY: y\r\n"));
    expect_refused(STR("0\r\nX: a\0b\r\n"));
    expect_refused(STR("0\r\nX: a\x7f\r\n"));
    expect_refused(STR("0\r\nX: x\r\n folded\r\n\r\n"));
    expect_refused(STR("0\r\nX\r\n\r\n"));
}

static enum chunked_result feed(struct chunked *c, str in)
{
    str out;
    enum chunked_result result;
    do
        result = chunked_next(c, &in, &out);
    while (result == CHUNKED_DATA);
    return result;
}

static enum chunked_result feed_run(struct chunked *c, char byte, size_t times)
{
    enum chunked_result result = CHUNKED_MORE;
    for (size_t i = 0; i < times && result == CHUNKED_MORE; i++)
        result = feed(c, str_make(&byte, 1));
    return result;
}

static void bounds_chunk_lines(void **state)
{
    struct chunked c = { 0 };
    assert_int_equal(feed(&c, STR("1;")), CHUNKED_MORE);
    assert_int_equal(feed_run(&c, 'e', 4096 - 4), CHUNKED_MORE);
    assert_int_equal(feed(&c, STR("\r\nx\r\n0")), CHUNKED_MORE);
    assert_int_equal(feed_run(&c, '0', 4096 - 1), CHUNKED_MORE);
    assert_int_equal(feed(&c, STR("0")), CHUNKED_BAD);
}

static void bounds_trailers(void **state)
{
    struct chunked c = { 0 };
    assert_int_equal(feed(&c, STR("1\r\nx\r\n0;a\r\nX:")), CHUNKED_MORE);
    assert_int_equal(feed_run(&c, 'v', 8192 - 6), CHUNKED_MORE);
    struct chunked at_limit = c;
    assert_int_equal(feed(&at_limit, STR("\r\n\r\n")), CHUNKED_DONE);
    assert_int_equal(feed(&c, STR("v\r\n\r\n")), CHUNKED_BAD);
}

static void stays_where_it_ended(void **state)
{
    struct chunked c = { 0 };
    assert_int_equal(feed(&c, STR("0\r\n\r\n")), CHUNKED_DONE);
    str in = STR("5\r\n"), out;
    assert_int_equal(chunked_next(&c, &in, &out), CHUNKED_DONE);
    assert_int_equal(in.len, 3);
    c = (struct chunked){ 0 };
    assert_int_equal(feed(&c, STR("x")), CHUNKED_BAD);
    assert_int_equal(feed(&c, STR("0\r\n\r\n")), CHUNKED_BAD);
}

static void writes_heads(void **state)
{
    char head[CHUNKED_HEAD_MAX];
    assert_str_equal(str_make(head, chunked_head(head, 0)), STR("0\r\n"));
    assert_str_equal(str_make(head, chunked_head(head, 0x1a2b)), STR("1a2b\r\n"));
    assert_str_equal(str_make(head, chunked_head(head, UINT64_MAX)), STR("ffffffffffffffff\r\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes),
        cmocka_unit_test(skips_extensions),
        cmocka_unit_test(skips_trailers),
        cmocka_unit_test(refuses_bad_sizes),
        cmocka_unit_test(refuses_sizes_that_overflow),
        cmocka_unit_test(refuses_bad_line_ends),
        cmocka_unit_test(refuses_bad_extensions),
        cmocka_unit_test(refuses_bad_trailers),
        cmocka_unit_test(bounds_chunk_lines),
        cmocka_unit_test(bounds_trailers),
        cmocka_unit_test(stays_where_it_ended),
        cmocka_unit_test(writes_heads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
