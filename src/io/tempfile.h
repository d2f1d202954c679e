/* SPDX-License-Identifier: MIT */
#pragma once

#include "base/defs.h"

/* An unlinked temporary file in `dir` (NULL: $TMPDIR or /tmp), read-write, close-on-exec.
 * A descriptor or -errno. */
int tempfile_open(const char *dir) MUST_CHECK;
