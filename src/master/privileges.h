/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/defs.h"

/* Sets group, then supplementary groups (the user's own when `init_groups`), then user, for good.
 * Nothing happens for ids that the process has already. 0 or -errno. */
int privileges_drop(uid_t uid, gid_t gid, bool init_groups) MUST_CHECK;
