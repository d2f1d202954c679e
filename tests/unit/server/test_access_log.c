/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "finished.h"
#include "scratch.h"
#include "server/access_log.h"

static struct finished finished;
static struct scratch scratch;

static int set_up(void **state)
{
    int error = finished_init(&finished);
    if (!error) {
        finished_set_request(&finished, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        scratch_init(&scratch);
    }
    return error;
}

static int tear_down(void **state)
{
    finished_done(&finished);
    scratch_done(&scratch);
    return 0;
}

static struct access_log *open_log(const char *path, const char *format)
{
    const char *why = "";
    struct access_log *log = access_log_open(&finished.loop, path, format, &why);
    if (!log)
        fail_msg("%s: %s", path, why);
    return log;
}

/* %(B)s of such a line is `number`. */
static void write_line(struct access_log *log, int64_t number)
{
    finished.exchange->body_sent = number;
    access_log_write(log, finished.exchange);
}

static void assert_file(const char *want)
{
    AUTO_FREE char *text = scratch_read(scratch.file);
    assert_non_null(text);
    assert_string_equal(text, want);
}

static void gathers_lines_until_the_turn_ends(void **state)
{
    struct access_log *log = open_log(scratch.file, "%(m)s %(B)s");
    write_line(log, 1);
    write_line(log, 2);
    assert_file("");
    loop_run_tasks(&finished.loop);
    assert_file("GET 1\nGET 2\n");
    write_line(log, 3);
    access_log_close(log);
    assert_file("GET 1\nGET 2\nGET 3\n");
    assert_true(list_is_empty(&finished.loop.deferred));
}

static void appends_to_what_is_there(void **state)
{
    access_log_close(open_log(scratch.file, "x"));
    assert_file("");
    for (int i = 1; i <= 2; i++) {
        struct access_log *log = open_log(scratch.file, "%(B)s");
        write_line(log, i);
        access_log_close(log);
    }
    assert_file("1\n2\n");
}

static void does_not_gather_too_much(void **state)
{
    struct access_log *log = open_log(scratch.file, "%(B)1000d");
    struct stat st;
    for (int i = 0; i < 100; i++)
        write_line(log, i);
    assert_int_equal(stat(scratch.file, &st), 0);
    assert_int_equal(st.st_size, 66 * 1001);
    access_log_close(log);
    assert_int_equal(stat(scratch.file, &st), 0);
    assert_int_equal(st.st_size, 100 * 1001);
}

static void reopens_after_rotation(void **state)
{
    struct access_log *log = open_log(scratch.file, "%(B)s");
    char moved[96];
    snprintf(moved, sizeof(moved), "%s/moved", scratch.dir);
    write_line(log, 1);
    assert_int_equal(rename(scratch.file, moved), 0);
    assert_int_equal(access_log_reopen(log), 0);
    write_line(log, 2);
    access_log_close(log);
    AUTO_FREE char *old = scratch_read(moved);
    assert_string_equal(old, "1\n");
    assert_file("2\n");
    unlink(moved);
}

static void keeps_the_old_file_when_reopening_fails(void **state)
{
    struct access_log *log = open_log(scratch.file, "%(B)s");
    char moved[96];
    snprintf(moved, sizeof(moved), "%s/moved", scratch.dir);
    assert_int_equal(rename(scratch.file, moved), 0);
    assert_int_equal(mkdir(scratch.file, 0700), 0);
    assert_int_equal(access_log_reopen(log), -EISDIR);
    write_line(log, 1);
    access_log_close(log);
    AUTO_FREE char *old = scratch_read(moved);
    assert_string_equal(old, "1\n");
    unlink(moved);
    rmdir(scratch.file);
}

static void says_why_it_cannot_open(void **state)
{
    char path[96];
    const char *why = "";
    snprintf(path, sizeof(path), "%s/none/file", scratch.dir);
    assert_null(access_log_open(&finished.loop, path, "%(h)s", &why));
    assert_string_equal(why, "No such file or directory");
    assert_null(access_log_open(&finished.loop, scratch.dir, "%(h)s", &why));
    assert_string_equal(why, "Is a directory");
    assert_null(access_log_open(&finished.loop, scratch.file, "%(h)d", &why));
    assert_string_equal(why, "%(h)d: this atom is text: its conversion is s");
    access_log_close(NULL);
}

static void checks_formats(void **state)
{
    const char *why = "";
    assert_true(access_log_format_check("%(h)s \"%(r)s\" %({X-Y}i)s %(D)08d 100%%", &why));
    assert_string_equal(why, "");
    assert_false(access_log_format_check("%(h", &why));
    assert_string_equal(why, "%(h: the ( is never closed");
}

static void names_environ_variables(void **state)
{
    const char *const *names;
    struct access_log *log = open_log(scratch.file, "%({HTTP_X}e)s %(h)s %({my.key}e)s");
    assert_int_equal(access_log_environ_names(log, &names), 2);
    assert_string_equal(names[0], "HTTP_X");
    assert_string_equal(names[1], "my.key");
    access_log_close(log);
}

/* Standard output is a file for the time of the call. */
static void dash_is_standard_output(void **state)
{
    fflush(stdout);
    int saved = dup(STDOUT_FILENO), fd = open(scratch.file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    dup2(fd, STDOUT_FILENO);
    struct access_log *log = open_log("-", "%(B)s");
    write_line(log, 1);
    int error = access_log_reopen(log);
    write_line(log, 2);
    access_log_close(log);
    bool is_open = fcntl(STDOUT_FILENO, F_GETFD) >= 0;
    dup2(saved, STDOUT_FILENO);
    close(saved);
    close(fd);
    assert_int_equal(error, 0);
    assert_true(is_open);
    assert_file("1\n2\n");
}

/* The disk is full in the middle of the third line. Later that line ends, and nothing is torn. */
static void drops_whole_lines_when_the_disk_is_full(void **state)
{
    struct rlimit saved, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &saved), 0);
    small = (struct rlimit){ .rlim_cur = 25, .rlim_max = saved.rlim_max };
    signal(SIGXFSZ, SIG_IGN);
    struct access_log *log = open_log(scratch.file, "%(B)09d");
    for (int i = 1; i <= 6; i++)
        write_line(log, i);
    setrlimit(RLIMIT_FSIZE, &small);
    loop_run_tasks(&finished.loop);
    write_line(log, 7);
    loop_run_tasks(&finished.loop);
    setrlimit(RLIMIT_FSIZE, &saved);
    assert_int_equal(access_log_dropped(log), 4);
    write_line(log, 8);
    loop_run_tasks(&finished.loop);
    assert_file("000000001\n000000002\n000000003\n000000008\n");
    assert_int_equal(access_log_dropped(log), 4);
    access_log_close(log);
}

static void drops_lines_that_nobody_takes(void **state)
{
    struct access_log *log = open_log("/dev/full", "%(B)s");
    for (int i = 0; i < 3; i++)
        write_line(log, i);
    loop_run_tasks(&finished.loop);
    assert_int_equal(access_log_dropped(log), 3);
    access_log_close(log);
}

static void refuses_a_fifo_without_a_reader(void **state)
{
    const char *why = "";
    assert_int_equal(mkfifo(scratch.file, 0600), 0);
    assert_null(access_log_open(&finished.loop, scratch.file, "x", &why));
    assert_string_equal(why, "No such device or address");
}

/* The numbers of the lines that are in the pipe; they must be whole. */
static int read_numbers(int fd, int64_t *numbers, int most)
{
    struct buf text = { 0 };
    ssize_t n;
    while ((n = read(fd, buf_reserve(&text, 65536), 65536)) > 0)
        text.len += (size_t)n;
    str rest = buf_str(&text);
    int count = 0;
    while (rest.len && count < most) {
        str one = str_split(&rest, '\n');
        assert_int_equal(one.len, 100);
        numbers[count++] = strtoll(one.p, NULL, 10);
    }
    assert_int_equal(rest.len, 0);
    buf_done(&text);
    return count;
}

static void waits_for_a_slow_reader_without_blocking(void **state)
{
    enum { LINES = 3000 };
    static int64_t numbers[LINES];
    assert_int_equal(mkfifo(scratch.file, 0600), 0);
    int fd = open(scratch.file, O_RDONLY | O_NONBLOCK | O_CLOEXEC), count = 0;
    struct access_log *log = open_log(scratch.file, "%(B)0100d");
    for (int i = 0; i < LINES; i++) {
        write_line(log, i);
        if (i % 100 == 99)
            loop_run_tasks(&finished.loop);
    }
    assert_int_equal(access_log_dropped(log), 0);
    while (count < LINES) {
        int more = read_numbers(fd, numbers + count, LINES - count);
        count += more;
        assert_true(more > 0);
        if (count < LINES)
            loop_turn(&finished.loop, -1);
    }
    for (int i = 0; i < LINES; i++)
        assert_int_equal(numbers[i], i);
    access_log_close(log);
    close(fd);
}

/* A reader that hangs costs lines, not memory. */
static void bounds_what_waits(void **state)
{
    enum { LINES = 30000 };
    static int64_t numbers[LINES];
    assert_int_equal(mkfifo(scratch.file, 0600), 0);
    int fd = open(scratch.file, O_RDONLY | O_NONBLOCK | O_CLOEXEC), count = 0, more;
    struct access_log *log = open_log(scratch.file, "%(B)0100d");
    for (int i = 0; i < LINES; i++)
        write_line(log, i);
    uint64_t dropped = access_log_dropped(log);
    assert_true(dropped > 0);
    fcntl(fd, F_SETPIPE_SZ, 1 << 20); /* makes the rest faster */
    while ((more = read_numbers(fd, numbers + count, LINES - count)) > 0) {
        count += more;
        loop_turn(&finished.loop, 300);
    }
    assert_int_equal(access_log_dropped(log), dropped);
    assert_int_equal(count + (int)dropped, LINES);
    access_log_close(log);
    close(fd);
}

/* The reader has gone for good. */
static void survives_a_broken_pipe(void **state)
{
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(mkfifo(scratch.file, 0600), 0);
    int fd = open(scratch.file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct access_log *log = open_log(scratch.file, "x");
    close(fd);
    write_line(log, 1);
    loop_run_tasks(&finished.loop);
    assert_int_equal(access_log_dropped(log), 1);
    access_log_close(log);
}

#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FILE(gathers_lines_until_the_turn_ends),
        WITH_FILE(appends_to_what_is_there),
        WITH_FILE(does_not_gather_too_much),
        WITH_FILE(reopens_after_rotation),
        WITH_FILE(keeps_the_old_file_when_reopening_fails),
        WITH_FILE(says_why_it_cannot_open),
        WITH_FILE(checks_formats),
        WITH_FILE(names_environ_variables),
        WITH_FILE(dash_is_standard_output),
        WITH_FILE(drops_whole_lines_when_the_disk_is_full),
        WITH_FILE(drops_lines_that_nobody_takes),
        WITH_FILE(refuses_a_fifo_without_a_reader),
        WITH_FILE(waits_for_a_slow_reader_without_blocking),
        WITH_FILE(bounds_what_waits),
        WITH_FILE(survives_a_broken_pipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
