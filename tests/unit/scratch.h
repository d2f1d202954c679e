/* SPDX-License-Identifier: MIT */
/* A directory that a test may write into, and files in it. */
#pragma once

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"

struct scratch {
    char dir[64];
    char file[80];
};

/* One file, which does not exist yet. */
static inline void scratch_init(struct scratch *scratch)
{
    snprintf(scratch->dir, sizeof(scratch->dir), "/tmp/galley-unit-XXXXXX");
    char *made = mkdtemp(scratch->dir);
    assert(made);
    (void)made;
    snprintf(scratch->file, sizeof(scratch->file), "%s/file", scratch->dir);
}

static inline void scratch_done(struct scratch *scratch)
{
    unlink(scratch->file);
    rmdir(scratch->dir);
}

/* What is in a file, NUL terminated; the caller frees it. NULL when there is none. */
static inline char *scratch_read(const char *path)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    struct buf text = { 0 };
    ssize_t n;
    while ((n = read(fd, buf_reserve(&text, 4096), 4096)) > 0)
        text.len += (size_t)n;
    buf_text(&text);
    return text.p;
}
