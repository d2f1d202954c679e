/* SPDX-License-Identifier: MIT */
#pragma once

#include "app/configure.h"

/* Runs the server until it is told to stop; returns the exit code of the program. Takes `settings`
 * over. `source` is asked again on a reload. `app` is the application that galley.run() was given, or
 * NULL: each worker then loads settings->app. Called with the GIL held. */
int serve(struct settings *settings, const struct configure_source *source, PyObject *app);
