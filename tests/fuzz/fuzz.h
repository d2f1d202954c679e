/* SPDX-License-Identifier: MIT */
/* What every fuzz target needs. The inputs are small binary files: some targets take their first bytes as
 * instructions, the rest is what the parser gets. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Unlike assert, the line says what it is about, and no build leaves it out. */
#define CHECK(condition, about)                                                                              \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, (about), #condition);                     \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

/* Instructions are taken off the front; zeros when none are left. */
static inline unsigned take_number(str *input)
{
    if (!input->len)
        return 0;
    unsigned n = (unsigned char)input->p[0];
    *input = str_make(input->p + 1, input->len - 1);
    return n;
}

/* How a message is cut into pieces: sizes that are used in turn. */
struct pieces {
    unsigned count;
    unsigned next;
    uint8_t sizes[8];
};

static inline struct pieces take_pieces(str *input)
{
    struct pieces pieces = { .count = 1 + take_number(input) % 8 };
    for (unsigned i = 0; i < pieces.count; i++)
        pieces.sizes[i] = (uint8_t)take_number(input);
    return pieces;
}

/* Never 0, so that there is an end. */
static inline size_t next_piece(struct pieces *pieces)
{
    size_t piece = 1 + (size_t)pieces->sizes[pieces->next];
    pieces->next = pieces->next + 1 < pieces->count ? pieces->next + 1 : 0;
    return piece;
}

/* A copy of exactly that size on the heap, so that a sanitizer sees what is read beyond it. */
static inline char *copy_of(str s)
{
    char *copy = malloc(s.len);
    if (!copy)
        abort();
    if (s.len)
        memcpy(copy, s.p, s.len);
    return copy;
}
