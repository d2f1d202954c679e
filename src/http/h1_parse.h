/* SPDX-License-Identifier: MIT */
/* The HTTP/1.1 request head (RFC 9112), incremental, strict, without allocation. */
#pragma once

#include "http/head.h"

struct h1_limits {
    uint32_t request_line; /* bytes of the request line without its CRLF; 0: no limit but H1_LINE_MOST */
    uint32_t fields;       /* how many fields; 0: no limit but H1_FIELDS_MOST */
    uint32_t field_size;   /* bytes of one field line without its CRLF; 0: no limit but H1_LINE_MOST */
};

/* What no head may exceed, whatever the limits say: bytes of a line, fields, bytes of all lines. */
enum { H1_LINE_MOST = 1 << 20, H1_FIELDS_MOST = 1 << 15, H1_HEAD_MOST = 1 << 24 };

enum h1_result {
    H1_MORE, /* the head is not complete: call again with more bytes behind the same ones */
    H1_DONE, /* `head` is filled in; the body begins at `head_len` */
    H1_GROW, /* head.fields is full: give more room (at most limits.fields), call again */
    H1_BAD,  /* refused: `status` and `reason` say how and why */
};

struct h1_parser {
    struct http_head head;
    const struct h1_limits *limits;
    uint32_t line_at;    /* where the line being read begins */
    uint32_t scanned_to; /* that line holds no line end before this offset */
    uint32_t head_len;   /* bytes of the head, its final CRLF included */
    uint16_t status;     /* with H1_BAD: 400, 414, 417, 431, 501 or 505 */
    uint8_t step;
    uint8_t asked;      /* what Connection and Transfer-Encoding held so far */
    const char *reason; /* with H1_BAD: static text for the log */
};

/* `fields` has room for `cap` entries and must outlive the head. */
void h1_parser_init(struct h1_parser *parser, const struct h1_limits *limits, struct http_field *fields,
                    uint32_t cap);

/* `bytes` always begins with the first byte of the head; `len` only grows. The bytes may have moved
 * since the last call; head.base is set to where they are now. A few empty lines before the request line
 * are skipped (RFC 9112 section 2.2). NULL is fine for no bytes. With H1_BAD, the head holds what was read
 * before the mistake. */
enum h1_result h1_parse_head(struct h1_parser *parser, const char *bytes, size_t len);
