/* SPDX-License-Identifier: MIT */
#include "http/h1_write.h"

#include "unit.h"

static void expect_head(struct h1_response_head head, const char *want)
{
    struct buf out = { 0 };
    h1_write_head(&out, &head);
    assert_str_equal(buf_str(&out), str_of(want));
    buf_done(&out);
}

static void writes_a_minimal_head(void **state)
{
    expect_head((struct h1_response_head){ .status = 204, .length = -1 }, "HTTP/1.1 204 No Content\r\n\r\n");
}

static void writes_all_fields(void **state)
{
    struct h1_response_head head = {
        .status = 200,
        .server = STR("galley"),
        .date = STR("Sun, 06 Nov 1994 08:49:37 GMT"),
        .fields = STR("Content-Type: text/plain\r\nX-A: b\r\n"),
        .length = INT64_MAX,
        .close = true,
    };
    expect_head(head, "HTTP/1.1 200 OK\r\nServer: galley\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                      "Connection: close\r\nContent-Type: text/plain\r\nX-A: b\r\n"
                      "Content-Length: 9223372036854775807\r\n\r\n");
    head = (struct h1_response_head){ .status = 200, .length = -1, .add_chunked = true, .keep_alive = true };
    expect_head(head, "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n");
    head = (struct h1_response_head){ .status = 200, .length = 0 };
    expect_head(head, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
}

static void keeps_the_given_reason(void **state)
{
    struct h1_response_head head = { .status = 404, .reason = STR("Gone Fishing"), .length = -1 };
    expect_head(head, "HTTP/1.1 404 Gone Fishing\r\n\r\n");
    head.reason = STR("Not Found");
    expect_head(head, "HTTP/1.1 404 Not Found\r\n\r\n");
    head.reason = STR("");
    expect_head(head, "HTTP/1.1 404 \r\n\r\n");
    head = (struct h1_response_head){ .status = 799, .reason = STR("Odd"), .length = -1 };
    expect_head(head, "HTTP/1.1 799 Odd\r\n\r\n");
    head.reason = STR_NONE;
    expect_head(head, "HTTP/1.1 799 Unknown\r\n\r\n");
}

static void appends_behind_what_is_there(void **state)
{
    struct buf out = { 0 };
    buf_append(&out, STR("before|"));
    h1_write_head(&out, &(struct h1_response_head){ .status = 100, .length = -1 });
    h1_write_head(&out, &(struct h1_response_head){ .status = 304, .length = -1 });
    assert_str_equal(buf_str(&out),
                     STR("before|HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 304 Not Modified\r\n\r\n"));
    buf_done(&out);
}

static void escapes_the_detail(void **state)
{
    struct buf out = { 0 };
    h1_write_error_page(&out, 400, STR("<a href='\"x\"'>&"));
    const char *page = buf_text(&out);
    assert_non_null(strstr(page, "<title>400 Bad Request</title>"));
    assert_non_null(strstr(page, "<h1>400 Bad Request</h1>"));
    assert_non_null(strstr(page, "<p>&lt;a href=&#39;&quot;x&quot;&#39;&gt;&amp;</p>"));
    out.len = 0;
    h1_write_error_page(&out, 500, STR_NONE);
    assert_null(strstr(buf_text(&out), "<p>"));
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_a_minimal_head),  cmocka_unit_test(writes_all_fields),
        cmocka_unit_test(keeps_the_given_reason), cmocka_unit_test(appends_behind_what_is_there),
        cmocka_unit_test(escapes_the_detail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
