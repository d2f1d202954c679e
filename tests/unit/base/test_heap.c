/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/heap.h"

enum { MANY = 500 };

/* The same order in every run. */
static int64_t scattered(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static void check_order(const struct heap *heap)
{
    for (size_t i = 1; i <= heap->count; i++) {
        assert_int_equal(heap->nodes[i]->at, i);
        if (i > 1)
            assert_true(heap->nodes[i / 2]->key <= heap->nodes[i]->key);
    }
}

static void begins_empty(void **state)
{
    struct heap heap;
    heap_init(&heap);
    struct heap_node node = { 0 };
    assert_null(heap_least(&heap));
    heap_remove(&heap, &node);
    assert_false(heap_has(&node));
    heap_done(&heap);
}

static void gives_least_first(void **state)
{
    struct heap heap;
    struct heap_node nodes[MANY] = { 0 };
    uint32_t seed = 1;
    heap_init(&heap);
    for (int i = 0; i < MANY; i++)
        heap_set(&heap, &nodes[i], scattered(&seed));
    check_order(&heap);
    int64_t last = INT64_MIN;
    for (int i = 0; i < MANY; i++) {
        struct heap_node *least = heap_least(&heap);
        assert_true(least->key >= last);
        last = least->key;
        heap_remove(&heap, least);
        assert_false(heap_has(least));
    }
    assert_null(heap_least(&heap));
    heap_done(&heap);
}

static void moves_both_ways(void **state)
{
    struct heap heap;
    struct heap_node nodes[MANY] = { 0 };
    uint32_t seed = 2;
    heap_init(&heap);
    for (int i = 0; i < 20 * MANY; i++) {
        heap_set(&heap, &nodes[i % MANY], scattered(&seed));
        if (i % 64 == 0)
            check_order(&heap);
    }
    assert_int_equal(heap.count, MANY);
    heap_set(&heap, &nodes[7], -1);
    assert_ptr_equal(heap_least(&heap), &nodes[7]);
    heap_set(&heap, &nodes[7], INT64_MAX);
    assert_ptr_not_equal(heap_least(&heap), &nodes[7]);
    check_order(&heap);
    heap_done(&heap);
}

/* The node that takes a removed one's place may have to go up as well as down. */
static void removes_anywhere(void **state)
{
    struct heap heap;
    struct heap_node nodes[MANY] = { 0 };
    uint32_t seed = 3;
    heap_init(&heap);
    for (int i = 0; i < MANY; i++)
        heap_set(&heap, &nodes[i], scattered(&seed));
    for (int i = 0; i < MANY; i++) {
        struct heap_node *node = &nodes[(i * 7) % MANY];
        heap_remove(&heap, node);
        assert_false(heap_has(node));
        assert_int_equal(heap.count, MANY - 1 - i);
        check_order(&heap);
    }
    heap_done(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins_empty),
        cmocka_unit_test(gives_least_first),
        cmocka_unit_test(moves_both_ways),
        cmocka_unit_test(removes_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
