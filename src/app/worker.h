/* SPDX-License-Identifier: MIT */
/* A worker process: loads the application, then serves until told to stop. */
#pragma once

#include "app/python_compat.h"
#include "app/settings.h"
#include "master/master.h"

/* In the forked child, with the GIL held. `application` NULL: loads settings->app. Returns the exit code
 * (0, EXIT_WORKER_BOOT, EXIT_APP_LOAD). */
int worker_run(const struct settings *settings, const struct worker_seat *seat, struct log *log,
               PyObject *application);
