/* SPDX-License-Identifier: MIT */
/* What the oldest supported Python (3.9) lacks of the C interface that we use. */
#pragma once

#include <Python.h>

#if PY_VERSION_HEX < 0x030A0000
static inline PyObject *Py_NewRef(PyObject *object)
{
    Py_INCREF(object);
    return object;
}
#endif
