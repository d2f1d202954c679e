/* SPDX-License-Identifier: MIT */
#include "conf/kit.h"

#include <stdio.h>

#include "conf/cmdline.h"

enum { WORDS_MOST = 16 };

struct line {
    struct cmdline cmdline;
    struct buf error;
    enum cmdline_result result;
};

static struct line line;

/* Words are separated by single spaces; '_' stands for a space within a word. */
static enum cmdline_result parse(const char *text)
{
    static char copy[256];
    static const char *words[WORDS_MOST];
    struct string_list list = { words, 0 };
    buf_done(&line.error);
    snprintf(copy, sizeof(copy), "%s", text);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
        for (char *c = word; *c; c++)
            *c = *c == '_' ? ' ' : *c;
        words[list.count++] = word;
    }
    line.result = cmdline_parse(&line.cmdline, &kit_table, kit_arena(), &list, &line.error);
    return line.result;
}

static const struct raw *given(const char *row)
{
    return line.cmdline.given[kit_row(row) - kit_table.rows];
}

static void assert_given(const char *row, const char *text)
{
    assert_non_null(given(row));
    assert_string_equal(given(row)->text, text);
}

static void assert_error(const char *text, const char *error)
{
    assert_int_equal(parse(text), CMDLINE_BAD);
    assert_string_equal(buf_text(&line.error), error);
}

static void assert_operands(size_t count, const char *first)
{
    assert_int_equal(line.cmdline.operands.count, count);
    if (count)
        assert_string_equal(line.cmdline.operands.items[0], first);
}

static void takes_arguments_in_every_form(void **state)
{
    const char *const forms[] = { "-w 4 app",        "-w4 app",         "app -w 4",       "-w=4 app",
                                  "--workers=4 app", "--workers 4 app", "app --workers 4" };
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        assert_int_equal(parse(forms[i]), CMDLINE_OK);
        assert_given("workers", "4");
        assert_operands(1, "app");
    }
    assert_int_equal(parse("-w -3"), CMDLINE_OK);
    assert_given("workers", "-3");
    assert_int_equal(parse("--name=a=b"), CMDLINE_OK);
    assert_given("proc_name", "a=b");
    assert_int_equal(parse("--name="), CMDLINE_OK);
    assert_given("proc_name", "");
}

static void later_ones_win_and_lists_grow(void **state)
{
    assert_int_equal(parse("-w1 -b a -w2 --bind=b -bc"), CMDLINE_OK);
    assert_given("workers", "2");
    assert_int_equal(given("bind")->list.count, 3);
    assert_string_equal(given("bind")->list.items[2], "c");
    assert_null(given("daemon"));
}

static void takes_clusters(void **state)
{
    assert_int_equal(parse("-DRw4 app"), CMDLINE_OK);
    assert_given("daemon", "true");
    assert_given("reload", "true");
    assert_given("workers", "4");
    assert_int_equal(parse("-Dw 4 app"), CMDLINE_OK);
    assert_given("workers", "4");
    assert_int_equal(parse("-Dw=4 app"), CMDLINE_OK);
    assert_given("workers", "4");
    assert_operands(1, "app");
    assert_error("-Dx", "argument -D/--daemon: ignored explicit argument 'x'");
    assert_error("--daemon=1", "argument -D/--daemon: ignored explicit argument '1'");
    assert_error("-DRx", "argument -R/--reload: ignored explicit argument 'x'");
}

static void takes_abbreviations(void **state)
{
    assert_int_equal(parse("--workers 2 --worker-c x --da"), CMDLINE_OK);
    assert_given("worker_class", "x");
    assert_given("daemon", "true");
    assert_int_equal(parse("--bi=x"), CMDLINE_OK);
    assert_error("--worker 3", "ambiguous option: --worker could match --workers, --worker-class");
    assert_error("--u=1", "ambiguous option: --u=1 could match --umask, --upload, --user");
}

/* --w was ambiguous between gunicorn's own; --work- is so only by our --work-time. */
static void additions_break_no_abbreviation(void **state)
{
    assert_int_equal(parse("--work-time 5"), CMDLINE_OK);
    assert_given("worker_time", "5");
    assert_int_equal(parse("--work-t 5"), CMDLINE_OK);
    assert_given("worker_time", "5");
    assert_error("--work 1", "ambiguous option: --work could match --workers, --worker-class, --work-time");
}

static void finds_the_operands(void **state)
{
    assert_int_equal(parse("app other -w 3"), CMDLINE_OK);
    assert_operands(2, "app");
    assert_int_equal(parse("-w 3 -- -app"), CMDLINE_OK);
    assert_operands(1, "-app");
    assert_int_equal(parse("- -w3"), CMDLINE_OK);
    assert_operands(1, "-");
    assert_int_equal(parse("-3"), CMDLINE_OK);
    assert_operands(1, "-3");
    assert_int_equal(parse("-x_y"), CMDLINE_OK);
    assert_operands(1, "-x y");
    assert_int_equal(parse(""), CMDLINE_OK);
    assert_operands(0, NULL);
    assert_error("app -w 3 other", "unrecognized arguments: other");
}

static void optional_arguments_have_a_constant(void **state)
{
    assert_int_equal(parse("--proxy -w3"), CMDLINE_OK);
    assert_given("proxy", "auto");
    assert_int_equal(parse("--proxy v1"), CMDLINE_OK);
    assert_given("proxy", "v1");
    assert_int_equal(parse("--proxy=off"), CMDLINE_OK);
    assert_given("proxy", "off");
}

static void refuses_what_is_wrong(void **state)
{
    assert_error("-w", "argument -w/--workers: expected one argument");
    assert_error("-w -D", "argument -w/--workers: expected one argument");
    assert_error("-w -- 3", "argument -w/--workers: expected one argument");
    assert_error("-w x", "argument -w/--workers: invalid int value: 'x'");
    assert_error("--workers=", "argument -w/--workers: invalid int value: ''");
    assert_int_equal(parse("-w 1000"), CMDLINE_OK); /* a number: its bounds are checked later */
}

static void suggests_the_nearest(void **state)
{
    assert_error("--wrokers=3 app", "unrecognized arguments: --wrokers=3 (did you mean --workers?)");
    assert_error("--hlep", "unrecognized arguments: --hlep (did you mean --help?)");
    assert_error("--deamon --bnid",
                 "unrecognized arguments: --deamon --bnid (did you mean --daemon, --bind?)");
    assert_error("--quite-different", "unrecognized arguments: --quite-different");
    assert_error("-x", "unrecognized arguments: -x");
}

static void answers_at_once(void **state)
{
    assert_int_equal(parse("-h -w x"), CMDLINE_HELP);
    assert_int_equal(parse("app --version"), CMDLINE_VERSION);
    assert_int_equal(parse("-Dv"), CMDLINE_VERSION);
    assert_int_equal(parse("--vers"), CMDLINE_VERSION);
    assert_error("-w x -h", "argument -w/--workers: invalid int value: 'x'");
}

static int reset(void **state)
{
    buf_done(&line.error);
    kit_reset();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_arguments_in_every_form),
        cmocka_unit_test(later_ones_win_and_lists_grow),
        cmocka_unit_test(takes_clusters),
        cmocka_unit_test(takes_abbreviations),
        cmocka_unit_test(additions_break_no_abbreviation),
        cmocka_unit_test(finds_the_operands),
        cmocka_unit_test(optional_arguments_have_a_constant),
        cmocka_unit_test(refuses_what_is_wrong),
        cmocka_unit_test(suggests_the_nearest),
        cmocka_unit_test(answers_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, reset);
}
