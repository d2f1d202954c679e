/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "io/tempfile.h"

static void has_no_name_and_keeps_bytes(void **state)
{
    AUTO_CLOSE int fd = tempfile_open(NULL);
    assert_true(fd >= 0);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_nlink, 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    char back[3];
    assert_int_equal(write(fd, "abc", 3), 3);
    assert_int_equal(pread(fd, back, 3, 0), 3);
    assert_memory_equal(back, "abc", 3);
}

static void follows_the_directory(void **state)
{
    char dir[] = "/tmp/galley-tempfile-XXXXXX";
    assert_non_null(mkdtemp(dir));
    setenv("TMPDIR", dir, 1);
    struct stat here, there;
    for (int i = 0; i < 2; i++) {
        AUTO_CLOSE int fd = tempfile_open(i ? dir : NULL);
        assert_true(fd >= 0);
        assert_int_equal(fstat(fd, &here), 0);
        assert_int_equal(stat(dir, &there), 0);
        assert_int_equal(here.st_dev, there.st_dev);
    }
    unsetenv("TMPDIR");
    assert_int_equal(rmdir(dir), 0); /* nothing was left in it */
    assert_int_equal(tempfile_open(dir), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_no_name_and_keeps_bytes),
        cmocka_unit_test(follows_the_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
