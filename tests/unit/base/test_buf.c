/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/buf.h"

static void begins_empty(void **state)
{
    struct buf buf = { 0 };
    assert_str_equal(buf_str(&buf), STR(""));
    buf_append(&buf, STR_NONE);
    assert_null(buf.p);
    assert_string_equal(buf_text(&buf), "");
    buf_done(&buf);
}

static void grows_and_keeps_content(void **state)
{
    struct buf buf = { 0 };
    for (int i = 0; i < 10000; i++)
        buf_append(&buf, STR("abc"));
    assert_int_equal(buf.len, 30000);
    for (size_t i = 0; i < buf.len; i++)
        assert_int_equal(buf.p[i], "abc"[i % 3]);
    buf_done(&buf);
    assert_int_equal(buf.cap, 0);
}

static void reserves_more_than_double(void **state)
{
    struct buf buf = { 0 };
    buf_append_char(&buf, 'x');
    char *room = buf_reserve(&buf, 100000);
    memset(room, 'y', 100000);
    buf.len += 100000;
    assert_int_equal(buf.p[0], 'x');
    assert_int_equal(buf.p[100000], 'y');
    buf_done(&buf);
}

static void formats_behind_content(void **state)
{
    struct buf buf = { 0 };
    buf_append(&buf, STR("a="));
    buf_printf(&buf, "%d %s", 12, "twelve");
    buf_printf(&buf, "%s", "");
    assert_str_equal(buf_str(&buf), STR("a=12 twelve"));
    buf_printf(&buf, "%1000d", 1);
    assert_int_equal(buf.len, 11 + 1000);
    buf_done(&buf);
}

static void consumes_from_the_front(void **state)
{
    struct buf buf = { 0 };
    buf_append(&buf, STR("head tail"));
    buf_consume(&buf, 0);
    buf_consume(&buf, 5);
    assert_str_equal(buf_str(&buf), STR("tail"));
    buf_consume(&buf, 100);
    assert_int_equal(buf.len, 0);
    buf_done(&buf);
}

/* Asking for the text must not change the content. */
static void ends_text_with_nul(void **state)
{
    struct buf buf = { 0 };
    while (buf.len == 0 || buf.len < buf.cap)
        buf_append_char(&buf, 'z');
    size_t len = buf.len;
    assert_int_equal(strlen(buf_text(&buf)), len);
    assert_int_equal(buf.len, len);
    buf_done(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins_empty),
        cmocka_unit_test(grows_and_keeps_content),
        cmocka_unit_test(reserves_more_than_double),
        cmocka_unit_test(formats_behind_content),
        cmocka_unit_test(consumes_from_the_front),
        cmocka_unit_test(ends_text_with_nul),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
