/* SPDX-License-Identifier: MIT */
#include "unit.h"

static void compares_and_searches(void **state)
{
    assert_true(str_ieq(STR("Content-Type"), STR("content-TYPE")));
    assert_false(str_ieq(STR("a["), STR("a{")));
    assert_true(str_starts(STR("http://x"), STR("http://")));
    assert_true(str_ends(STR("gunicorn.conf.py"), STR(".py")));
    assert_false(str_ends(STR("y"), STR(".py")));
    assert_int_equal(str_find(STR("a=b"), '=', 0), 1);
    assert_int_equal(str_find(STR("a=b"), '=', 2), 3);
}

static void trims_and_splits(void **state)
{
    assert_str_equal(str_trim(STR(" \tx y\t ")), STR("x y"));
    assert_str_equal(str_trim(STR(" \t ")), STR(""));
    str rest = STR("a,,b");
    assert_str_equal(str_split(&rest, ','), STR("a"));
    assert_str_equal(str_split(&rest, ','), STR(""));
    assert_str_equal(str_split(&rest, ','), STR("b"));
    assert_null(rest.p);
}

static void measures_distance(void **state)
{
    assert_int_equal(str_distance(STR("worker"), STR("workers")), 1);
    assert_int_equal(str_distance(STR("kitten"), STR("sitting")), 3);
    assert_int_equal(str_distance(STR(""), STR("abc")), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares_and_searches),
        cmocka_unit_test(trims_and_splits),
        cmocka_unit_test(measures_distance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
