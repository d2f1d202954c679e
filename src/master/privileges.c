/* SPDX-License-Identifier: MIT */
/* Dropping privileges. The order matters: groups can be changed only while still root, so the user goes
 * last. All of real, effective and saved ids are set, and afterwards it is tried whether root comes
 * back. Called in a worker before the application is loaded. */
#include "master/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>

static bool has_ids(uid_t uid, gid_t gid)
{
    uid_t r, e, s;
    gid_t rg, eg, sg;
    if (getresuid(&r, &e, &s) < 0 || getresgid(&rg, &eg, &sg) < 0)
        return false;
    return r == uid && e == uid && s == uid && rg == gid && eg == gid && sg == gid;
}

/* A user without an entry in the user database has no groups but the given one. */
static int set_groups(uid_t uid, gid_t gid, bool init_groups)
{
    struct passwd entry, *found = NULL;
    char buffer[4096];
    if (init_groups && getpwuid_r(uid, &entry, buffer, sizeof(buffer), &found) == 0 && found)
        return initgroups(found->pw_name, gid) < 0 ? -errno : 0;
    return setgroups(1, &gid) < 0 ? -errno : 0;
}

int privileges_drop(uid_t uid, gid_t gid, bool init_groups)
{
    if (uid == (uid_t)-1)
        uid = geteuid();
    if (gid == (gid_t)-1)
        gid = getegid();
    if (has_ids(uid, gid))
        return 0;
    if (setresgid(gid, gid, gid) < 0)
        return -errno;
    int err = geteuid() == 0 ? set_groups(uid, gid, init_groups) : 0;
    if (err)
        return err;
    if (setresuid(uid, uid, uid) < 0)
        return -errno;
    bool is_root_again = uid != 0 && (setuid(0) == 0 || seteuid(0) == 0);
    return is_root_again || !has_ids(uid, gid) ? -EPERM : 0;
}
