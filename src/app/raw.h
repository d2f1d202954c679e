/* SPDX-License-Identifier: MIT */
/* Python objects as the settings machinery takes them. Called with the GIL held. */
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "conf/value.h"

/* `out` points into `arena`. 0, or -1 with an exception. */
int raw_from_python(PyObject *object, struct arena *arena, struct raw *out) MUST_CHECK;

/* A copy of a str in the file system's encoding; NULL with an exception when it cannot be had. */
const char *raw_copy_text(PyObject *text, struct arena *arena);
