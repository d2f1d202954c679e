/* SPDX-License-Identifier: MIT */
/* Numbers as text, both ways, without locale and without undefined overflow. */
#pragma once

#include <stdbool.h>

#include "base/str.h"

/* The whole slice must be one or more digits, and the value at most `max`. */
bool num_parse(str s, uint64_t max, uint64_t *out);

/* As num_parse, but a sign and the prefixes 0x, 0o and 0 (octal) are allowed, as in Python's
 * int(text, 0) and C. */
bool num_parse_based(str s, int64_t *out);

enum { NUM_MAX_LEN = 20 };

/* Decimal digits of `n` at `to` (room for NUM_MAX_LEN); returns how many. Not NUL terminated. */
size_t num_format(char *to, uint64_t n);

/* Lower-case hexadecimal digits, without leading zeros. */
size_t num_format_hex(char *to, uint64_t n);
