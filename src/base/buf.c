/* SPDX-License-Identifier: MIT */
/* Growable buffers: capacity doubles, content is contiguous. Used where the size is known only at
 * run time and the bytes outlive a call: log batches, response fields, generated text. The owner
 * calls buf_done. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/arena.h"

void buf_done(struct buf *buf)
{
    free(buf->p);
    *buf = (struct buf){ 0 };
}

char *buf_reserve(struct buf *buf, size_t more)
{
    size_t need = buf->len + more;
    if (need > buf->cap) {
        buf->cap = size_max(need, buf->cap ? buf->cap * 2 : 256);
        buf->p = memory_resize(buf->p, buf->cap);
    }
    return buf->p + buf->len;
}

void buf_append(struct buf *buf, str s)
{
    if (!s.len)
        return;
    memcpy(buf_reserve(buf, s.len), s.p, s.len);
    buf->len += s.len;
}

void buf_append_char(struct buf *buf, char c)
{
    *buf_reserve(buf, 1) = c;
    buf->len++;
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n > 0) {
        vsnprintf(buf_reserve(buf, (size_t)n + 1), (size_t)n + 1, fmt, again);
        buf->len += (size_t)n;
    }
    va_end(again);
}

void buf_consume(struct buf *buf, size_t n)
{
    n = size_min(n, buf->len);
    buf->len -= n;
    if (buf->len)
        memmove(buf->p, buf->p + n, buf->len);
}

const char *buf_text(struct buf *buf)
{
    *buf_reserve(buf, 1) = '\0';
    return buf->p;
}
