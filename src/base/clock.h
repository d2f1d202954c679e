/* SPDX-License-Identifier: MIT */
#pragma once

#include <time.h>

#include "base/defs.h"

/* Milliseconds of CLOCK_MONOTONIC: the base of every deadline. Same origin in all processes. */
msec clock_mono_ms(void);

/* The same clock in microseconds, for durations that are logged. */
int64_t clock_mono_us(void);

/* Seconds since the epoch. */
time_t clock_wall(void);
