/* SPDX-License-Identifier: MIT */
/* What a worker tells the others about itself. It lives in shared memory (a scoreboard slot): one
 * process writes, any process reads, each field on its own, without locks. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum worker_phase {
    WORKER_BOOTING,  /* importing the application */
    WORKER_READY,    /* serving */
    WORKER_RETIRING, /* asks to be replaced; serves on until it gets TERM */
};

enum { BOOT_ERROR_MAX = 256 };

struct worker_stats {
    _Atomic int64_t beat_ms;         /* monotonic time at which the event loop last showed life */
    _Atomic uint64_t requests;       /* finished exchanges */
    _Atomic uint32_t connections;    /* open client connections */
    _Atomic uint32_t busy_threads;   /* application threads in a call */
    _Atomic uint32_t free_threads;   /* … that could take a further request at once */
    _Atomic uint8_t phase;           /* enum worker_phase */
    _Atomic bool is_accepting;       /* takes new connections now */
    char boot_error[BOOT_ERROR_MAX]; /* why it could not boot; written before it exits, read when it is reaped
                                      */
};
