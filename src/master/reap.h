/* SPDX-License-Identifier: MIT */
#pragma once

#include "master/state.h"

/* Collects the children that ended, says so, and decides what follows: a replacement sooner or later, the
 * end of a reload, or of the whole server. */
void workers_reap(struct master *master);
