/* SPDX-License-Identifier: MIT */
/* Finding the first byte that does not belong: what the parsers spend their time with. Each function
 * returns its offset, or `len` when all bytes belong, and reads nothing outside [p, p + len). */
#pragma once

#include <stdbool.h>

#include "base/defs.h"

struct scan_ops {
    const char *name;
    bool (*is_supported)(void); /* by this processor */

    /* Up to the first control byte other than HTAB (DEL is one): the end of a field value. */
    size_t (*text)(const char *p, size_t len);

    /* Up to the first byte that is no visible ASCII character, or '?' or '#': a part of a target. */
    size_t (*target)(const char *p, size_t len);

    /* Up to the first byte that is no tchar (RFC 9110 section 5.6.2). */
    size_t (*token)(const char *p, size_t len);
};

/* The plain C one, which defines what the others must do. */
extern const struct scan_ops scan_scalar;

/* All that this build has, from scalar to best; NULL behind the last. */
extern const struct scan_ops *const scan_all[];

/* The one in use: the best that the processor supports, chosen before main() begins. */
extern const struct scan_ops *scan_active;

/* For tests and benchmarks. */
void scan_use(const struct scan_ops *ops);

static inline size_t scan_text(const char *p, size_t len)
{
    return scan_active->text(p, len);
}

static inline size_t scan_target(const char *p, size_t len)
{
    return scan_active->target(p, len);
}

static inline size_t scan_token(const char *p, size_t len)
{
    return scan_active->token(p, len);
}
