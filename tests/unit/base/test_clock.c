/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/clock.h"

static void never_goes_back(void **state)
{
    int64_t last = clock_mono_us();
    for (int i = 0; i < 10000; i++) {
        int64_t now = clock_mono_us();
        assert_true(now >= last);
        last = now;
    }
}

static void both_units_are_one_clock(void **state)
{
    int64_t before = clock_mono_us();
    msec ms = clock_mono_ms();
    int64_t after = clock_mono_us();
    assert_true(ms >= before / 1000 && ms <= after / 1000);
}

static void wall_is_the_time_of_day(void **state)
{
    time_t before = time(NULL);
    time_t now = clock_wall();
    assert_true(now >= before && now <= before + 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_goes_back),
        cmocka_unit_test(both_units_are_one_clock),
        cmocka_unit_test(wall_is_the_time_of_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
