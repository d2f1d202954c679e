/* SPDX-License-Identifier: MIT */
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "base/buf.h"

/* The application that `name` (module:variable …) stands for, a new reference. NULL: `error` gets the
 * sentence that says why, `traceback` what the application's own code raised (empty otherwise), and
 * `*out_exit` gunicorn's exit code for it, 3 or 4. Called with the GIL held. */
PyObject *app_load(const char *name, struct buf *traceback, struct buf *error, int *out_exit);
