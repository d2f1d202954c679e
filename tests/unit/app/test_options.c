/* SPDX-License-Identifier: MIT */
/* The rows of galley's settings, each in turn, and what holds between several. */
#include "unit.h"

#include "app/options.h"
#include "conf/cmdline.h"
#include "conf/help.h"

enum { GUNICORN_SETTINGS = 120, OWN_SETTINGS = 6 };

static struct settings settings;

static void start(void)
{
    struct diag diag;
    arena_done(&settings.arena);
    settings = (struct settings){ .arena = { .block_size = 8192 } };
    assert_true(option_set_init(&settings.values, &galley_options, &settings.arena, &diag));
}

static void assign(const char *name, const char *text)
{
    struct diag diag;
    struct raw raw = { .kind = RAW_TEXT, .text = text };
    const struct option *row = option_find(&galley_options, str_of(name));
    assert_non_null(row);
    assert_true(
        option_set_assign(&settings.values, row, &raw, (struct origin){ ORIGIN_FILE, "a.py" }, &diag));
}

static void assert_settles(void)
{
    struct buf error = { 0 };
    if (!options_settle(&settings, &error))
        fail_msg("%s", buf_text(&error));
}

static void assert_refused(const char *wanted)
{
    struct buf error = { 0 };
    assert_false(options_settle(&settings, &error));
    assert_string_equal(buf_text(&error), wanted);
    buf_done(&error);
}

static void every_row_is_complete(void **state)
{
    assert_int_equal(galley_options.count, GUNICORN_SETTINGS + OWN_SETTINGS);
    for (size_t i = 0; i < galley_options.count; i++) {
        const struct option *row = &galley_options.rows[i];
        assert_non_null(row->name);
        assert_non_null(row->section);
        assert_non_null(row->type);
        assert_true(str_ends(str_of(row->doc), STR(".")));
        assert_true(option_summary(row).len > 4);
        assert_int_equal(row->type == &type_choice, row->choices != NULL);
        if (option_is_supported(row))
            assert_non_null(row->type->store);
        if (option_is_supported(row) && row->cli && option_takes_argument(row))
            assert_non_null(row->metavar);
    }
}

static void no_name_or_flag_is_there_twice(void **state)
{
    for (size_t i = 0; i < galley_options.count; i++) {
        const struct option *row = &galley_options.rows[i];
        assert_ptr_equal(option_find(&galley_options, str_of(row->name)), row);
        str cursor = str_of(row->cli);
        while (cursor.p) {
            str flag = option_next_flag(&cursor);
            assert_true(str_starts(flag, STR("--")) ? flag.len > 3 : flag.len == 2);
            assert_str_equal(option_nearest_flag(&galley_options, flag), flag);
            assert_false(str_eq(flag, STR("-h")) || str_eq(flag, STR("-v")));
        }
    }
}

/* A value that the row's type takes. */
static const char *sample(const struct option *row)
{
    if (row->type == &type_env)
        return "A=b";
    if (row->type == &type_user || row->type == &type_group)
        return "0";
    return row->def && row->def[0] ? row->def : "x";
}

static void every_flag_is_understood(void **state)
{
    start();
    for (size_t i = 0; i < galley_options.count; i++) {
        const struct option *row = &galley_options.rows[i];
        str cursor = str_of(row->cli);
        while (cursor.p) {
            const char *words[] = { arena_copy(&settings.arena, option_next_flag(&cursor)).p, sample(row) };
            struct string_list list = { words, option_takes_argument(row) ? 2 : 1 };
            struct cmdline line;
            struct buf error = { 0 };
            assert_int_equal(cmdline_parse(&line, &galley_options, &settings.arena, &list, &error),
                             CMDLINE_OK);
            assert_non_null(line.given[i]);
            struct diag diag;
            assert_true(option_set_assign(&settings.values, row, line.given[i],
                                          (struct origin){ ORIGIN_COMMAND_LINE, NULL }, &diag));
        }
    }
}

static void defaults_are_gunicorns(void **state)
{
    unsetenv("PORT");
    unsetenv("WEB_CONCURRENCY");
    start();
    assert_settles();
    assert_int_equal(settings.bind.count, 1);
    assert_string_equal(settings.bind.items[0], "127.0.0.1:8000");
    assert_int_equal(settings.backlog, 2048);
    assert_int_equal(settings.workers, 1);
    assert_string_equal(settings.worker_class, "sync");
    assert_int_equal(settings.threads, 1);
    assert_int_equal(settings.worker_connections, 1000);
    assert_int_equal(settings.timeout_s, 30);
    assert_int_equal(settings.graceful_timeout_s, 30);
    assert_int_equal(settings.keepalive_s, 2);
    assert_int_equal(settings.limit_request_line, 4094);
    assert_int_equal(settings.limit_request_fields, 100);
    assert_int_equal(settings.limit_request_field_size, 8190);
    assert_int_equal(settings.limit_request_body, 1 << 30);
    assert_int_equal(settings.body_buffer_size, 64 << 10);
    assert_int_equal(settings.output_buffer_size, 1 << 20);
    assert_int_equal(settings.loglevel, LOG_INFO);
    assert_int_equal(settings.uid, geteuid());
    assert_null(settings.accesslog);
    assert_string_equal(settings.errorlog, "-");
    assert_null(settings.app);
}

static void kinds_of_worker_have_many_names(void **state)
{
    const char *const names[][2] = {
        { "sync", "sync" },
        { "gthread", "gthread" },
        { "egg:gunicorn#sync", "sync" },
        { "egg:gunicorn#gthread", "gthread" },
        { "gunicorn.workers.sync.SyncWorker", "sync" },
        { "gunicorn.workers.gthread.ThreadWorker", "gthread" },
    };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        start();
        assign("worker_class", names[i][0]);
        assert_settles();
        assert_string_equal(settings.worker_class, names[i][1]);
    }
    start();
    assign("worker_class", "uvicorn.workers.UvicornWorker");
    assert_refused(
        "setting 'worker_class' (-k/--worker-class): 'uvicorn.workers.UvicornWorker', from a.py, is "
        "not supported yet (allowed: sync, gthread)");
    start();
    assign("worker_class", "snyc");
    assert_refused("setting 'worker_class' (-k/--worker-class): 'snyc', from a.py, is not a kind of worker "
                   "(allowed: sync, gthread)");
}

static void more_threads_make_sync_gthread(void **state)
{
    start();
    assign("threads", "4");
    assert_settles();
    assert_string_equal(settings.worker_class, "gthread");
    start();
    assign("threads", "0");
    assert_settles();
    assert_int_equal(settings.threads, 1);
    assert_string_equal(settings.worker_class, "sync");
}

static void the_operand_goes_before_wsgi_app(void **state)
{
    start();
    assign("wsgi_app", "file:app");
    assert_settles();
    assert_string_equal(settings.app, "file:app");
    start();
    assign("wsgi_app", "file:app");
    settings.app = "line:app";
    assert_settles();
    assert_string_equal(settings.app, "line:app");
}

static void what_is_not_supported_is_refused(void **state)
{
    start();
    assign("preload_app", "false");
    assert_settles();
    start();
    assign("statsd_host", "localhost:8125");
    assert_refused("setting 'statsd_host' (--statsd-host): not supported yet (it comes from a.py)");
}

static void zero_fields_means_the_most(void **state)
{
    start();
    assign("limit_request_fields", "0");
    assert_settles();
    assert_int_equal(settings.limit_request_fields, 32768);
}

static void tells_where_a_value_came_from(void **state)
{
    struct buf text = { 0 };
    start();
    assign("bind", "unix:/run/x");
    assert_string_equal(options_origin(&settings, "bind", &text), "a.py");
    assert_string_equal(options_origin(&settings, "workers", &text), "the defaults");
    buf_done(&text);
}

static void help_fits_a_terminal(void **state)
{
    struct buf text = { 0 };
    help_print(&galley_options, "galley", "[OPTIONS] [APP_MODULE]", &text);
    str rest = buf_str(&text);
    while (rest.p)
        assert_true(str_split(&rest, '\n').len <= 80);
    for (size_t i = 0; i < galley_options.count; i++) {
        str flag = option_long_flag(&galley_options.rows[i]);
        assert_true(!flag.p || strstr(buf_text(&text), arena_copy(&settings.arena, flag).p));
    }
    buf_done(&text);
}

static int reset(void **state)
{
    arena_done(&settings.arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_complete),
        cmocka_unit_test(no_name_or_flag_is_there_twice),
        cmocka_unit_test(every_flag_is_understood),
        cmocka_unit_test(defaults_are_gunicorns),
        cmocka_unit_test(kinds_of_worker_have_many_names),
        cmocka_unit_test(more_threads_make_sync_gthread),
        cmocka_unit_test(the_operand_goes_before_wsgi_app),
        cmocka_unit_test(what_is_not_supported_is_refused),
        cmocka_unit_test(zero_fields_means_the_most),
        cmocka_unit_test(tells_where_a_value_came_from),
        cmocka_unit_test(help_fits_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, reset);
}
