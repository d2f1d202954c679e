/* SPDX-License-Identifier: MIT */
#pragma once

#include "master/state.h"

/* Looks at every worker: who announced that it retires, who showed no life for too long, who was told to
 * leave and did not. */
void workers_watch(struct master *master);

/* When workers_watch has to be called next, at the latest; INT64_MAX: no need. */
msec workers_next_deadline(struct master *master);
