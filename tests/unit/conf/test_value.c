/* SPDX-License-Identifier: MIT */
#include "conf/kit.h"

#include "base/log.h"

static const char *parsed(const char *row, const struct raw *raw)
{
    struct value value = kit_parse(row, raw, VALUE_OK);
    return kit_print(&value);
}

static void reads_whole_numbers(void **state)
{
    assert_string_equal(parsed("workers", WORD("4")), "4");
    assert_string_equal(parsed("workers", WORD(" 4\n")), "4");
    assert_string_equal(parsed("workers", WORD("+4")), "4");
    assert_string_equal(parsed("workers", WORD("0")), "0");
    assert_string_equal(parsed("workers", NUMBER(64)), "64");
    assert_string_equal(parsed("workers", TRUTH(1)), "1");
    assert_string_equal(parsed("workers", TEXT("0x10")), "16");
}

static void refuses_what_is_no_number(void **state)
{
    kit_parse("workers", WORD("x"), VALUE_MALFORMED);
    assert_string_equal(kit_expected(), "a whole number");
    kit_parse("workers", WORD(""), VALUE_MALFORMED);
    kit_parse("workers", WORD("-"), VALUE_MALFORMED);
    kit_parse("workers", WORD("4x"), VALUE_MALFORMED);
    kit_parse("workers", WORD("1.5"), VALUE_MALFORMED);
    kit_parse("workers", WORD("0x10"), VALUE_MALFORMED);
    kit_parse("workers", NONE, VALUE_MALFORMED);
    kit_parse("workers", OTHER("1.5"), VALUE_MALFORMED);
}

static void keeps_numbers_in_bounds(void **state)
{
    kit_parse("workers", WORD("65"), VALUE_REFUSED);
    assert_string_equal(kit_expected(), "a whole number from 0 to 64");
    kit_parse("workers", WORD("-1"), VALUE_REFUSED);
    kit_parse("workers", NUMBER(-1), VALUE_REFUSED);
    kit_parse("workers", WORD("99999999999999999999999999"), VALUE_REFUSED);
    kit_parse("worker_time", NUMBER(1), VALUE_REFUSED);
    assert_string_equal(kit_expected(), "a whole number, 2 or more");
    assert_string_equal(parsed("worker_time", NUMBER(INT64_MAX)), "9223372036854775807");
}

static void reads_modes_in_octal(void **state)
{
    assert_string_equal(parsed("umask", WORD("022")), "18");
    assert_string_equal(parsed("umask", WORD("0o22")), "18");
    assert_string_equal(parsed("umask", WORD("0x12")), "18");
    assert_string_equal(parsed("umask", WORD("18")), "18");
    assert_string_equal(parsed("umask", NUMBER(18)), "18");
    kit_parse("umask", WORD("08"), VALUE_MALFORMED);
    kit_parse("umask", WORD("01000"), VALUE_REFUSED);
}

static void reads_sizes_with_units(void **state)
{
    assert_string_equal(parsed("upload", WORD("10")), "10");
    assert_string_equal(parsed("upload", WORD("2k")), "2048");
    assert_string_equal(parsed("upload", TEXT("3M")), "3145728");
    assert_string_equal(parsed("upload", WORD("1g")), "1073741824");
    assert_string_equal(parsed("upload", NUMBER(7)), "7");
    kit_parse("upload", WORD("k"), VALUE_MALFORMED);
    kit_parse("upload", WORD("-1"), VALUE_MALFORMED);
    kit_parse("upload", WORD("9223372036854775807g"), VALUE_MALFORMED);
    kit_parse("upload", OTHER("1.5"), VALUE_MALFORMED);
}

static void reads_flags(void **state)
{
    assert_string_equal(parsed("daemon", TRUTH(1)), "True");
    assert_string_equal(parsed("daemon", TRUTH(0)), "False");
    assert_string_equal(parsed("daemon", TEXT(" TRUE ")), "True");
    assert_string_equal(parsed("daemon", NONE), "None");
    kit_parse("daemon", NUMBER(1), VALUE_MALFORMED);
    kit_parse("daemon", TEXT("yes"), VALUE_MALFORMED);
}

static void reads_texts(void **state)
{
    assert_string_equal(parsed("proc_name", TEXT("  shop  ")), "shop");
    assert_string_equal(parsed("proc_name", NONE), "None");
    assert_string_equal(parsed("proc_name", TEXT("")), "");
    kit_parse("proc_name", NUMBER(3), VALUE_MALFORMED);
    assert_string_equal(kit_expected(), "a string");
    assert_string_equal(parsed("worker_class", OTHER("gunicorn.workers.sync.SyncWorker")),
                        "gunicorn.workers.sync.SyncWorker");
    assert_string_equal(parsed("on_exit", OTHER("<bye()>")), "<bye()>");
}

static void reads_choices(void **state)
{
    assert_string_equal(parsed("proxy", WORD("V1")), "v1");
    assert_string_equal(parsed("proxy", TRUTH(1)), "auto");
    assert_string_equal(parsed("proxy", TRUTH(0)), "off");
    kit_parse("proxy", WORD("v3"), VALUE_REFUSED);
    assert_string_equal(kit_expected(), "one of: off v1 auto");
    kit_parse("proxy", WORD("off v1"), VALUE_REFUSED);
    kit_parse("proxy", WORD(""), VALUE_REFUSED);
    kit_parse("proxy", NUMBER(1), VALUE_MALFORMED);
}

static void reads_lists(void **state)
{
    const char *items[] = { " a:1", "it's" };
    struct raw two = { .kind = RAW_LIST, .list = { items, 2 } };
    struct raw empty = { .kind = RAW_LIST };
    assert_string_equal(parsed("bind", &two), "['a:1', \"it's\"]");
    assert_string_equal(parsed("bind", TEXT("a:1")), "['a:1']");
    kit_parse("bind", &empty, VALUE_REFUSED);
    kit_parse("bind", NONE, VALUE_REFUSED);
    kit_parse("bind", TEXT(""), VALUE_REFUSED);
    kit_parse("bind", NUMBER(8000), VALUE_MALFORMED);
    assert_string_equal(parsed("trusted", TEXT("a, b,,c")), "['a', 'b', 'c']");
    assert_string_equal(parsed("trusted", TEXT("")), "[]");
    assert_string_equal(parsed("trusted", &two), "['a:1', \"it's\"]");
}

static void reads_variables(void **state)
{
    assert_string_equal(parsed("env", TEXT("A=b=c")), "['A=b=c']");
    assert_string_equal(parsed("env", TEXT("A=")), "['A=']");
    assert_string_equal(parsed("env", NONE), "[]");
    kit_parse("env", TEXT("A"), VALUE_REFUSED);
    kit_parse("env", TEXT("=b"), VALUE_REFUSED);
}

static void looks_users_and_groups_up(void **state)
{
    assert_string_equal(parsed("user", WORD("root")), "0");
    assert_string_equal(parsed("user", WORD("1234")), "1234");
    assert_string_equal(parsed("user", NUMBER(12)), "12");
    assert_string_equal(parsed("group", WORD("root")), "0");
    struct value own = kit_parse("user", NONE, VALUE_OK);
    assert_int_equal(own.number, geteuid());
    own = kit_parse("group", NONE, VALUE_OK);
    assert_int_equal(own.number, getegid());
    kit_parse("user", WORD("no such user"), VALUE_REFUSED);
    assert_string_equal(kit_expected(), "the name or number of an existing user");
    kit_parse("user", WORD("4294967295"), VALUE_REFUSED);
    kit_parse("user", NUMBER(-1), VALUE_REFUSED);
    kit_parse("user", TRUTH(1), VALUE_MALFORMED);
    kit_parse("group", WORD(""), VALUE_REFUSED);
}

static void makes_directories_absolute(void **state)
{
    assert_string_equal(parsed("chdir", WORD("/usr/../usr//./bin/")), "/usr/bin");
    assert_string_equal(parsed("chdir", WORD("/..")), "/");
    kit_parse("chdir", WORD("/no/such/directory"), VALUE_REFUSED);
    kit_parse("chdir", WORD("/etc/passwd"), VALUE_REFUSED);
    kit_parse("chdir", NONE, VALUE_MALFORMED);
}

static void reads_levels(void **state)
{
    enum log_level level = LOG_DEBUG;
    struct value value = kit_parse("loglevel", TEXT("Warning"), VALUE_OK);
    type_level.store(&level, &value);
    assert_int_equal(level, LOG_WARNING);
    assert_string_equal(kit_print(&value), "Warning");
    kit_parse("loglevel", TEXT("loud"), VALUE_REFUSED);
    kit_parse("loglevel", NONE, VALUE_MALFORMED);
}

static void compares_values(void **state)
{
    struct value a = kit_parse("trusted", TEXT("a,b"), VALUE_OK);
    struct value b = kit_parse("trusted", TEXT("a, b"), VALUE_OK);
    struct value c = kit_parse("trusted", TEXT("a,c"), VALUE_OK);
    struct value d = kit_parse("trusted", TEXT("a"), VALUE_OK);
    assert_true(value_equal(&a, &b));
    assert_false(value_equal(&a, &c));
    assert_false(value_equal(&a, &d));
    struct value none = kit_parse("daemon", NONE, VALUE_OK), off = kit_parse("daemon", TRUTH(0), VALUE_OK);
    assert_false(value_equal(&none, &off));
    struct value dict = kit_parse("headers", OTHER("{}"), VALUE_OK);
    struct value word = kit_parse("headers", WORD("{}"), VALUE_OK);
    assert_true(value_equal(&dict, &word));
}

static void quotes_as_python_does(void **state)
{
    struct buf out = { 0 };
    value_print_quoted(STR("a'b\"c\\d\n\x01"), &out);
    assert_string_equal(buf_text(&out), "'a\\'b\"c\\\\d\\n\\x01'");
    buf_done(&out);
}

static int reset(void **state)
{
    kit_reset();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_whole_numbers),
        cmocka_unit_test(refuses_what_is_no_number),
        cmocka_unit_test(keeps_numbers_in_bounds),
        cmocka_unit_test(reads_modes_in_octal),
        cmocka_unit_test(reads_sizes_with_units),
        cmocka_unit_test(reads_flags),
        cmocka_unit_test(reads_texts),
        cmocka_unit_test(reads_choices),
        cmocka_unit_test(reads_lists),
        cmocka_unit_test(reads_variables),
        cmocka_unit_test(looks_users_and_groups_up),
        cmocka_unit_test(makes_directories_absolute),
        cmocka_unit_test(reads_levels),
        cmocka_unit_test(compares_values),
        cmocka_unit_test(quotes_as_python_does),
    };
    return cmocka_run_group_tests(tests, NULL, reset);
}
