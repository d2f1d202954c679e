/* SPDX-License-Identifier: MIT */
/* The HTTP/1.1 response head and the server's own error pages, as bytes. */
#pragma once

#include "base/buf.h"

/* What stands between the status line and the application's fields. */
struct h1_response_head {
    int status;
    str reason;       /* STR_NONE: the registered one */
    str server;       /* value of Server; STR_NONE: none */
    str date;         /* value of Date */
    str fields;       /* the application's fields as "Name: value\r\n" lines, already checked */
    int64_t length;   /* Content-Length to add; -1: none */
    bool add_chunked; /* add Transfer-Encoding: chunked */
    bool close;       /* add Connection: close */
    bool keep_alive;  /* add Connection: keep-alive (for HTTP/1.0 clients) */
};

/* Appends status line, fields and the empty line. */
void h1_write_head(struct buf *out, const struct h1_response_head *head);

/* The small HTML page that goes with an error of our own; `detail` may be empty and is escaped. */
void h1_write_error_page(struct buf *out, int status, str detail);
