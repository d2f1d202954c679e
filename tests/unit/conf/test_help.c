/* SPDX-License-Identifier: MIT */
#include "conf/kit.h"

#include "conf/help.h"

static struct buf text;

static void assert_has(const char *part)
{
    if (!strstr(buf_text(&text), part))
        fail_msg("not in the text: %s", part);
}

static void assert_lines_fit(size_t width)
{
    str rest = buf_str(&text);
    while (rest.p)
        assert_true(str_split(&rest, '\n').len <= width);
}

static void prints_help_by_section(void **state)
{
    text.len = 0;
    help_print(&kit_table, "galley", "[OPTIONS]", &text);
    assert_has("usage: galley [OPTIONS]\n\nOptions:\n  -h, --help                Show this help and exit\n");
    assert_has("\nProcesses:\n  -w, --workers INT         Worker processes [1, or from $KIT_WORKERS]\n");
    assert_has("  -D, --daemon              Run in the background\n");
    assert_has("  --proxy [VALUE]           Expect a PROXY header [off]\n");
    assert_has("\nKnown but not supported yet: --worker-class --reload");
    assert_null(strstr(buf_text(&text), "Hook"));
    assert_lines_fit(80);
}

static void prints_the_reference_page(void **state)
{
    text.len = 0;
    reference_print(&kit_table, &text);
    assert_has("\n## Processes\n\n### workers\n\n- Command line: `-w`, `--workers` followed by INT\n"
               "- Type: int, from 0 to 64\n- Default: `1`, or `$KIT_WORKERS` where that variable is set\n\n"
               "Worker processes. One a processor is a good start.\n");
    assert_has("- Default: `127.0.0.1:8000`, or `0.0.0.0:$KIT_PORT` where that variable is set\n");
    assert_has("`-b`, `--bind` followed by ADDRESS; may be repeated\n");
    assert_has("- Type: word, one of: off v1 auto\n");
    assert_has("| `reload` | `--reload` | Restart workers when code changes |\n");
    assert_has("| `on_exit` |  | Hook |\n");
}

static int reset(void **state)
{
    buf_done(&text);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_help_by_section),
        cmocka_unit_test(prints_the_reference_page),
    };
    return cmocka_run_group_tests(tests, NULL, reset);
}
