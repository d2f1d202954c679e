/* SPDX-License-Identifier: MIT */
/* The WSGI bridge (PEP 3333): one exchange, one call of the application. */
#pragma once

#include "app/environ.h"

struct crew;
struct wsgi;

struct wsgi_config {
    struct environ_config environ;
    PyObject *application;
    struct crew *crew;
    struct log *log;
    const char *const *note_names; /* environ variables that the access log wants */
    size_t n_note_names;
};

/* GIL held. NULL with an exception set. */
struct wsgi *wsgi_new(const struct wsgi_config *config);
void wsgi_free(struct wsgi *wsgi);

/* GIL held, on an application thread. Calls the application, sends what it answers, and finishes the
 * exchange on every path; no exception is left set. */
void wsgi_call(struct wsgi *wsgi, struct exchange *exchange);
