/* SPDX-License-Identifier: MIT */
/* The few macros and scalar types that every folder uses. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

/* A duration or a point on the monotonic clock, in milliseconds. */
typedef int64_t msec;

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* The structure of type `type` whose member `member` is at `ptr`. */
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

static inline void auto_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void auto_free(void *slot)
{
    free(*(void **)slot);
}

/* Locals that clean up when their scope ends. */
#define AUTO_CLOSE __attribute__((cleanup(auto_close)))
#define AUTO_FREE __attribute__((cleanup(auto_free)))

static inline size_t size_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t size_max(size_t a, size_t b)
{
    return a > b ? a : b;
}
