/* SPDX-License-Identifier: MIT */
/* Arenas: a chain of blocks, the newest first. An allocation larger than a block gets a block of its
 * own. The owner decides the lifetime (configuration, connection or exchange) and calls arena_done
 * or arena_reset once; single allocations are never freed. */
#include "base/arena.h"

#include <stdio.h>

struct arena_block {
    struct arena_block *next;
    size_t size; /* bytes behind this header */
};

enum { ALIGNMENT = 16, HEADER = 16, EXIT_MEMORY = 70 };

_Static_assert(sizeof(struct arena_block) <= HEADER, "block header fits its room");

_Noreturn void memory_exhausted(size_t wanted)
{
    dprintf(STDERR_FILENO, "out of memory: %zu more bytes are not to be had\n", wanted);
    _exit(EXIT_MEMORY);
}

void *memory_alloc(size_t size)
{
    void *p = malloc(size);
    if (!p && size)
        memory_exhausted(size);
    return p;
}

void *memory_zero(size_t size)
{
    void *p = calloc(1, size);
    if (!p && size)
        memory_exhausted(size);
    return p;
}

void *memory_resize(void *old, size_t size)
{
    void *p = realloc(old, size);
    if (!p && size)
        memory_exhausted(size);
    return p;
}

void arena_init(struct arena *arena, size_t block_size)
{
    *arena = (struct arena){ .block_size = block_size };
}

static void free_blocks(struct arena_block *block)
{
    while (block) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
}

void arena_done(struct arena *arena)
{
    free_blocks(arena->blocks);
    arena_init(arena, arena->block_size);
}

static void use_block(struct arena *arena, struct arena_block *block)
{
    arena->next = (char *)block + HEADER;
    arena->end = arena->next + block->size;
}

void arena_reset(struct arena *arena)
{
    struct arena_block *keep = arena->blocks;
    if (!keep)
        return;
    free_blocks(keep->next);
    keep->next = NULL;
    if (keep->size > arena->block_size) {
        arena_done(arena);
        return;
    }
    use_block(arena, keep);
}

static struct arena_block *block_new(size_t size)
{
    struct arena_block *block = memory_alloc(HEADER + size);
    block->size = size;
    return block;
}

/* A large allocation goes behind the current block, so that the rest of that one stays usable. */
static void *alloc_large(struct arena *arena, size_t size)
{
    struct arena_block *block = block_new(size);
    block->next = arena->blocks->next;
    arena->blocks->next = block;
    return (char *)block + HEADER;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (LIKELY(size <= (size_t)(arena->end - arena->next))) {
        void *p = arena->next;
        arena->next += size;
        return p;
    }
    if (size > arena->block_size && arena->blocks)
        return alloc_large(arena, size);
    struct arena_block *block = block_new(size_max(size, arena->block_size));
    block->next = arena->blocks;
    arena->blocks = block;
    use_block(arena, block);
    arena->next += size;
    return (char *)block + HEADER;
}

void *arena_zero(struct arena *arena, size_t size)
{
    return memset(arena_alloc(arena, size), 0, size);
}

str arena_copy(struct arena *arena, str s)
{
    char *copy = arena_alloc(arena, s.len + 1);
    if (s.len)
        memcpy(copy, s.p, s.len);
    copy[s.len] = '\0';
    return str_make(copy, s.len);
}
