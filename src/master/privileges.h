/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/defs.h"

/* Sets group, then supplementary groups (the user's own when `init_groups`, else only `gid`), then user,
 * for good. Nothing happens when the process has these ids already; -1 leaves one. 0 or -errno. */
int privileges_drop(uid_t uid, gid_t gid, bool init_groups) MUST_CHECK;
