/* SPDX-License-Identifier: MIT */
#include "conf/kit.h"

#include <stdio.h>

#include "conf/option_set.h"

static const struct origin command_line = { ORIGIN_COMMAND_LINE, NULL };
static const struct origin file = { ORIGIN_FILE, "/srv/gunicorn.conf.py" };

static struct option_set set;
static struct diag diag;

static void start(void)
{
    assert_true(option_set_init(&set, &kit_table, kit_arena(), &diag));
}

static bool assign(const char *row, const struct raw *raw, struct origin origin)
{
    return option_set_assign(&set, kit_row(row), raw, origin, &diag);
}

static const char *shown(const char *row)
{
    return kit_print(option_set_value(&set, row));
}

static const char *message(void)
{
    static char text[256];
    struct buf buf = { 0 };
    diag_print(&diag, &buf);
    snprintf(text, sizeof(text), "%s", buf_text(&buf));
    buf_done(&buf);
    return text;
}

static void starts_with_defaults(void **state)
{
    start();
    assert_string_equal(shown("workers"), "1");
    assert_string_equal(shown("bind"), "['127.0.0.1:8000']");
    assert_string_equal(shown("proc_name"), "None");
    assert_string_equal(shown("env"), "[]");
    assert_int_equal(option_set_origin(&set, "workers")->kind, ORIGIN_DEFAULT);
}

static void the_environment_changes_defaults(void **state)
{
    setenv("KIT_WORKERS", "7", 1);
    setenv("KIT_PORT", "81", 1);
    start();
    assert_string_equal(shown("workers"), "7");
    assert_string_equal(shown("bind"), "['0.0.0.0:81']");
    assert_string_equal(option_set_origin(&set, "workers")->name, "KIT_WORKERS");
    setenv("KIT_WORKERS", "", 1);
    start();
    assert_string_equal(shown("workers"), "1");
    setenv("KIT_WORKERS", "many", 1);
    assert_false(option_set_init(&set, &kit_table, kit_arena(), &diag));
    assert_string_equal(message(), "setting 'workers' (-w/--workers): 'many', from environment variable "
                                   "KIT_WORKERS, is not a whole number");
    unsetenv("KIT_WORKERS");
    unsetenv("KIT_PORT");
}

static void the_last_assignment_wins(void **state)
{
    start();
    assert_true(assign("workers", NUMBER(3), file));
    assert_true(assign("workers", WORD("4"), command_line));
    assert_string_equal(shown("workers"), "4");
    assert_int_equal(option_set_origin(&set, "workers")->kind, ORIGIN_COMMAND_LINE);
}

static void a_refused_value_changes_nothing(void **state)
{
    start();
    assert_true(assign("workers", NUMBER(3), file));
    assert_false(assign("workers", WORD("-4"), command_line));
    assert_string_equal(shown("workers"), "3");
    assert_int_equal(option_set_origin(&set, "workers")->kind, ORIGIN_FILE);
    assert_string_equal(message(), "setting 'workers' (-w/--workers): '-4', from the command line, is not a "
                                   "whole number from 0 to 64");
    assert_string_equal(diag.shown, "-4");
    assert_false(assign("headers", NUMBER(1), file) && assign("workers", OTHER("1.5"), file));
    assert_string_equal(message(), "setting 'workers' (-w/--workers): 1.5 (thing), from "
                                   "/srv/gunicorn.conf.py, is not a whole number");
}

static void finds_what_is_not_supported(void **state)
{
    start();
    assert_null(option_set_unsupported(&set));
    assert_true(assign("reload", TRUTH(0), file));
    assert_null(option_set_unsupported(&set));
    assert_true(assign("reload", TRUTH(1), file));
    assert_ptr_equal(option_set_unsupported(&set), kit_row("reload"));
    assert_true(assign("reload", TRUTH(0), command_line));
    assert_null(option_set_unsupported(&set));
    assert_true(assign("on_exit", OTHER("<bye()>"), file));
    assert_ptr_equal(option_set_unsupported(&set), kit_row("on_exit"));
}

static void fills_the_fields(void **state)
{
    struct kit_target target = { 0 };
    start();
    assert_true(assign("workers", NUMBER(3), file));
    assert_true(assign("daemon", TRUTH(1), file));
    assert_true(assign("umask", WORD("022"), file));
    assert_true(assign("proc_name", TEXT("shop"), file));
    option_set_store(&set, &target);
    assert_int_equal(target.workers, 3);
    assert_true(target.daemon);
    assert_int_equal(target.umask, 18);
    assert_string_equal(target.name, "shop");
    assert_int_equal(target.bind.count, 1);
    assert_string_equal(target.bind.items[0], "127.0.0.1:8000");
    assert_string_equal(target.mode, "off");
}

static void prints_sorted_and_aligned(void **state)
{
    struct buf text = { 0 };
    start();
    option_set_print(&set, &text);
    assert_true(str_starts(buf_str(&text), STR("bind         = ['127.0.0.1:8000']\nchdir        = /")));
    assert_true(str_ends(buf_str(&text), STR("\nworkers      = 1\n")));
    buf_done(&text);
}

static void names_every_origin(void **state)
{
    const struct origin origins[] = { { ORIGIN_DEFAULT, NULL },
                                      { ORIGIN_ENVIRONMENT, "PORT" },
                                      { ORIGIN_FILE, "a.py" },
                                      command_line,
                                      { ORIGIN_CALL, "run()" } };
    struct buf text = { 0 };
    for (size_t i = 0; i < COUNT_OF(origins); i++) {
        origin_print(&origins[i], &text);
        buf_append_char(&text, ';');
    }
    assert_string_equal(buf_text(&text),
                        "the defaults;environment variable PORT;a.py;the command line;run();");
    buf_done(&text);
}

static int reset(void **state)
{
    kit_reset();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_with_defaults),        cmocka_unit_test(the_environment_changes_defaults),
        cmocka_unit_test(the_last_assignment_wins),    cmocka_unit_test(a_refused_value_changes_nothing),
        cmocka_unit_test(finds_what_is_not_supported), cmocka_unit_test(fills_the_fields),
        cmocka_unit_test(prints_sorted_and_aligned),   cmocka_unit_test(names_every_origin),
    };
    return cmocka_run_group_tests(tests, NULL, reset);
}
