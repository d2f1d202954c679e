/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/* What the processor at run time can do; false on other architectures. */
bool cpu_has_sse42(void);
bool cpu_has_avx2(void);
