/* SPDX-License-Identifier: MIT */
/* What a peer sent, made safe for a line of the access log. Text that is UTF-8 stays readable; anything that
 * could end the line, drive a terminal or close a quoted value becomes visible instead. As gunicorn's, a
 * backslash stands for itself. */
#include "server/escape.h"

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"';
}

static bool is_between(unsigned char c, unsigned char least, unsigned char most)
{
    return c >= least && c <= most;
}

/* The length of the UTF-8 sequence that `s` begins with (RFC 3629); 0 when it is none, or one of the
 * control characters U+0080 to U+009F. */
static size_t utf8_len(str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t len = is_between(p[0], 0xc2, 0xdf) ? 2 : is_between(p[0], 0xe0, 0xef) ? 3 : 4;
    if (!is_between(p[0], 0xc2, 0xf4) || s.len < len)
        return 0;
    unsigned char least = p[0] == 0xc2 ? 0xa0 : p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char most = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
    if (!is_between(p[1], least, most))
        return 0;
    for (size_t i = 2; i < len; i++)
        if (!is_between(p[i], 0x80, 0xbf))
            return 0;
    return len;
}

/* Appends the first character of `text`, which is not plain; returns its bytes. */
static size_t put_special(struct buf *out, str text)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char c = (unsigned char)text.p[0];
    size_t len = utf8_len(text);
    if (len) {
        buf_append(out, str_make(text.p, len));
        return len;
    }
    if (c == '"')
        buf_append(out, STR("\\\""));
    else
        buf_append(out, str_make((char[]){ '\\', 'x', hex[c >> 4], hex[c & 15] }, 4));
    return 1;
}

void escape_append(struct buf *out, str text)
{
    while (text.len) {
        size_t n = 0;
        while (n < text.len && is_plain((unsigned char)text.p[n]))
            n++;
        buf_append(out, str_make(text.p, n));
        if (n < text.len)
            n += put_special(out, str_make(text.p + n, text.len - n));
        text = str_make(text.p + n, text.len - n);
    }
}

bool escape_is_utf8(str text)
{
    while (text.len) {
        size_t len = (unsigned char)text.p[0] < 0x80 ? 1 : utf8_len(text);
        if (!len)
            return false;
        text = str_make(text.p + len, text.len - len);
    }
    return true;
}
