/* SPDX-License-Identifier: MIT */
/* wsgi.input: a file-like object over a buffered request body (PEP 3333, "Input and Error Streams").
 * All functions are called with the GIL held. */
#pragma once

#include "app/python_compat.h"
#include "server/body.h"

/* Makes the type. 0, or -1 with an exception set. */
int input_type_init(void);

/* A new reference to an input over `body`, which must stay until input_detach. NULL with an exception. */
PyObject *input_new(const struct body *body);

/* The request is over: an application that still reads gets ValueError. */
void input_detach(PyObject *input);
