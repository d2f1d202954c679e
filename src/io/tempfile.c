/* SPDX-License-Identifier: MIT */
/* Temporary files without a name, for bodies too large for memory. O_TMPFILE makes one in a single call;
 * file systems without it (NFS, some overlays) get a random name that is removed at once. The
 * descriptor is the caller's. */
#include "io/tempfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

static const char *default_dir(void)
{
    const char *dir = getenv("TMPDIR");
    return dir && dir[0] ? dir : "/tmp";
}

static int open_named(const char *dir)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof(path), "%s/galley-XXXXXX", dir);
    if (len < 0 || (size_t)len >= sizeof(path))
        return -ENAMETOOLONG;
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return -errno;
    unlink(path);
    return fd;
}

int tempfile_open(const char *dir)
{
    if (!dir)
        dir = default_dir();
    int fd = open(dir, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    /* EISDIR: a kernel or file system that reads O_TMPFILE as O_DIRECTORY alone */
    bool unsupported = errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL;
    return unsupported ? open_named(dir) : -errno;
}
