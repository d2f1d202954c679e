/* SPDX-License-Identifier: MIT */
/* The HTTP/1.1 response head (RFC 9112 sections 4 and 5) and the pages of our own errors. The head is
 * measured first, then written in one pass into one reservation. Called by the server once per response;
 * the bytes go behind what `out` already holds. */
#include "http/h1_write.h"

#include <assert.h>

#include "base/num.h"
#include "http/status.h"

enum { STATUS_LINE_REST = sizeof("HTTP/1.1 200 \r\n") - 1, FIXED_FIELDS_MAX = 192 };

static char *put(char *to, str s)
{
    if (s.len)
        memcpy(to, s.p, s.len);
    return to + s.len;
}

static char *put_field(char *to, str name_and_colon, str value)
{
    to = put(to, name_and_colon);
    to = put(to, value);
    return put(to, STR("\r\n"));
}

static char *put_status_line(char *to, int status, str reason)
{
    str line = status_line(status);
    str known = status_reason(status);
    if (line.len && (!reason.p || str_eq(reason, known)))
        return put(to, line);
    to = put(to, STR("HTTP/1.1 "));
    to += num_format(to, (unsigned)status);
    to = put(to, STR(" "));
    to = put(to, reason.p ? reason : known);
    return put(to, STR("\r\n"));
}

static char *put_length(char *to, int64_t length)
{
    char digits[NUM_MAX_LEN];
    return put_field(to, STR("Content-Length: "), str_make(digits, num_format(digits, (uint64_t)length)));
}

void h1_write_head(struct buf *out, const struct h1_response_head *head)
{
    assert(head->status >= 100 && head->status <= 999);
    size_t reason_len = size_max(head->reason.len, status_reason(head->status).len);
    size_t most = STATUS_LINE_REST + reason_len + head->server.len + head->date.len + head->fields.len +
                  FIXED_FIELDS_MAX;
    char *start = buf_reserve(out, most);
    char *to = put_status_line(start, head->status, head->reason);
    if (head->server.len)
        to = put_field(to, STR("Server: "), head->server);
    if (head->date.len)
        to = put_field(to, STR("Date: "), head->date);
    if (head->close)
        to = put(to, STR("Connection: close\r\n"));
    else if (head->keep_alive)
        to = put(to, STR("Connection: keep-alive\r\n"));
    to = put(to, head->fields);
    if (head->length >= 0)
        to = put_length(to, head->length);
    if (head->add_chunked)
        to = put(to, STR("Transfer-Encoding: chunked\r\n"));
    to = put(to, STR("\r\n"));
    out->len += (size_t)(to - start);
}

static str escape_of(char c)
{
    switch (c) {
    case '&':
        return STR("&amp;");
    case '<':
        return STR("&lt;");
    case '>':
        return STR("&gt;");
    case '"':
        return STR("&quot;");
    case '\'':
        return STR("&#39;");
    default:
        return STR_NONE;
    }
}

static void append_escaped(struct buf *out, str text)
{
    for (size_t i = 0; i < text.len; i++) {
        str escape = escape_of(text.p[i]);
        if (escape.len)
            buf_append(out, escape);
        else
            buf_append_char(out, text.p[i]);
    }
}

void h1_write_error_page(struct buf *out, int status, str detail)
{
    str reason = status_reason(status);
    buf_append(out, STR("<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>"));
    buf_printf(out, "%d %.*s", status, STR_FMT(reason));
    buf_append(out, STR("</title></head>\n<body>\n<h1>"));
    buf_printf(out, "%d %.*s", status, STR_FMT(reason));
    buf_append(out, STR("</h1>\n"));
    if (detail.len) {
        buf_append(out, STR("<p>"));
        append_escaped(out, detail);
        buf_append(out, STR("</p>\n"));
    }
    buf_append(out, STR("</body>\n</html>\n"));
}
