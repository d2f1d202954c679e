/* SPDX-License-Identifier: MIT */
/* What the parser understands. What it refuses is in test_h1_refuse.c. */
#include "http/h1_parse.h"

#include <stdio.h>

#include "unit.h"

enum { FIELDS = 32 };

static const struct h1_limits limits = { .request_line = 4094, .fields = 100, .field_size = 8190 };

static struct http_field fields[FIELDS];
static struct h1_parser parser;

static const struct http_head *parse(str message)
{
    h1_parser_init(&parser, &limits, fields, FIELDS);
    enum h1_result result = h1_parse_head(&parser, message.p, message.len);
    if (result != H1_DONE)
        fail_msg("%d, %d %s: %.*s", result, parser.status, parser.reason ? parser.reason : "",
                 STR_FMT(message));
    return &parser.head;
}

static void reads_a_simple_get(void **state)
{
    str message =
        STR("GET /hello.txt?a=b?c&d HTTP/1.1\r\nUser-Agent: curl/7.64.1\r\nHost: www.example.com\r\n"
            "Accept-Language: en, mi\r\n\r\nbody");
    const struct http_head *head = parse(message);
    assert_str_equal(head_slice(head, head->method_name), STR("GET"));
    assert_int_equal(head->method, METHOD_GET);
    assert_str_equal(head_slice(head, head->target), STR("/hello.txt?a=b?c&d"));
    assert_str_equal(head_slice(head, head->path), STR("/hello.txt"));
    assert_str_equal(head_slice(head, head->query), STR("a=b?c&d"));
    assert_int_equal(head->version, HTTP_1_1);
    assert_int_equal(head->n_fields, 3);
    assert_str_equal(head_field_name(head, &head->fields[0]), STR("User-Agent"));
    assert_str_equal(head_field_value(head, &head->fields[0]), STR("curl/7.64.1"));
    assert_int_equal(head->fields[0].id, FIELD_USER_AGENT);
    assert_str_equal(head_known(head, FIELD_HOST), STR("www.example.com"));
    assert_str_equal(head_known(head, FIELD_ACCEPT_LANGUAGE), STR("en, mi"));
    assert_null(head_known(head, FIELD_COOKIE).p);
    assert_null(head_known(head, FIELD_OTHER).p);
    assert_true(head->keep_alive);
    assert_false(head->has_length || head->is_chunked || head->expects_continue);
    assert_int_equal(parser.head_len, message.len - 4);
}

static void finds_fields_by_name(void **state)
{
    const struct http_head *head =
        parse(STR("GET / HTTP/1.1\r\nX-One: 1\r\nhOST: a\r\nX-Two: 2\r\nx-one: 3\r\n\r\n"));
    assert_str_equal(head_find(head, STR("HOST")), STR("a"));
    assert_str_equal(head_find(head, STR("x-two")), STR("2"));
    assert_str_equal(head_find(head, STR("X-ONE")), STR("1"));
    assert_null(head_find(head, STR("X-Three")).p);
    assert_null(head_find(head, STR("Cookie")).p);
}

static void trims_values(void **state)
{
    const struct http_head *head = parse(STR("GET / HTTP/1.1\r\nHost:\t a \t \r\nX-A:\r\nX-B: \t \r\n"
                                             "X-C:in \t side\r\nX-D: \xe9\x80\xff\r\nX-E::\r\n\r\n"));
    assert_str_equal(head_known(head, FIELD_HOST), STR("a"));
    assert_str_equal(head_find(head, STR("x-a")), STR(""));
    assert_non_null(head_find(head, STR("x-a")).p);
    assert_str_equal(head_find(head, STR("x-b")), STR(""));
    assert_str_equal(head_find(head, STR("x-c")), STR("in \t side"));
    assert_str_equal(head_find(head, STR("x-d")), STR("\xe9\x80\xff"));
    assert_str_equal(head_find(head, STR("x-e")), STR(":"));
}

static void reads_the_forms_of_targets(void **state)
{
    static const struct {
        str line, path, query;
    } rows[] = {
        { STR("GET / HTTP/1.1"), STR("/"), STR("") },
        { STR("GET //a//b HTTP/1.1"), STR("//a//b"), STR("") },
        { STR("GET /? HTTP/1.1"), STR("/"), STR("") },
        { STR("GET /a??b HTTP/1.1"), STR("/a"), STR("?b") },
        { STR("GET /http://b/c HTTP/1.1"), STR("/http://b/c"), STR("") },
        { STR("GET /%7Ea;p=1/\"<>\\^`{|} HTTP/1.1"), STR("/%7Ea;p=1/\"<>\\^`{|}"), STR("") },
        { STR("GET http://example.com/a?b HTTP/1.1"), STR("/a"), STR("b") },
        { STR("GET HTTPS://example.com:443 HTTP/1.1"), STR(""), STR("") },
        { STR("GET http://[::1]:80?q=/ HTTP/1.1"), STR(""), STR("q=/") },
        { STR("OPTIONS * HTTP/1.1"), STR("*"), STR("") },
        { STR("OPTIONS /x HTTP/1.1"), STR("/x"), STR("") },
        { STR("CONNECT example.com:443 HTTP/1.1"), STR(""), STR("") },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char message[256];
        int len = snprintf(message, sizeof(message), "%.*s\r\nHost: a\r\n\r\n", STR_FMT(rows[i].line));
        const struct http_head *head = parse(str_make(message, (size_t)len));
        assert_str_equal(head_slice(head, head->path), rows[i].path);
        assert_str_equal(head_slice(head, head->query), rows[i].query);
    }
}

static void knows_methods(void **state)
{
    static const struct {
        str name;
        enum http_method method;
    } rows[] = {
        { STR("GET"), METHOD_GET },         { STR("HEAD"), METHOD_HEAD },
        { STR("POST"), METHOD_POST },       { STR("PUT"), METHOD_PUT },
        { STR("DELETE"), METHOD_DELETE },   { STR("PATCH"), METHOD_PATCH },
        { STR("OPTIONS"), METHOD_OPTIONS }, { STR("TRACE"), METHOD_TRACE },
        { STR("PROPFIND"), METHOD_OTHER },  { STR("GETS"), METHOD_OTHER },
        { STR("M-SEARCH"), METHOD_OTHER },  { STR("ABCDEFGHIJKLMNOPQRST"), METHOD_OTHER },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char message[128];
        int len =
            snprintf(message, sizeof(message), "%.*s / HTTP/1.1\r\nHost: a\r\n\r\n", STR_FMT(rows[i].name));
        const struct http_head *head = parse(str_make(message, (size_t)len));
        assert_int_equal(head->method, rows[i].method);
        assert_str_equal(head_slice(head, head->method_name), rows[i].name);
    }
}

static void decides_on_keep_alive(void **state)
{
    assert_true(parse(STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))->keep_alive);
    assert_true(parse(STR("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n\r\n"))->keep_alive);
    assert_false(parse(STR("GET / HTTP/1.1\r\nHost: a\r\nConnection: CLOSE\r\n\r\n"))->keep_alive);
    assert_false(parse(STR("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, close\r\n\r\n"))->keep_alive);
    assert_false(
        parse(STR("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n"))
            ->keep_alive);
    assert_false(parse(STR("GET / HTTP/1.0\r\n\r\n"))->keep_alive);
    assert_true(parse(STR("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"))->keep_alive);
    assert_false(parse(STR("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n"))->keep_alive);
    assert_false(parse(STR("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"))->keep_alive);
}

static void reads_framing(void **state)
{
    const struct http_head *head = parse(STR("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0012\r\n\r\n"));
    assert_true(head->has_length && !head->is_chunked);
    assert_int_equal(head->content_length, 12);
    head = parse(STR("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n\r\n"));
    assert_int_equal(head->content_length, INT64_MAX);
    head = parse(STR("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"));
    assert_true(head->is_chunked && !head->has_length);
    assert_int_equal(head->content_length, 0);
    head = parse(STR("POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello"));
    assert_int_equal(head->content_length, 5);
}

static void reads_expectations(void **state)
{
    assert_true(parse(STR("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n\r\n"))->expects_continue);
    assert_false(parse(STR("PUT / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n"))->expects_continue);
}

static void skips_a_few_empty_lines(void **state)
{
    const struct http_head *head = parse(STR("\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_str_equal(head_slice(head, head->path), STR("/x"));
    assert_str_equal(head_known(head, FIELD_HOST), STR("a"));
}

static void remembers_the_first_of_repeated_fields(void **state)
{
    const struct http_head *head =
        parse(STR("GET / HTTP/1.1\r\nHost: a\r\nCookie: a=1\r\nCookie: b=2\r\nAccept: x\r\n\r\n"));
    assert_str_equal(head_known(head, FIELD_COOKIE), STR("a=1"));
    assert_int_equal(head->fields[2].id, FIELD_COOKIE);
    assert_str_equal(head_known(head, FIELD_ACCEPT), STR("x"));
}

static void asks_for_room(void **state)
{
    str message = STR("GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\nC: 3\r\nHost: h\r\n\r\n");
    struct http_field few[2], more[4];
    h1_parser_init(&parser, &limits, few, 2);
    assert_int_equal(h1_parse_head(&parser, message.p, message.len), H1_GROW);
    assert_int_equal(parser.head.n_fields, 2);
    assert_int_equal(h1_parse_head(&parser, message.p, message.len), H1_GROW);
    memcpy(more, few, sizeof(few));
    parser.head.fields = more;
    parser.head.cap_fields = 4;
    assert_int_equal(h1_parse_head(&parser, message.p, message.len), H1_DONE);
    assert_int_equal(parser.head.n_fields, 4);
    assert_str_equal(head_find(&parser.head, STR("C")), STR("3"));
    assert_str_equal(head_known(&parser.head, FIELD_HOST), STR("h"));
}

static void takes_null_for_no_bytes(void **state)
{
    h1_parser_init(&parser, &limits, fields, FIELDS);
    assert_int_equal(h1_parse_head(&parser, NULL, 0), H1_MORE);
    assert_int_equal(h1_parse_head(&parser, "\r\n", 2), H1_MORE);
}

/* The bytes arrive one by one, each time at another address. */
static void follows_bytes_that_move(void **state)
{
    str message = STR("POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nX-Long: "
                      "0123456789012345678901234567890123456789"
                      "\r\n\r\n");
    h1_parser_init(&parser, &limits, fields, FIELDS);
    for (size_t len = 0; len < message.len; len++) {
        char *copy = str_dup(str_make(message.p, len));
        assert_int_equal(h1_parse_head(&parser, copy, len), H1_MORE);
        free(copy);
    }
    assert_int_equal(h1_parse_head(&parser, message.p, message.len), H1_DONE);
    assert_str_equal(head_slice(&parser.head, parser.head.query), STR("b"));
    assert_int_equal(parser.head.content_length, 3);
    assert_int_equal(head_find(&parser.head, STR("x-long")).len, 40);
    assert_int_equal(h1_parse_head(&parser, message.p, message.len), H1_DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_simple_get),
        cmocka_unit_test(finds_fields_by_name),
        cmocka_unit_test(trims_values),
        cmocka_unit_test(reads_the_forms_of_targets),
        cmocka_unit_test(knows_methods),
        cmocka_unit_test(decides_on_keep_alive),
        cmocka_unit_test(reads_framing),
        cmocka_unit_test(reads_expectations),
        cmocka_unit_test(skips_a_few_empty_lines),
        cmocka_unit_test(remembers_the_first_of_repeated_fields),
        cmocka_unit_test(asks_for_room),
        cmocka_unit_test(takes_null_for_no_bytes),
        cmocka_unit_test(follows_bytes_that_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
