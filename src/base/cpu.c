/* SPDX-License-Identifier: MIT */
/* Processor features, asked at run time so that one binary fits every x86-64. */
#include "base/cpu.h"

#if defined(__x86_64__)
bool cpu_has_sse42(void)
{
    return __builtin_cpu_supports("sse4.2");
}

bool cpu_has_avx2(void)
{
    return __builtin_cpu_supports("avx2");
}
#else
bool cpu_has_sse42(void)
{
    return false;
}

bool cpu_has_avx2(void)
{
    return false;
}
#endif
