/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <errno.h>
#include <regex.h>
#include <sys/stat.h>

#include "base/log.h"
#include "scratch.h"

struct fixture {
    struct scratch scratch;
    struct log log;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    scratch_init(&fixture.scratch);
    log_init(&fixture.log, LOG_INFO);
    *state = &fixture;
    return log_open(&fixture.log, fixture.scratch.file);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    log_done(&fixture->log);
    scratch_done(&fixture->scratch);
    return 0;
}

static bool matches(const char *text, const char *pattern)
{
    regex_t regex;
    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    bool found = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return found;
}

/* What stands behind the prefix of the only line. */
static const char *message(const char *text)
{
    const char *end = strstr(text, "] [INFO] ");
    assert_non_null(end);
    return end + 9;
}

static void writes_gunicorns_prefix(void **state)
{
    struct fixture *f = *state;
    log_write(&f->log, LOG_WARNING, "worker %d of %s", 3, "five");
    AUTO_FREE char *text = scratch_read(f->scratch.file);
    char pattern[160];
    snprintf(pattern, sizeof(pattern),
             "^\\[[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4}\\] \\[%d\\] "
             "\\[WARNING\\] worker 3 of five\n$",
             (int)getpid());
    assert_true(matches(text, pattern));
}

static void drops_what_is_below_its_level(void **state)
{
    struct fixture *f = *state;
    log_write(&f->log, LOG_DEBUG, "unseen");
    log_text(&f->log, LOG_DEBUG, STR("unseen"));
    AUTO_FREE char *text = scratch_read(f->scratch.file);
    assert_string_equal(text, "");
    assert_true(log_is_on(&f->log, LOG_INFO));
    assert_false(log_is_on(&f->log, LOG_DEBUG));
}

static void escapes_what_would_forge_lines(void **state)
{
    struct fixture *f = *state;
    log_write(&f->log, LOG_INFO, "a%sb\tc", "\r\n[2026] forged \x1b[2J\x7f");
    AUTO_FREE char *text = scratch_read(f->scratch.file);
    assert_string_equal(message(text), "a\\x0d\\x0a[2026] forged \\x1b[2J\\x7f"
                                       "b\tc\n");
}

static void writes_long_messages_whole(void **state)
{
    struct fixture *f = *state;
    char long_text[20000];
    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    log_write(&f->log, LOG_INFO, "%s", long_text);
    AUTO_FREE char *text = scratch_read(f->scratch.file);
    assert_int_equal(strspn(message(text), "x"), sizeof(long_text) - 1);
}

/* A traceback keeps its line ends, and gets one only if it has none at its end. */
static void writes_text_as_it_is(void **state)
{
    struct fixture *f = *state;
    log_text(&f->log, LOG_INFO, STR("Traceback:\n  one\n"));
    AUTO_FREE char *text = scratch_read(f->scratch.file);
    assert_string_equal(message(text), "Traceback:\n  one\n");
    log_text(&f->log, LOG_ERROR, STR("last"));
    AUTO_FREE char *more = scratch_read(f->scratch.file);
    assert_true(matches(more, "\\[ERROR\\] last\n$"));
}

static void appends_and_reopens(void **state)
{
    struct fixture *f = *state;
    log_write(&f->log, LOG_INFO, "before");
    char moved[96];
    snprintf(moved, sizeof(moved), "%s/moved", f->scratch.dir);
    assert_int_equal(rename(f->scratch.file, moved), 0);
    log_write(&f->log, LOG_INFO, "still the old file");
    assert_int_equal(log_reopen(&f->log), 0);
    log_write(&f->log, LOG_INFO, "after");
    assert_int_equal(log_reopen(&f->log), 0);
    log_write(&f->log, LOG_INFO, "again");
    AUTO_FREE char *old = scratch_read(moved), *new = scratch_read(f->scratch.file);
    assert_non_null(strstr(old, "before"));
    assert_non_null(strstr(old, "still the old file"));
    assert_true(matches(new, "\\] after\n.*\\] again\n$"));
    unlink(moved);
}

static void stays_as_it_was_when_opening_fails(void **state)
{
    struct fixture *f = *state;
    char path[96];
    snprintf(path, sizeof(path), "%s/none/file", f->scratch.dir);
    assert_int_equal(log_open(&f->log, path), -ENOENT);
    log_write(&f->log, LOG_INFO, "here");
    AUTO_FREE char *text = scratch_read(f->scratch.file);
    assert_string_equal(message(text), "here\n");
}

static void dash_is_standard_error(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(log_open(&f->log, "-"), 0);
    assert_int_equal(f->log.fd, STDERR_FILENO);
    assert_null(f->log.path);
    assert_int_equal(log_reopen(&f->log), 0);
    assert_int_equal(log_chown(&f->log, getuid(), getgid()), 0);
}

static void gives_its_file_away(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(log_chown(&f->log, getuid(), getgid()), 0);
    struct stat st;
    assert_int_equal(stat(f->scratch.file, &st), 0);
    assert_int_equal(st.st_uid, getuid());
    assert_int_equal(st.st_mode & 07777 & ~0644, 0);
}

static void knows_the_levels(void **state)
{
    enum log_level level;
    for (int i = LOG_DEBUG; i <= LOG_CRITICAL; i++) {
        assert_true(log_level_parse(str_of(log_level_name((enum log_level)i)), &level));
        assert_int_equal(level, i);
    }
    assert_true(log_level_parse(STR("warn"), &level) && level == LOG_WARNING);
    assert_true(log_level_parse(STR("Info"), &level) && level == LOG_INFO);
    assert_false(log_level_parse(STR("loud"), &level));
    assert_false(log_level_parse(STR(""), &level));
}

#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FILE(writes_gunicorns_prefix),
        WITH_FILE(drops_what_is_below_its_level),
        WITH_FILE(escapes_what_would_forge_lines),
        WITH_FILE(writes_long_messages_whole),
        WITH_FILE(writes_text_as_it_is),
        WITH_FILE(appends_and_reopens),
        WITH_FILE(stays_as_it_was_when_opening_fails),
        WITH_FILE(dash_is_standard_error),
        WITH_FILE(gives_its_file_away),
        cmocka_unit_test(knows_the_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
