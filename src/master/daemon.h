/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

#include "base/defs.h"

/* Double fork, new session, standard input and output (and, when `close_stderr`, error) on /dev/null.
 * The parents exit with 0. 0 or -errno. */
int daemonize(bool close_stderr) MUST_CHECK;
