/* SPDX-License-Identifier: MIT */
#include "conf/kit.h"

static void finds_rows_by_name(void **state)
{
    assert_ptr_equal(option_find(&kit_table, STR("workers")), &kit_table.rows[0]);
    assert_null(option_find(&kit_table, STR("worker")));
    assert_null(option_find(&kit_table, STR("Workers")));
}

static void lists_flags(void **state)
{
    str cursor = str_of(kit_row("workers")->cli);
    assert_str_equal(option_next_flag(&cursor), STR("-w"));
    assert_str_equal(option_next_flag(&cursor), STR("--workers"));
    assert_null(cursor.p);
    assert_str_equal(option_long_flag(kit_row("workers")), STR("--workers"));
    assert_null(option_long_flag(kit_row("on_exit")).p);
    struct buf text = { 0 };
    option_print_flags(kit_row("workers"), &text);
    assert_string_equal(buf_text(&text), "-w/--workers");
    text.len = 0;
    option_print_flags(kit_row("on_exit"), &text);
    assert_string_equal(buf_text(&text), "");
    buf_done(&text);
}

static void knows_what_was_meant(void **state)
{
    assert_ptr_equal(option_nearest(&kit_table, STR("wrkers")), kit_row("workers"));
    assert_ptr_equal(option_nearest(&kit_table, STR("log_level")), kit_row("loglevel"));
    assert_ptr_equal(option_nearest(&kit_table, STR("procname")), kit_row("proc_name"));
    assert_ptr_equal(option_nearest(&kit_table, STR("name")), kit_row("proc_name"));
    assert_null(option_nearest(&kit_table, STR("database_url")));
    assert_null(option_nearest(&kit_table, STR("x")));
    assert_str_equal(option_nearest_flag(&kit_table, STR("--wrkers")), STR("--workers"));
    assert_null(option_nearest_flag(&kit_table, STR("--colour")).p);
    assert_null(option_nearest_flag(&kit_table, STR("-x")).p);
}

static void cuts_the_first_sentence(void **state)
{
    assert_str_equal(option_summary(kit_row("workers")), STR("Worker processes"));
    const struct option row = { .doc = "As 1.5 or gunicorn.conf.py. More." };
    assert_str_equal(option_summary(&row), STR("As 1.5 or gunicorn.conf.py"));
    const struct option bare = { .doc = "No stop" };
    assert_str_equal(option_summary(&bare), STR("No stop"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_rows_by_name),
        cmocka_unit_test(lists_flags),
        cmocka_unit_test(knows_what_was_meant),
        cmocka_unit_test(cuts_the_first_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
