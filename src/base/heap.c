/* SPDX-License-Identifier: MIT */
/* The heap under the timers. Nodes know their place, so that removal and re-keying need no search.
 * The node's memory is its owner's; the heap owns only the array of pointers. */
#include "base/heap.h"

#include "base/arena.h"

void heap_init(struct heap *heap)
{
    *heap = (struct heap){ 0 };
}

void heap_done(struct heap *heap)
{
    free(heap->nodes);
    heap_init(heap);
}

static void place(struct heap *heap, struct heap_node *node, size_t at)
{
    heap->nodes[at] = node;
    node->at = at;
}

static void sift_up(struct heap *heap, struct heap_node *node)
{
    size_t at = node->at;
    while (at > 1 && heap->nodes[at / 2]->key > node->key) {
        place(heap, heap->nodes[at / 2], at);
        at /= 2;
    }
    place(heap, node, at);
}

static void sift_down(struct heap *heap, struct heap_node *node)
{
    size_t at = node->at;
    for (;;) {
        size_t child = at * 2;
        if (child > heap->count)
            break;
        if (child < heap->count && heap->nodes[child + 1]->key < heap->nodes[child]->key)
            child++;
        if (heap->nodes[child]->key >= node->key)
            break;
        place(heap, heap->nodes[child], at);
        at = child;
    }
    place(heap, node, at);
}

void heap_set(struct heap *heap, struct heap_node *node, int64_t key)
{
    node->key = key;
    if (!node->at) {
        if (heap->count + 1 >= heap->cap) {
            heap->cap = heap->cap ? heap->cap * 2 : 64;
            heap->nodes = memory_resize(heap->nodes, heap->cap * sizeof(*heap->nodes));
        }
        place(heap, node, ++heap->count);
    }
    sift_up(heap, node);
    sift_down(heap, node);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    if (!node->at)
        return;
    struct heap_node *last = heap->nodes[heap->count--];
    if (last != node) {
        place(heap, last, node->at);
        sift_up(heap, last);
        sift_down(heap, last);
    }
    node->at = 0;
}
