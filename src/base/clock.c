/* SPDX-License-Identifier: MIT */
/* The two clocks: monotonic for deadlines and durations, wall for what people read. Both are vDSO
 * calls, about 20 ns; the event loop still reads them once a turn and shares the value. */
#include "base/clock.h"

int64_t clock_mono_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

msec clock_mono_ms(void)
{
    return clock_mono_us() / 1000;
}

time_t clock_wall(void)
{
    return time(NULL);
}
