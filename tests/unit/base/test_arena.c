/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/arena.h"

static void allocations_do_not_overlap(void **state)
{
    struct arena arena;
    arena_init(&arena, 256);
    unsigned char *p[100];
    for (int i = 0; i < 100; i++) {
        p[i] = arena_alloc(&arena, (size_t)i * 7 + 1);
        assert_int_equal((uintptr_t)p[i] % 16, 0);
        memset(p[i], i, (size_t)i * 7 + 1);
    }
    for (int i = 0; i < 100; i++)
        for (int k = 0; k < i * 7 + 1; k++)
            assert_int_equal(p[i][k], i);
    arena_done(&arena);
}

static void reset_keeps_one_block(void **state)
{
    struct arena arena;
    arena_init(&arena, 256);
    void *first = arena_alloc(&arena, 16);
    arena_alloc(&arena, 100000);
    arena_reset(&arena);
    assert_ptr_equal(arena_alloc(&arena, 16), first);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_do_not_overlap),
        cmocka_unit_test(reset_keeps_one_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
