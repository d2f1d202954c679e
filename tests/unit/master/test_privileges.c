/* SPDX-License-Identifier: MIT */
#include "child.h"

#include <errno.h>

#include "master/privileges.h"

enum { NOBODY = 65534, SOME_GROUP = 54321 };

static int body_same_ids(void)
{
    CHILD_CHECK(privileges_drop(geteuid(), getegid(), true) == 0);
    CHILD_CHECK(privileges_drop((uid_t)-1, (gid_t)-1, false) == 0);
    return 0;
}

static void own_ids_change_nothing(void **state)
{
    assert_int_equal(run_in_child(body_same_ids), 0);
}

static int body_drop(bool init_groups)
{
    CHILD_CHECK(privileges_drop(NOBODY, SOME_GROUP, init_groups) == 0);
    uid_t r, e, s;
    gid_t rg, eg, sg;
    CHILD_CHECK(getresuid(&r, &e, &s) == 0 && r == NOBODY && e == NOBODY && s == NOBODY);
    CHILD_CHECK(getresgid(&rg, &eg, &sg) == 0 && rg == SOME_GROUP && eg == SOME_GROUP && sg == SOME_GROUP);
    CHILD_CHECK(setuid(0) < 0 && setgid(0) < 0);
    gid_t groups[64];
    int n = getgroups(COUNT_OF(groups), groups);
    CHILD_CHECK(n >= 1);
    for (int i = 0; i < n; i++)
        CHILD_CHECK(groups[i] != 0); /* none of root's */
    return n;
}

static int body_drop_plainly(void)
{
    return body_drop(false) == 1 ? 0 : 98;
}

static int body_drop_with_groups(void)
{
    return body_drop(true) >= 1 ? 0 : 98;
}

static void root_is_given_up_for_good(void **state)
{
    if (geteuid() != 0)
        skip();
    assert_int_equal(run_in_child(body_drop_plainly), 0);
    assert_int_equal(run_in_child(body_drop_with_groups), 0);
}

static int body_unknown_user(void)
{
    CHILD_CHECK(privileges_drop(3456789, SOME_GROUP, true) == 0);
    gid_t groups[8];
    CHILD_CHECK(getgroups(COUNT_OF(groups), groups) == 1 && groups[0] == SOME_GROUP);
    return 0;
}

static void a_user_without_entry_has_no_other_groups(void **state)
{
    if (geteuid() != 0)
        skip();
    assert_int_equal(run_in_child(body_unknown_user), 0);
}

static int body_not_root(void)
{
    if (geteuid() == 0)
        CHILD_CHECK(privileges_drop(NOBODY, SOME_GROUP, false) == 0);
    CHILD_CHECK(privileges_drop(geteuid() + 1, getegid(), false) == -EPERM);
    CHILD_CHECK(privileges_drop(geteuid(), getegid() + 1, false) == -EPERM);
    CHILD_CHECK(privileges_drop(0, 0, false) == -EPERM);
    return 0;
}

static void others_may_not(void **state)
{
    assert_int_equal(run_in_child(body_not_root), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_ids_change_nothing),
        cmocka_unit_test(root_is_given_up_for_good),
        cmocka_unit_test(a_user_without_entry_has_no_other_groups),
        cmocka_unit_test(others_may_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
