/* SPDX-License-Identifier: MIT */
/* Paths made absolute the way a shell does: a deployment's "current" link must stay in the path, since
 * the next reload is to follow it anew. */
#include "conf/directory.h"

#include <limits.h>
#include <sys/stat.h>

static bool is_same_directory(const char *a, const char *b)
{
    struct stat info_a, info_b;
    return stat(a, &info_a) == 0 && stat(b, &info_b) == 0 && info_a.st_dev == info_b.st_dev &&
           info_a.st_ino == info_b.st_ino;
}

const char *directory_current(struct arena *arena)
{
    const char *shell = getenv("PWD");
    if (shell && shell[0] == '/' && is_same_directory(shell, "."))
        return arena_copy(arena, str_of(shell)).p;
    char path[PATH_MAX];
    return arena_copy(arena, str_of(getcwd(path, sizeof(path)) ? path : "/")).p;
}

/* Drops the last part of the path that ends before `to`; the root stays. */
static char *step_up(char *start, char *to)
{
    while (to > start && to[-1] != '/')
        to--;
    return to > start ? to - 1 : start;
}

static char *append_parts(char *start, char *to, str path)
{
    while (path.p) {
        str part = str_split(&path, '/');
        if (part.len == 0 || str_eq(part, STR(".")))
            continue;
        if (str_eq(part, STR(".."))) {
            to = step_up(start, to);
            continue;
        }
        *to++ = '/';
        memcpy(to, part.p, part.len);
        to += part.len;
    }
    return to;
}

const char *directory_absolute(struct arena *arena, str path)
{
    str base = path.len && path.p[0] == '/' ? STR_NONE : str_of(directory_current(arena));
    char *start = arena_alloc(arena, base.len + path.len + 3);
    char *to = append_parts(start, append_parts(start, start, base), path);
    if (to == start)
        *to++ = '/';
    *to = '\0';
    return start;
}
