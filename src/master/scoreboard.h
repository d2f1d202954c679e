/* SPDX-License-Identifier: MIT */
/* One shared memory segment with a fixed slot per worker. The master fills in who sits there, the
 * worker its statistics; every process reads all of it without locks. */
#pragma once

#include "base/defs.h"
#include "base/stats.h"

enum { SCOREBOARD_LINE = 64 };

struct scoreboard_slot {
    _Alignas(SCOREBOARD_LINE) _Atomic int32_t pid; /* 0: nobody sits here, and all else is 0 too */
    _Atomic uint32_t generation;
    _Atomic uint32_t age;
    _Atomic int64_t started_ms;
    _Alignas(SCOREBOARD_LINE) struct worker_stats stats; /* the line that the worker writes */
};

struct scoreboard_memory;

struct scoreboard {
    struct scoreboard_memory *memory;
    struct scoreboard_slot *slots;
    const struct worker_stats **stats; /* those of the slots, in order */
    int n_slots;
};

/* Pages are the kernel's until a slot is used. 0 or -errno. */
int scoreboard_init(struct scoreboard *board, int n_slots) MUST_CHECK;
void scoreboard_done(struct scoreboard *board);

/* Seats a worker that is about to be forked: booting, its beat now. */
void scoreboard_seat(struct scoreboard *board, int slot, unsigned age, unsigned generation);
void scoreboard_clear(struct scoreboard *board, int slot);

/* One more than the highest slot ever used; lives in the shared memory. */
const _Atomic int *scoreboard_n_used(const struct scoreboard *board);
