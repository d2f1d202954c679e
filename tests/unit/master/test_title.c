/* SPDX-License-Identifier: MIT */
#include "child.h"

#include <fcntl.h>

#include "master/title.h"

static size_t read_proc(const char *path, char *text, size_t size)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, text, size - 1);
    text[n > 0 ? n : 0] = '\0';
    return n > 0 ? (size_t)n : 0;
}

static int body_sets_and_changes(void)
{
    char before[4096], text[4096];
    size_t room = read_proc("/proc/self/cmdline", before, sizeof(before));
    title_set("kitchen", "master", "a:b");
    size_t len = read_proc("/proc/self/cmdline", text, sizeof(text));
    const char *want = "kitchen: master [a:b]";
    CHILD_CHECK(len == room);
    CHILD_CHECK(strncmp(text, want, size_min(strlen(want), room - 1)) == 0);
    for (size_t i = strlen(want); i < len; i++) /* nothing of the old arguments shows */
        CHILD_CHECK(text[i] == '\0');
    read_proc("/proc/self/comm", text, sizeof(text));
    CHILD_CHECK(strcmp(text, "kitchen\n") == 0);
    title_set("k", "w", NULL);
    read_proc("/proc/self/cmdline", text, sizeof(text));
    CHILD_CHECK(strcmp(text, "k: w") == 0);
    return 0;
}

static void shows_in_proc(void **state)
{
    assert_int_equal(run_in_child(body_sets_and_changes), 0);
}

static int body_sets_a_long_one(void)
{
    char before[4096], text[4096], title[2000];
    size_t room = read_proc("/proc/self/cmdline", before, sizeof(before));
    memset(title, 't', sizeof(title) - 1);
    title[sizeof(title) - 1] = '\0';
    title_set("p", "r", title);
    size_t len = read_proc("/proc/self/cmdline", text, sizeof(text));
    CHILD_CHECK(len == room);
    CHILD_CHECK(strncmp(text, "p: r [ttt", size_min(9, room - 1)) == 0);
    CHILD_CHECK(text[len - 1] == '\0');
    CHILD_CHECK(getenv("PATH") || getenv("HOME") || getenv("PWD")); /* the environment behind it stays */
    return 0;
}

static void is_cut_to_the_room_there_is(void **state)
{
    setenv("PWD", "/", 0);
    assert_int_equal(run_in_child(body_sets_a_long_one), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_in_proc),
        cmocka_unit_test(is_cut_to_the_room_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
