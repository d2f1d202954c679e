/* SPDX-License-Identifier: MIT */
/* The master's claim to be the one server with this pid file. */
#pragma once

#include "master/state.h"

/* False when a living process holds the file, or it cannot be written (logged). NULL: no file. */
bool claim_take(struct master *master, const char *path);

/* After a reload: another path, or none. On failure the old file stays (logged). */
void claim_change(struct master *master, const char *path);

void claim_drop(struct master *master);
