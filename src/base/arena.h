/* SPDX-License-Identifier: MIT */
/* A bump allocator: many small allocations, one release. Not thread safe. */
#pragma once

#include "base/str.h"

struct arena_block;

struct arena {
    char *next;                 /* first free byte of the current block */
    char *end;                  /* end of the current block */
    struct arena_block *blocks; /* all blocks, the current one first */
    size_t block_size;          /* bytes of an ordinary block */
};

/* Writes one line to standard error and ends the process with exit code 70: memory does not run out
 * quietly, and the master starts another worker. */
_Noreturn void memory_exhausted(size_t wanted);

/* malloc, calloc and realloc that end the process instead of returning NULL. */
void *memory_alloc(size_t size);
void *memory_zero(size_t size);
void *memory_resize(void *old, size_t size);

/* Nothing is allocated before the first use. `block_size` is in bytes. */
void arena_init(struct arena *arena, size_t block_size);
void arena_done(struct arena *arena);

/* Forgets all allocations but keeps one block, so that the next user starts warm. */
void arena_reset(struct arena *arena);

/* `size` bytes aligned to 16; uninitialised. Never NULL. */
void *arena_alloc(struct arena *arena, size_t size);
void *arena_zero(struct arena *arena, size_t size);

/* A NUL terminated copy in the arena. */
str arena_copy(struct arena *arena, str s);
