/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/cpu.h"
#include "scratch.h"

#if defined(__x86_64__)
/* The kernel's own list, which says "sse4_2" and "avx2". */
static bool kernel_says(const char *flag)
{
    AUTO_FREE char *info = scratch_read("/proc/cpuinfo");
    const char *line = info ? strstr(info, "\nflags") : NULL;
    if (!line)
        skip();
    const char *end = strchr(line + 1, '\n');
    const char *hit = strstr(line, flag);
    return hit && hit < end;
}

static void agrees_with_the_kernel(void **state)
{
    assert_int_equal(cpu_has_sse42(), kernel_says(" sse4_2 "));
    assert_int_equal(cpu_has_avx2(), kernel_says(" avx2 "));
}
#else
static void agrees_with_the_kernel(void **state)
{
    assert_false(cpu_has_sse42());
    assert_false(cpu_has_avx2());
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_kernel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
