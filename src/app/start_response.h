/* SPDX-License-Identifier: MIT */
/* start_response() and the write() that it returns (PEP 3333). Called with the GIL held. */
#pragma once

#include "app/respond.h"

int start_response_type_init(void);

/* A new reference, or NULL with an exception. */
PyObject *start_response_new(struct call *call);

/* wsgi.early_hints of the same call: a new reference, or NULL with an exception. */
PyObject *early_hints_new(PyObject *start_response);

/* The call is over: later use of the objects raises. Waits for what other threads are still writing. */
void start_response_detach(PyObject *start_response);
