/* SPDX-License-Identifier: MIT */
/* The process title. The kernel shows the memory between arg_start and arg_end as the command line, so
 * that memory is overwritten. It is found once, through /proc/self/stat: after privileges are dropped
 * that file no longer tells, and worker processes inherit what the master found. */
#include "master/title.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/num.h"

/* Fields of /proc/PID/stat count from 1; the first one behind the command's name is 3. */
enum { FIELD_AFTER_NAME = 3, FIELD_ARG_START = 48, FIELD_ARG_END = 49 };

struct area {
    char *start;
    size_t size;
};

static uint64_t stat_field(str after_name, int field)
{
    str rest = after_name;
    for (int i = FIELD_AFTER_NAME; i < field; i++)
        str_split(&rest, ' ');
    uint64_t n;
    return num_parse(str_split(&rest, ' '), UINT64_MAX, &n) ? n : 0;
}

static struct area find_area(void)
{
    AUTO_CLOSE int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    char text[2048];
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));
    /* the name is the program's choice and may hold spaces and parentheses */
    const char *name_end = n > 0 ? memrchr(text, ')', (size_t)n) : NULL;
    if (!name_end || name_end + 2 >= text + n)
        return (struct area){ 0 };
    str after_name = str_make(name_end + 2, (size_t)(text + n - name_end - 2));
    uint64_t start = stat_field(after_name, FIELD_ARG_START);
    uint64_t end = stat_field(after_name, FIELD_ARG_END);
    if (start == 0 || end <= start)
        return (struct area){ 0 };
    return (struct area){ (char *)(uintptr_t)start, (size_t)(end - start) };
}

void title_set(const char *program, const char *role, const char *title)
{
    static struct area area;
    if (!area.size)
        area = find_area();
    if (area.size) {
        /* through a copy: the arguments may lie in the very memory that is overwritten */
        char text[512];
        int len = title && title[0] ? snprintf(text, sizeof(text), "%s: %s [%s]", program, role, title)
                                    : snprintf(text, sizeof(text), "%s: %s", program, role);
        size_t used = size_min(size_min((size_t)len, sizeof(text) - 1), area.size - 1);
        memcpy(area.start, text, used);
        memset(area.start + used, 0, area.size - used);
    }
    prctl(PR_SET_NAME, program);
}
