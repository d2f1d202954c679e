/* SPDX-License-Identifier: MIT */
/* The number of workers. */
#pragma once

#include "master/state.h"

/* Starts what is missing, as far as the back-off allows, and retires the oldest of what is too much. */
void generation_scale(struct master *master, struct generation *generation);

/* A worker died on its own. One that did not live long enough delays the next start. */
void generation_note_death(struct master *master, struct generation *generation, pid_t pid, bool is_early);

/* When generation_scale has to be called next, at the latest; INT64_MAX: no need. */
msec generation_next_spawn(struct master *master, const struct generation *generation);

/* TTIN and TTOU: one more or one less, also in the generation that is about to take over. */
void workers_change(struct master *master, int by);
