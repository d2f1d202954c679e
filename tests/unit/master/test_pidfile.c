/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "master/pidfile.h"

static char dir[64];
static char path[80];

static int make_dir(void **state)
{
    strcpy(dir, "/tmp/galley-pidfile-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof(path), "%s/pid", dir);
    return 0;
}

static int remove_dir(void **state)
{
    unlink(path);
    return rmdir(dir); /* fails if something else was left behind */
}

static void put(const char *text)
{
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void writes_a_number_and_a_line_end(void **state)
{
    put("something much longer that was there before\n");
    assert_int_equal(pidfile_write(path, 12345), 0);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    char text[16];
    assert_int_equal(read(fd, text, sizeof(text)), 6);
    assert_memory_equal(text, "12345\n", 6);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
}

static pid_t dead_pid(void)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    return pid;
}

static void knows_whether_the_owner_lives(void **state)
{
    assert_int_equal(pidfile_owner(path), 0);
    assert_int_equal(pidfile_write(path, getpid()), 0);
    assert_int_equal(pidfile_owner(path), getpid());
    assert_int_equal(pidfile_write(path, dead_pid()), 0);
    assert_int_equal(pidfile_owner(path), 0);
    static const char *const no_numbers[] = { "", "\n", "x", "-1", "0", "12 34", "99999999999999999999" };
    for (size_t i = 0; i < COUNT_OF(no_numbers); i++) {
        put(no_numbers[i]);
        assert_int_equal(pidfile_owner(path), 0);
    }
}

static void removes_only_its_own(void **state)
{
    assert_int_equal(pidfile_write(path, 4711), 0);
    pidfile_remove(path, 4712);
    assert_int_equal(access(path, F_OK), 0);
    pidfile_remove(path, 4711);
    assert_int_equal(access(path, F_OK), -1);
    pidfile_remove(path, 4711);
}

static void reports_errors(void **state)
{
    char below[100];
    snprintf(below, sizeof(below), "%s/none/pid", dir);
    assert_int_equal(pidfile_write(below, 1), -ENOENT);
    assert_int_equal(pidfile_owner(dir), -EISDIR);
    assert_true(pidfile_write(dir, 1) < 0);
}

int main(void)
{
#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)
    const struct CMUnitTest tests[] = {
        IN_DIR(writes_a_number_and_a_line_end),
        IN_DIR(knows_whether_the_owner_lives),
        IN_DIR(removes_only_its_own),
        IN_DIR(reports_errors),
    };
#undef IN_DIR
    return cmocka_run_group_tests(tests, NULL, NULL);
}
