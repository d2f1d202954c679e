/* SPDX-License-Identifier: MIT */
/* A binary min-heap of intrusive nodes, ordered by `key`. */
#pragma once

#include <stdbool.h>

#include "base/defs.h"

struct heap_node {
    int64_t key;
    size_t at; /* 1-based place in the heap; 0: not in it */
};

struct heap {
    struct heap_node **nodes; /* nodes[1] is the least */
    size_t count;
    size_t cap;
};

void heap_init(struct heap *heap);
void heap_done(struct heap *heap);

/* Puts `node` in with `key`, or moves it there when it is in already. */
void heap_set(struct heap *heap, struct heap_node *node, int64_t key);

/* Harmless when the node is not in the heap. */
void heap_remove(struct heap *heap, struct heap_node *node);

static inline bool heap_has(const struct heap_node *node)
{
    return node->at != 0;
}

static inline struct heap_node *heap_least(const struct heap *heap)
{
    return heap->count ? heap->nodes[1] : NULL;
}
