/* SPDX-License-Identifier: MIT */
/* What cmocka wants included before it, and what our tests share. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"

#define assert_str_equal(got, want)                                                                          \
    do {                                                                                                     \
        str got_ = (got), want_ = (want);                                                                    \
        assert_int_equal(got_.len, want_.len);                                                               \
        if (want_.len)                                                                                       \
            assert_memory_equal(got_.p, want_.p, want_.len);                                                 \
    } while (0)
