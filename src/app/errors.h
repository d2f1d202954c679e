/* SPDX-License-Identifier: MIT */
/* wsgi.errors: a text stream into the error log. Called with the GIL held. */
#pragma once

#include "app/python_compat.h"
#include "base/log.h"

/* A new reference, or NULL with an exception. `log` must outlive it. */
PyObject *errors_new(struct log *log);

/* Writes the exception that is set, with its traceback, behind one line of the caller's, at ERROR, and
 * clears it. */
void errors_log_exception(struct log *log, const char *what);
