/* SPDX-License-Identifier: MIT */
/* The WSGI environ of a request (PEP 3333, "environ Variables", and gunicorn's additions). All functions
 * are called with the GIL held. */
#pragma once

#include "app/python_compat.h"

#include "server/exchange.h"

struct environ_maker;

struct environ_config {
    bool multithread;
    bool multiprocess;
    PyObject *errors;       /* wsgi.errors */
    PyObject *file_wrapper; /* wsgi.file_wrapper */
    const struct listener *listeners;
    unsigned n_listeners;
};

/* NULL with an exception set. Reads SCRIPT_NAME from the process environment, as gunicorn does. */
struct environ_maker *environ_maker_new(const struct environ_config *config);
void environ_maker_free(struct environ_maker *maker);

/* A new dict; `input` is wsgi.input. NULL with an exception set; a path outside SCRIPT_NAME is one. */
PyObject *environ_make(struct environ_maker *maker, const struct exchange *exchange, PyObject *input);
