/* SPDX-License-Identifier: MIT */
/* The application by its name: galley.loader finds it, here its answer is taken apart. Used by workers
 * when they boot and by --check-config. */
#include "app/load.h"

enum { EXIT_BOOT = 3 };

/* Appends str(object); what cannot be shown is left out. */
static void append_text(PyObject *object, struct buf *out)
{
    PyObject *text = object && object != Py_None ? PyObject_Str(object) : NULL;
    PyObject *bytes = text ? PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace") : NULL;
    if (bytes)
        buf_append(out, str_make(PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes)));
    PyErr_Clear();
    Py_XDECREF(bytes);
    Py_XDECREF(text);
}

static void append_attribute(PyObject *object, const char *name, struct buf *out)
{
    PyObject *value = object ? PyObject_GetAttrString(object, name) : NULL;
    PyErr_Clear();
    append_text(value, out);
    Py_XDECREF(value);
}

static int exit_code_of(PyObject *error)
{
    PyObject *value = error ? PyObject_GetAttrString(error, "exit_code") : NULL;
    long code = value ? PyLong_AsLong(value) : EXIT_BOOT;
    Py_XDECREF(value);
    PyErr_Clear();
    return code > 0 && code < 256 ? (int)code : EXIT_BOOT;
}

static void take_apart(struct buf *traceback, struct buf *error, int *out_exit)
{
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    append_attribute(value, "traceback", traceback);
    append_text(value, error);
    if (error->len == 0)
        buf_printf(error, "the application cannot be loaded: %s", ((PyTypeObject *)type)->tp_name);
    *out_exit = exit_code_of(value);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
}

PyObject *app_load(const char *name, struct buf *traceback, struct buf *error, int *out_exit)
{
    PyObject *loader = PyImport_ImportModule("galley.loader");
    PyObject *text = loader ? PyUnicode_DecodeFSDefault(name) : NULL;
    PyObject *found = text ? PyObject_CallMethod(loader, "load", "O", text) : NULL;
    if (!found)
        take_apart(traceback, error, out_exit);
    Py_XDECREF(text);
    Py_XDECREF(loader);
    return found;
}
