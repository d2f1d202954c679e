/* SPDX-License-Identifier: MIT */
/* What the oldest supported Python (3.9) lacks of the C interface that we use, and what all types of ours
 * share. */
#pragma once

#include <Python.h>

#if PY_VERSION_HEX < 0x030A0000
static inline PyObject *Py_NewRef(PyObject *object)
{
    Py_INCREF(object);
    return object;
}
#endif

/* A type whose objects only we make: Python code cannot call it. NULL with an exception set. */
static inline PyTypeObject *make_closed_type(PyType_Spec *spec)
{
    PyTypeObject *type = (PyTypeObject *)PyType_FromSpec(spec);
    if (type)
        type->tp_new = NULL;
    return type;
}
