/* SPDX-License-Identifier: MIT */
/* The end of the server. */
#pragma once

#include "master/state.h"

/* Closes the listeners and sends the signal (TERM or QUIT) to the workers; who has not left by
 * graceful_timeout is killed. `reason` is for the log's last line, empty for an ordinary stop. */
void stop_begin(struct master *master, int number, int exit_code, const char *reason);

/* A second INT or QUIT: little time remains. */
void stop_quicken(struct master *master);

/* Nobody is left, or those who are left do not even die from KILL. */
bool stop_is_done(const struct master *master);
