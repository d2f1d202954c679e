/* SPDX-License-Identifier: MIT */
/* The extension module galley._galley: what Python sees of the C code. It turns Python's arguments
 * into C's and back, and holds no logic. The interpreter is the user's own: nothing here links
 * libpython. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "base/defs.h"

static PyObject *module_main(PyObject *module, PyObject *argv)
{
    (void)module;
    if (!PyList_Check(argv))
        return PyErr_Format(PyExc_TypeError, "main() wants a list of strings, as sys.argv");
    PySys_WriteStdout("galley (version %s)\n", GALLEY_VERSION);
    return PyLong_FromLong(0);
}

static PyMethodDef functions[] = {
    { "main", module_main, METH_O, "main(argv) -> exit code\n\nThe command galley." },
    { NULL, NULL, 0, NULL },
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "galley._galley", .m_doc = "The C side of galley.",
    .m_size = -1,          .m_methods = functions,
};

PyMODINIT_FUNC PyInit__galley(void);

PyMODINIT_FUNC PyInit__galley(void)
{
    PyObject *module = PyModule_Create(&definition);
    if (module && PyModule_AddStringConstant(module, "__version__", GALLEY_VERSION) < 0)
        Py_CLEAR(module);
    return module;
}
