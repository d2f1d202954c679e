/* SPDX-License-Identifier: MIT */
/* h1_parse at the limits that no setting lifts, and how much work it does on the way. */
#include "base/buf.h"
#include "h1_run.h"
#include "http/scan.h"
#include "unit.h"

static const struct h1_limits unlimited = { 0 };

static size_t scanned;

static size_t count(size_t found)
{
    scanned += found + 1;
    return found;
}

static size_t counting_text(const char *p, size_t len)
{
    return count(scan_scalar.text(p, len));
}

static size_t counting_target(const char *p, size_t len)
{
    return count(scan_scalar.target(p, len));
}

static size_t counting_token(const char *p, size_t len)
{
    return count(scan_scalar.token(p, len));
}

static const struct scan_ops counting = { "counting", NULL, counting_text, counting_target, counting_token };

static struct buf long_request(void)
{
    struct buf message = { 0 };
    buf_append(&message, STR("GET /"));
    for (int i = 0; i < 20000; i++)
        buf_append(&message, STR("target?"));
    buf_append(&message, STR(" HTTP/1.1\r\nHost: a\r\n"));
    for (int i = 0; i < 100; i++)
        buf_printf(&message, "X-Field-%d: %0*d\r\n", i, i * 10 + 1, 0);
    buf_append(&message, STR("\r\n"));
    return message;
}

/* Each byte is looked at once to find the line end, and once more when its line is taken apart. */
static void works_linearly_byte_by_byte(void **state)
{
    const struct scan_ops *best = scan_active;
    struct buf message = long_request();
    struct h1_run run;
    h1_run_begin(&run, &unlimited);
    scan_use(&counting);
    for (size_t len = 1; len <= message.len && run.result == H1_MORE; len++)
        h1_run_feed(&run, message.p, len);
    scan_use(best);
    assert_int_equal(run.result, H1_DONE);
    assert_in_range(scanned, message.len, 4 * message.len);
    buf_done(&message);
}

static struct h1_run parse(const struct buf *message)
{
    struct h1_run run;
    h1_run_begin(&run, &unlimited);
    h1_run_feed(&run, message->p, message->len);
    return run;
}

static void fill(struct buf *message, char c, size_t times)
{
    memset(buf_reserve(message, times), c, times);
    message->len += times;
}

static void bounds_the_request_line(void **state)
{
    struct buf message = { 0 };
    buf_append(&message, STR("GET /"));
    fill(&message, 'x', H1_LINE_MOST - 5 - 9);
    buf_append(&message, STR(" HTTP/1.1\r\n"));
    assert_int_equal(parse(&message).result, H1_MORE);
    message.p[message.len - 2] = 'x';
    assert_int_equal(parse(&message).parser.status, 414);
    buf_done(&message);
}

static void bounds_names(void **state)
{
    struct buf message = { 0 };
    buf_append(&message, STR("GET / HTTP/1.1\r\n"));
    fill(&message, 'x', UINT16_MAX);
    size_t colon = message.len;
    buf_append(&message, STR("::\r\n"));
    assert_int_equal(parse(&message).result, H1_MORE);
    message.p[colon] = 'x';
    assert_int_equal(parse(&message).parser.status, 431);
    buf_done(&message);
}

static void bounds_the_head(void **state)
{
    struct buf message = { 0 };
    buf_append(&message, STR("GET / HTTP/1.1\r\nHost: a\r\n"));
    while (message.len <= H1_HEAD_MOST) {
        buf_append(&message, STR("X: "));
        fill(&message, 'x', H1_LINE_MOST - 3);
        buf_append(&message, STR("\r\n"));
    }
    assert_int_equal(parse(&message).parser.status, 431);
    assert_true(parse(&message).parser.line_at <= H1_HEAD_MOST);
    message.len = H1_HEAD_MOST - 1000000;
    assert_int_equal(parse(&message).result, H1_MORE);
    message.len = H1_HEAD_MOST + 1;
    assert_int_equal(parse(&message).parser.status, 431);
    buf_done(&message);
}

static void bounds_the_number_of_fields(void **state)
{
    struct http_field *fields = calloc(H1_FIELDS_MOST + 1, sizeof(*fields));
    struct h1_parser parser;
    struct buf message = { 0 };
    buf_append(&message, STR("GET / HTTP/1.1\r\n"));
    for (int i = 0; i < H1_FIELDS_MOST; i++)
        buf_append(&message, STR("X:\r\n"));
    h1_parser_init(&parser, &unlimited, fields, H1_FIELDS_MOST + 1);
    assert_int_equal(h1_parse_head(&parser, message.p, message.len), H1_MORE);
    assert_int_equal(parser.head.n_fields, H1_FIELDS_MOST);
    buf_append(&message, STR("X:\r\n"));
    assert_int_equal(h1_parse_head(&parser, message.p, message.len), H1_BAD);
    assert_int_equal(parser.status, 431);
    buf_done(&message);
    free(fields);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(works_linearly_byte_by_byte),
        cmocka_unit_test(bounds_the_request_line),
        cmocka_unit_test(bounds_names),
        cmocka_unit_test(bounds_the_head),
        cmocka_unit_test(bounds_the_number_of_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
