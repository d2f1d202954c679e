/* SPDX-License-Identifier: MIT */
/* What h1_parse refuses, with which status; and that neither the way the bytes are split nor the way they
 * are scanned changes any outcome, good or bad. */
#include "h1_run.h"
#include "http/scan.h"
#include "unit.h"

/* Line numbers tell the rows apart when one fails. */
#define ROW(status, message)                                                                                 \
    {                                                                                                        \
        __LINE__, status,                                                                                    \
        {                                                                                                    \
            message, sizeof(message) - 1                                                                     \
        }                                                                                                    \
    }
#define GET "GET / HTTP/1.1\r\n"
#define HOST "Host: a\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"
#define X16 "xxxxxxxxxxxxxxxx"
#define X64 X16 X16 X16 X16

enum { DONE = 0, MORE = 1 };

static const struct row {
    int line;
    int status; /* DONE, MORE or what it is refused with */
    str message;
} rows[] = {
    /* Line ends. */
    ROW(400, "GET / HTTP/1.1\n" HOST "\r\n"),
    ROW(400, GET "Host: a\n\r\n"),
    ROW(400, GET HOST "\n"),
    ROW(400, GET HOST "\r\r\n"),
    ROW(400, GET "Host: a\rX: b\r\n\r\n"),
    ROW(400, "GET / HTTP/1.1\r" HOST "\r\n"),
    ROW(400, "\nGET / HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "\r\r\n" GET HOST "\r\n"),
    ROW(400, "\r\n\r\n\r\n\r\n\r\n" GET HOST "\r\n"),
    ROW(DONE, "\r\n\r\n\r\n\r\n" GET HOST "\r\n"),

    /* Control bytes. */
    ROW(400, "\0"),
    ROW(400, "GET /\0 HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "GET /\x7f HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, GET "Host: a\0b\r\n\r\n"),
    ROW(400, GET HOST "X: \x01\r\n\r\n"),
    ROW(400, GET HOST "X: a\x0b"
                      "b\r\n\r\n"),
    ROW(400, GET HOST "X: \x7f\r\n\r\n"),
    ROW(400, GET HOST "X: \x1b[2J\r\n\r\n"),
    ROW(400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),

    /* The shape of the request line. */
    ROW(400, "GET /\r\n" HOST "\r\n"),
    ROW(400, "GET\r\n" HOST "\r\n"),
    ROW(400, "GET \r\n" HOST "\r\n"),
    ROW(400, "GET  / HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "GET /  HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "GET / HTTP/1.1 \r\n" HOST "\r\n"),
    ROW(400, " GET / HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "GET\t/ HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "GET /\tHTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "GET / \r\n" HOST "\r\n"),
    ROW(400, "GET / x HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "/ HTTP/1.1\r\n" HOST "\r\n"),

    /* Methods. */
    ROW(400, "get / HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "Get / HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "GE / HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "ABCDEFGHIJKLMNOPQRSTU / HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "GET# / HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "G(T / HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "\"GET / HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "G\xc9T / HTTP/1.1\r\n" HOST "\r\n"),
    ROW(DONE, "BASELINE-CONTROL / HTTP/1.1\r\n" HOST "\r\n"),

    /* Versions. */
    ROW(505, "GET / HTTP/1.2\r\n" HOST "\r\n"),
    ROW(505, "GET / HTTP/1.9\r\n" HOST "\r\n"),
    ROW(505, "GET / HTTP/0.9\r\n" HOST "\r\n"),
    ROW(505, "GET / HTTP/2.0\r\n" HOST "\r\n"),
    ROW(505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ROW(400, "GET / HTTP/1.10\r\n" HOST "\r\n"),
    ROW(400, "GET / HTTP/01.1\r\n" HOST "\r\n"),
    ROW(400, "GET / HTTP/2\r\n" HOST "\r\n"),
    ROW(400, "GET / HTTP/1,1\r\n" HOST "\r\n"),
    ROW(400, "GET / HTTP/a.b\r\n" HOST "\r\n"),
    ROW(400, "GET / http/1.1\r\n" HOST "\r\n"),
    ROW(400, "GET / HTTPS/1.1\r\n" HOST "\r\n"),
    ROW(400, "GET / HTTP/1.1;\r\n" HOST "\r\n"),
    ROW(400, "GET / HTTP/1.\xb1\r\n" HOST "\r\n"),

    /* Targets. */
    ROW(400, "GET a HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "GET ?a HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "GET * HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "OPTIONS *?a HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "OPTIONS ** HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "GET /a#b HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "GET /a?b#c HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "GET # HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "GET a.b:80 HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "GET ftp://a/ HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "GET http:/a HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "GET http:// HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "GET http:///a HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "GET http://?a HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "GET http?://a HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "GET http://a@b/ HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "GET http://a:b/ HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "GET http://:80/ HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "CONNECT / HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "CONNECT a HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "CONNECT a: HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "CONNECT a:443/ HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "CONNECT a:443?b HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "CONNECT http://a:443/ HTTP/1.1\r\n" HOST "\r\n"),
    ROW(400, "CONNECT * HTTP/1.1\r\n" HOST "\r\n"),

    /* Field lines. */
    ROW(400, GET " Host: a\r\n\r\n"),
    ROW(400, GET HOST "\tX: a\r\n\r\n"),
    ROW(400, GET HOST "X: a\r\n b\r\n\r\n"),
    ROW(400, GET HOST "X: a\r\n\tb: c\r\n\r\n"),
    ROW(400, GET HOST " \r\n\r\n"),
    ROW(400, GET "Host : a\r\n\r\n"),
    ROW(400, GET "Host\t: a\r\n\r\n"),
    ROW(400, GET HOST ": a\r\n\r\n"),
    ROW(400, GET HOST "X\r\n\r\n"),
    ROW(400, GET HOST "no colon here\r\n\r\n"),
    ROW(400, GET HOST "X(a): b\r\n\r\n"),
    ROW(400, GET HOST "X\xe9: b\r\n\r\n"),
    ROW(400, GET HOST "\xef\xbb\xbfX: b\r\n\r\n"),
    ROW(400, GET HOST "X@Y: b\r\n\r\n"),
    ROW(400, GET HOST "\"X\": b\r\n\r\n"),

    /* Host. */
    ROW(400, GET "\r\n"),
    ROW(400, GET "X: a\r\n\r\n"),
    ROW(400, GET HOST HOST "\r\n"),
    ROW(400, "GET / HTTP/1.0\r\n" HOST "host: b\r\n\r\n"),
    ROW(400, GET "Host: a b\r\n\r\n"),
    ROW(400, GET "Host: a/b\r\n\r\n"),
    ROW(400, GET "Host: user@a\r\n\r\n"),
    ROW(400, GET "Host: a:80:80\r\n\r\n"),
    ROW(400, GET "Host: a:99999\r\n\r\n"),
    ROW(400, GET "Host: http://a\r\n\r\n"),
    ROW(400, "GET http://a/ HTTP/1.1\r\n\r\n"),
    ROW(DONE, GET "Host:\r\n\r\n"),
    ROW(DONE, "GET / HTTP/1.0\r\n\r\n"),

    /* Content-Length. */
    ROW(400, POST "Content-Length:\r\n\r\n"),
    ROW(400, POST "Content-Length: +1\r\n\r\n"),
    ROW(400, POST "Content-Length: -1\r\n\r\n"),
    ROW(400, POST "Content-Length: 1 1\r\n\r\n"),
    ROW(400, POST "Content-Length: 1, 1\r\n\r\n"),
    ROW(400, POST "Content-Length: 1,1\r\n\r\n"),
    ROW(400, POST "Content-Length: 0x1\r\n\r\n"),
    ROW(400, POST "Content-Length: 1_0\r\n\r\n"),
    ROW(400, POST "Content-Length: 1.0\r\n\r\n"),
    ROW(400, POST "Content-Length: 1e3\r\n\r\n"),
    ROW(400, POST "Content-Length: \xb2\r\n\r\n"),
    ROW(400, POST "Content-Length: 9223372036854775808\r\n\r\n"),
    ROW(400, POST "Content-Length: 18446744073709551617\r\n\r\n"),
    ROW(400, POST "Content-Length: 99999999999999999999999999\r\n\r\n"),
    ROW(400, POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n"),
    ROW(400, POST "Content-Length: 1\r\ncontent-length: 2\r\n\r\n"),
    ROW(400, POST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ROW(400, POST "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n"),

    /* Transfer-Encoding. */
    ROW(501, POST "Transfer-Encoding: nonsense\r\n\r\n"),
    ROW(501, POST "Transfer-Encoding: nonsense, chunked\r\n\r\n"),
    ROW(501, POST "Transfer-Encoding: gzip, chunked\r\n\r\n"),
    ROW(501, POST "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ROW(501, POST "Transfer-Encoding: identity, chunked\r\n\r\n"),
    ROW(501, POST "Transfer-Encoding: chunked;q=1\r\n\r\n"),
    ROW(501, POST "Transfer-Encoding: \"chunked\"\r\n\r\n"),
    ROW(501, POST "Transfer-Encoding: xchunked\r\n\r\n"),
    ROW(501, POST "Transfer-Encoding: chunked chunked\r\n\r\n"),
    ROW(400, POST "Transfer-Encoding: gzip\r\n\r\n"),
    ROW(400, POST "Transfer-Encoding: identity\r\n\r\n"),
    ROW(400, POST "Transfer-Encoding: chunked, gzip\r\n\r\n"),
    ROW(400, POST "Transfer-Encoding: chunked, nonsense\r\n\r\n"),
    ROW(400, POST "Transfer-Encoding: chunked, chunked\r\n\r\n"),
    ROW(400, POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ROW(400, POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n"),
    ROW(400, POST "Transfer-Encoding:\r\n\r\n"),
    ROW(400, POST "Transfer-Encoding: chunked,\r\n\r\n"),
    ROW(400, POST "Transfer-Encoding: ,chunked\r\n\r\n"),
    ROW(400, POST "Transfer-Encoding: \x0b"
                  "chunked\r\n\r\n"),
    ROW(400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ROW(DONE, POST "TRANSFER-ENCODING:\tCHUNKED \r\n\r\n5\r\nhello\r\n0\r\n\r\n"),

    /* Others. */
    ROW(417, POST "Expect: 200-ok\r\n\r\n"),
    ROW(417, POST "Expect: 100-continue, x\r\n\r\n"),
    ROW(417, POST "Expect:\r\n\r\n"),
    ROW(417, "POST / HTTP/1.0\r\nExpect: x\r\n\r\n"),
    ROW(400, POST "Content-Type: a/b\r\nContent-Type: c/d\r\n\r\n"),

    /* Limits: 200 bytes of request line, 4 fields, 100 bytes of field line. */
    ROW(DONE, "GET /" X64 X64 X16 X16 X16 "xxxxxxxxxx HTTP/1.1\r\n" HOST "\r\n"),
    ROW(414, "GET /" X64 X64 X16 X16 X16 "xxxxxxxxxxx HTTP/1.1\r\n" HOST "\r\n"),
    ROW(414, "GET /" X64 X64 X64 X16),
    ROW(414, X64 X64 X64 X64),
    ROW(MORE, X64 X64 X64),
    ROW(DONE, GET HOST "X: " X64 X16 X16 "x\r\n\r\n"),
    ROW(431, GET HOST "X: " X64 X16 X16 "xx\r\n\r\n"),
    ROW(431, GET HOST "X: " X64 X16 X16 "xx"),
    ROW(431, GET HOST X64 X64),
    ROW(DONE, GET HOST "A:\r\nB:\r\nC:\r\n\r\n"),
    ROW(431, GET HOST "A:\r\nB:\r\nC:\r\nD:\r\n\r\n"),

    /* Not yet complete, and nothing wrong so far. */
    ROW(MORE, ""),
    ROW(MORE, "\r"),
    ROW(MORE, "G"),
    ROW(MORE, GET),
    ROW(MORE, GET HOST),
    ROW(MORE, GET HOST "\r"),
    ROW(MORE, GET HOST "X"),
};

static const struct h1_limits limits = { .request_line = 200, .fields = 4, .field_size = 100 };

static int status_of(const struct h1_run *run)
{
    return run->result == H1_BAD ? run->parser.status : run->result == H1_DONE ? DONE : MORE;
}

static void for_each_scan(void (*check)(const struct row *row))
{
    const struct scan_ops *best = scan_active;
    for (size_t i = 0; scan_all[i]; i++) {
        if (!scan_all[i]->is_supported())
            continue;
        scan_use(scan_all[i]);
        for (size_t j = 0; j < COUNT_OF(rows); j++)
            check(&rows[j]);
    }
    scan_use(best);
}

static void check_status(const struct row *row)
{
    struct h1_run run;
    h1_run_begin(&run, &limits);
    h1_run_feed(&run, row->message.p, row->message.len);
    if (status_of(&run) != row->status)
        fail_msg("line %d: %d (%s) instead of %d", row->line, status_of(&run), run.parser.reason,
                 row->status);
    assert_int_equal(run.result == H1_BAD, run.parser.reason != NULL);
}

static void answers_with_the_right_status(void **state)
{
    for_each_scan(check_status);
}

/* What comes behind a head or behind a mistake changes nothing. */
static void check_what_follows(const struct row *row)
{
    struct h1_run run, more;
    char longer[512];
    size_t len = row->message.len;
    if (row->status == MORE)
        return;
    memcpy(longer, row->message.p, len);
    memset(longer + len, 'z', 40);
    h1_run_begin(&run, &limits);
    h1_run_feed(&run, longer, len);
    h1_run_begin(&more, &limits);
    h1_run_feed(&more, longer, len + 40);
    if (!h1_run_is_same(&run, &more))
        fail_msg("line %d: more bytes change the outcome", row->line);
}

static void ignores_what_follows(void **state)
{
    for_each_scan(check_what_follows);
}

static void check_splits(const struct row *row)
{
    struct h1_run whole, split;
    str message = row->message;
    h1_run_begin(&whole, &limits);
    h1_run_feed(&whole, message.p, message.len);
    for (size_t at = 0; at < message.len; at++) {
        h1_run_begin(&split, &limits);
        if (h1_run_feed(&split, message.p, at) == H1_MORE)
            h1_run_feed(&split, message.p, message.len);
        if (!h1_run_is_same(&whole, &split))
            fail_msg("line %d: other outcome when split at %zu", row->line, at);
    }
}

static void does_not_depend_on_one_split(void **state)
{
    for_each_scan(check_splits);
}

static void check_bytes(const struct row *row)
{
    struct h1_run whole, bytes;
    str message = row->message;
    h1_run_begin(&whole, &limits);
    h1_run_feed(&whole, message.p, message.len);
    h1_run_begin(&bytes, &limits);
    for (size_t len = 0; len <= message.len && bytes.result == H1_MORE; len++)
        h1_run_feed(&bytes, message.p, len);
    if (!h1_run_is_same(&whole, &bytes))
        fail_msg("line %d: other outcome byte by byte", row->line);
}

static void does_not_depend_on_any_split(void **state)
{
    for_each_scan(check_bytes);
}

static void stays_refused(void **state)
{
    struct h1_run run;
    str message = STR("GET / HTTP/1.1\nHost: a\r\n\r\n");
    h1_run_begin(&run, &limits);
    assert_int_equal(h1_run_feed(&run, message.p, message.len), H1_BAD);
    const char *reason = run.parser.reason;
    assert_int_equal(h1_run_feed(&run, message.p, message.len), H1_BAD);
    assert_ptr_equal(run.parser.reason, reason);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_with_the_right_status),
        cmocka_unit_test(ignores_what_follows),
        cmocka_unit_test(does_not_depend_on_one_split),
        cmocka_unit_test(does_not_depend_on_any_split),
        cmocka_unit_test(stays_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
