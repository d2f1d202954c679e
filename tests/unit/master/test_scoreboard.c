/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <stdio.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "master/scoreboard.h"

static void slots_have_lines_of_their_own(void **state)
{
    struct scoreboard board;
    assert_int_equal(scoreboard_init(&board, 3), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal((uintptr_t)&board.slots[i] % SCOREBOARD_LINE, 0);
        assert_int_equal((uintptr_t)&board.slots[i].stats % SCOREBOARD_LINE, 0);
        assert_ptr_equal(board.stats[i], &board.slots[i].stats);
        assert_int_equal(board.slots[i].pid, 0);
    }
    scoreboard_done(&board);
    scoreboard_done(&board);
}

static void seats_and_clears(void **state)
{
    struct scoreboard board;
    assert_int_equal(scoreboard_init(&board, 8), 0);
    assert_int_equal(*scoreboard_n_used(&board), 0);
    msec before = clock_mono_ms();
    scoreboard_seat(&board, 5, 17, 2);
    assert_int_equal(*scoreboard_n_used(&board), 6);
    assert_int_equal(board.slots[5].age, 17);
    assert_int_equal(board.slots[5].generation, 2);
    assert_true(board.slots[5].stats.beat_ms >= before);
    assert_int_equal(board.slots[5].stats.phase, WORKER_BOOTING);
    board.slots[5].stats.phase = WORKER_RETIRING;
    board.slots[5].stats.connections = 9;
    board.slots[5].stats.is_accepting = true;
    scoreboard_clear(&board, 5);
    static const struct worker_stats nothing;
    assert_memory_equal(&board.slots[5].stats, &nothing, sizeof(nothing));
    assert_int_equal(board.slots[5].age, 0);
    assert_int_equal(*scoreboard_n_used(&board), 6);
    scoreboard_done(&board);
}

static void is_shared_with_children(void **state)
{
    struct scoreboard board;
    assert_int_equal(scoreboard_init(&board, 1024), 0);
    scoreboard_seat(&board, 1023, 1, 1);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        board.slots[1023].stats.requests = 42;
        _exit(0);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(board.stats[1023]->requests, 42);
    scoreboard_done(&board);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_have_lines_of_their_own),
        cmocka_unit_test(seats_and_clears),
        cmocka_unit_test(is_shared_with_children),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
