/* SPDX-License-Identifier: MIT */
#include "conf/kit.h"

#include <stdio.h>

#include "conf/directory.h"

static char root[] = "/tmp/galley-directory-XXXXXX";

static const char *absolute(const char *path)
{
    return directory_absolute(kit_arena(), str_of(path));
}

static void cleans_absolute_paths(void **state)
{
    assert_string_equal(absolute("/a/b"), "/a/b");
    assert_string_equal(absolute("//a/./b//"), "/a/b");
    assert_string_equal(absolute("/a/../b"), "/b");
    assert_string_equal(absolute("/../.."), "/");
    assert_string_equal(absolute("/"), "/");
}

static void starts_at_the_current_directory(void **state)
{
    char wanted[64];
    snprintf(wanted, sizeof(wanted), "%s/x", root);
    assert_int_equal(chdir(root), 0);
    setenv("PWD", "/usr", 1); /* a lie is not believed */
    assert_string_equal(directory_current(kit_arena()), root);
    assert_string_equal(absolute("x"), wanted);
    assert_string_equal(absolute("./y/../x"), wanted);
    assert_string_equal(absolute("../../../usr"), "/usr");
}

static void keeps_links_that_the_shell_followed(void **state)
{
    char link_path[64];
    snprintf(link_path, sizeof(link_path), "%s/current", root);
    assert_int_equal(symlink(root, link_path), 0);
    assert_int_equal(chdir(link_path), 0);
    setenv("PWD", link_path, 1);
    assert_string_equal(directory_current(kit_arena()), link_path);
    unlink(link_path);
}

static int make_root(void **state)
{
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
    kit_reset();
    return rmdir(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cleans_absolute_paths),
        cmocka_unit_test(starts_at_the_current_directory),
        cmocka_unit_test(keeps_links_that_the_shell_followed),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
