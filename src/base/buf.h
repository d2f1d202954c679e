/* SPDX-License-Identifier: MIT */
/* A growable byte buffer on the heap. Zero initialised is empty and valid. Callers bound what a peer
 * can make them append. */
#pragma once

#include "base/str.h"

struct buf {
    char *p;
    size_t len;
    size_t cap;
};

void buf_done(struct buf *buf);

/* Room for `more` bytes behind the content; returns where they go. The caller then adds to `len`. */
char *buf_reserve(struct buf *buf, size_t more);
void buf_append(struct buf *buf, str s);
void buf_append_char(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Drops the first `n` bytes. */
void buf_consume(struct buf *buf, size_t n);

/* The content with a NUL behind it (not counted); valid until the next change. */
const char *buf_text(struct buf *buf);

static inline str buf_str(const struct buf *buf)
{
    return str_make(buf->p, buf->len);
}
