/* SPDX-License-Identifier: MIT */
#include "conf/kit.h"

#include "conf/shellwords.h"

static struct string_list words;
static const char *why;

static size_t split(const char *text)
{
    assert_true(shellwords_split(kit_arena(), text, &words, &why));
    return words.count;
}

static void splits_at_white_space(void **state)
{
    assert_int_equal(split(""), 0);
    assert_int_equal(split(" \t\n "), 0);
    assert_int_equal(split("  -w  4\t--name=x "), 3);
    assert_string_equal(words.items[0], "-w");
    assert_string_equal(words.items[1], "4");
    assert_string_equal(words.items[2], "--name=x");
}

static void honours_quotes(void **state)
{
    assert_int_equal(split("'a b' \"c 'd'\" e\"f g\"'h'"), 3);
    assert_string_equal(words.items[0], "a b");
    assert_string_equal(words.items[1], "c 'd'");
    assert_string_equal(words.items[2], "ef gh");
    assert_int_equal(split("'' \"\""), 2);
    assert_string_equal(words.items[1], "");
}

static void honours_backslashes(void **state)
{
    assert_int_equal(split("a\\ b '\\n' \"\\\"\\\\\\n\""), 3);
    assert_string_equal(words.items[0], "a b");
    assert_string_equal(words.items[1], "\\n");
    assert_string_equal(words.items[2], "\"\\\\n");
}

static void refuses_what_is_not_closed(void **state)
{
    assert_false(shellwords_split(kit_arena(), "-w 'a", &words, &why));
    assert_string_equal(why, "a quotation is not closed");
    assert_false(shellwords_split(kit_arena(), "\"a\\", &words, &why));
    assert_string_equal(why, "a quotation is not closed");
    assert_false(shellwords_split(kit_arena(), "a\\", &words, &why));
    assert_string_equal(why, "nothing follows the last backslash");
}

static int reset(void **state)
{
    kit_reset();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_at_white_space),
        cmocka_unit_test(honours_quotes),
        cmocka_unit_test(honours_backslashes),
        cmocka_unit_test(refuses_what_is_not_closed),
    };
    return cmocka_run_group_tests(tests, NULL, reset);
}
