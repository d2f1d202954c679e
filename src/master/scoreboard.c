/* SPDX-License-Identifier: MIT */
/* The scoreboard: an anonymous shared mapping that workers inherit over fork. Who sits in a slot and
 * what the worker counts are on cache lines of their own, so that a busy worker disturbs no reader of
 * its neighbours. A slot is cleared only after its process was reaped: it never has two writers. */
#include "master/scoreboard.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/arena.h"
#include "base/clock.h"

struct scoreboard_memory {
    _Atomic int n_used;
    struct scoreboard_slot slots[];
};

static size_t memory_size(int n_slots)
{
    return sizeof(struct scoreboard_memory) + (size_t)n_slots * sizeof(struct scoreboard_slot);
}

int scoreboard_init(struct scoreboard *board, int n_slots)
{
    void *memory =
        mmap(NULL, memory_size(n_slots), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return -errno;
    *board = (struct scoreboard){ .memory = memory, .n_slots = n_slots };
    board->slots = board->memory->slots;
    board->stats = memory_alloc((size_t)n_slots * sizeof(struct worker_stats *));
    for (int i = 0; i < n_slots; i++)
        board->stats[i] = &board->slots[i].stats;
    return 0;
}

void scoreboard_done(struct scoreboard *board)
{
    if (!board->memory)
        return;
    munmap(board->memory, memory_size(board->n_slots));
    free(board->stats);
    *board = (struct scoreboard){ 0 };
}

void scoreboard_seat(struct scoreboard *board, int slot, unsigned age, unsigned generation)
{
    struct scoreboard_slot *seat = &board->slots[slot];
    msec now = clock_mono_ms();
    seat->age = age;
    seat->generation = generation;
    seat->started_ms = now;
    seat->stats.beat_ms = now;
    seat->stats.phase = WORKER_BOOTING;
    if (board->memory->n_used <= slot)
        board->memory->n_used = slot + 1;
}

void scoreboard_clear(struct scoreboard *board, int slot)
{
    struct scoreboard_slot *seat = &board->slots[slot];
    struct worker_stats *stats = &seat->stats;
    stats->is_accepting = false;
    stats->connections = 0;
    stats->busy_threads = 0;
    stats->requests = 0;
    stats->beat_ms = 0;
    stats->phase = WORKER_BOOTING;
    seat->age = 0;
    seat->generation = 0;
    seat->started_ms = 0;
    seat->pid = 0;
}

const _Atomic int *scoreboard_n_used(const struct scoreboard *board)
{
    return &board->memory->n_used;
}
