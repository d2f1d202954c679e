/* SPDX-License-Identifier: MIT */
/* Settings put together from everywhere: defaults, configuration file, GUNICORN_CMD_ARGS,
 * GALLEY_CMD_ARGS, command line or the arguments of galley.run(). All is called with the GIL held. */
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "app/configure_report.h"
#include "app/settings.h"

/* Where the settings of this server come from; kept for as long as it runs, since a reload asks again. */
struct configure_source {
    struct arena arena;
    const char *program;      /* "galley" */
    struct string_list words; /* the command line without the program's name */
    PyObject *overrides;      /* the arguments of galley.run(); NULL for a command */
    bool has_application;     /* galley.run() was given the object itself */
    const char *directory;    /* where the program was started */
    PyObject *search_path;    /* sys.path as it was then */
};

/* 0, or -1 with an exception. `argv` is a list of str as sys.argv. */
int configure_source_init(struct configure_source *source, PyObject *argv) MUST_CHECK;

/* The same for galley.run(): `app` is a str or the application, `overrides` a dict. */
int configure_source_init_call(struct configure_source *source, PyObject *app,
                               PyObject *overrides) MUST_CHECK;
void configure_source_done(struct configure_source *source);

/* New settings, or NULL when there are none: an error was reported, or --help or --version answered,
 * and `*out_exit` is the program's exit code. When the configuration file raised SystemExit or
 * KeyboardInterrupt, that is set as the exception, unless the report goes to a log. When all is
 * well the current directory, sys.path and the environment are as the settings say, else unchanged. */
struct settings *settings_load(const struct configure_source *source, const struct configure_report *report,
                               int *out_exit);
void settings_free(struct settings *settings);
