/* SPDX-License-Identifier: MIT */
/* The chunked transfer coding (RFC 9112 section 7.1), decoded in place and without allocation. */
#pragma once

#include "base/str.h"

enum chunked_result {
    CHUNKED_MORE, /* `in` is used up */
    CHUNKED_DATA, /* `*out` is the next run of payload bytes, inside the caller's buffer */
    CHUNKED_DONE, /* the last chunk and the trailers are read; what is left of `in` is the next message */
    CHUNKED_BAD,  /* refused: c->reason says why */
};

struct chunked {
    uint64_t left;     /* payload bytes of the chunk still to come */
    uint32_t overhead; /* bytes of the present chunk line or of the trailer section */
    uint8_t step;
    const char *reason;
};

/* Zero initialised is the start. Takes bytes off `*in`. Chunk extensions are skipped within a bound,
 * trailer fields are checked and dropped. */
enum chunked_result chunked_next(struct chunked *c, str *in, str *out);

enum { CHUNKED_HEAD_MAX = 18 };

/* Writes "<hex size>\r\n" at `to` (room for CHUNKED_HEAD_MAX); returns its length. */
size_t chunked_head(char *to, uint64_t size);
