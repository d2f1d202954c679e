/* SPDX-License-Identifier: MIT */
/* Where the process stands: its current directory, and where Python looks for modules (sys.path).
 * Called with the GIL held. */
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "base/defs.h"

struct place {
    int directory; /* a descriptor of it; -1 when it cannot be opened */
    PyObject *search_path;
};

/* Notes the place, so that a failed attempt to move can be taken back. place_done forgets it again. */
void place_save(struct place *place);
void place_return(const struct place *place);
void place_done(struct place *place);

/* 0, or -1 with an exception. */
int place_reset_path(PyObject *entries) MUST_CHECK;

/* In front, unless it is there already. 0, or -1 with an exception. */
int place_put_on_path(const char *directory) MUST_CHECK;
