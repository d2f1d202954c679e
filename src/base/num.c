/* SPDX-License-Identifier: MIT */
/* Number parsing and formatting. Pure functions; every overflow is detected before it happens. Used
 * by the protocol code (lengths), the settings (values) and the logs. */
#include "base/num.h"

bool num_parse(str s, uint64_t max, uint64_t *out)
{
    if (s.len == 0)
        return false;
    uint64_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned char)s.p[i] - (unsigned)'0';
        if (digit > 9 || __builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, digit, &n))
            return false;
    }
    if (n > max)
        return false;
    *out = n;
    return true;
}

static unsigned digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 99;
}

static unsigned take_base(str *s)
{
    if (s->len < 2 || s->p[0] != '0')
        return 10;
    char mark = ascii_lower(s->p[1]);
    unsigned skip = mark == 'x' || mark == 'o' ? 2 : 1;
    *s = str_make(s->p + skip, s->len - skip);
    return mark == 'x' ? 16 : 8;
}

bool num_parse_based(str s, int64_t *out)
{
    bool negative = s.len && s.p[0] == '-';
    if (s.len && (s.p[0] == '-' || s.p[0] == '+'))
        s = str_make(s.p + 1, s.len - 1);
    unsigned base = take_base(&s);
    int64_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = digit_of(s.p[i]);
        if (digit >= base || __builtin_mul_overflow(n, (int64_t)base, &n) ||
            __builtin_add_overflow(n, (int64_t)digit, &n))
            return false;
    }
    if (s.len == 0)
        return false;
    *out = negative ? -n : n;
    return true;
}

size_t num_format(char *to, uint64_t n)
{
    char digits[NUM_MAX_LEN];
    size_t len = 0;
    do
        digits[len++] = (char)('0' + n % 10);
    while ((n /= 10) != 0);
    for (size_t i = 0; i < len; i++)
        to[i] = digits[len - 1 - i];
    return len;
}

size_t num_format_hex(char *to, uint64_t n)
{
    size_t len = 1;
    while (len < 16 && n >> (4 * len))
        len++;
    for (size_t i = 0; i < len; i++)
        to[i] = "0123456789abcdef"[(n >> (4 * (len - 1 - i))) & 15];
    return len;
}
