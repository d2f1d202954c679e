/* SPDX-License-Identifier: MIT */
/* The extension module galley._galley: what Python sees of the C code. It turns Python's arguments
 * into C's and back, and answers --print-config and --check-config. The interpreter is the user's own:
 * nothing here links libpython. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdio.h>

#include "app/load.h"
#include "app/options.h"
#include "app/serve.h"
#include "conf/help.h"

static void write_config(const struct settings *settings)
{
    struct buf text = { 0 };
    option_set_print(&settings->values, &text);
    PyObject *out = PySys_GetObject("stdout");
    PyObject *shown = PyUnicode_DecodeFSDefaultAndSize(text.p, (Py_ssize_t)text.len);
    if (out && shown && PyFile_WriteObject(shown, out, Py_PRINT_RAW) < 0)
        PyErr_Clear(); /* nobody reads it */
    Py_XDECREF(shown);
    buf_done(&text);
}

/* --check-config: the exit code is gunicorn's, 0 or 1. */
static int check_application(const struct settings *settings)
{
    struct buf traceback = { 0 }, error = { 0 };
    int code;
    PyObject *app = app_load(settings->app, &traceback, &error, &code);
    if (!app)
        dprintf(STDERR_FILENO, "\nError while loading the application:\n\n%s%s\n", buf_text(&traceback),
                buf_text(&error));
    buf_done(&traceback);
    buf_done(&error);
    Py_XDECREF(app);
    return app ? 0 : 1;
}

static int start(struct settings *settings, const struct configure_source *source, PyObject *app)
{
    if (settings->print_config)
        write_config(settings);
    if (!settings->print_config && !settings->check_config)
        return serve(settings, source, app);
    int code = app ? 0 : check_application(settings);
    settings_free(settings);
    return code;
}

static PyObject *module_main(PyObject *module, PyObject *argv)
{
    struct configure_source source;
    struct configure_report report = { 0 };
    int code = 1;
    if (!PyList_Check(argv))
        return PyErr_Format(PyExc_TypeError, "main() wants a list of strings, as sys.argv");
    if (configure_source_init(&source, argv) == 0) {
        struct settings *settings = settings_load(&source, &report, &code);
        if (settings)
            code = start(settings, &source, NULL);
    }
    configure_source_done(&source);
    return PyErr_Occurred() ? NULL : PyLong_FromLong(code);
}

/* Loads and serves; -1 with an exception when the settings are bad. */
static int run(struct configure_source *source, PyObject *app)
{
    struct buf text = { 0 };
    struct configure_report report = { .text = &text };
    int code = -1;
    struct settings *settings = settings_load(source, &report, &code);
    if (settings)
        code = start(settings, source, source->has_application ? app : NULL);
    else if (!PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, buf_text(&text));
    buf_done(&text);
    return code;
}

static PyObject *module_run(PyObject *module, PyObject *args)
{
    PyObject *app, *overrides;
    struct configure_source source;
    int code = -1;
    if (!PyArg_ParseTuple(args, "OO!", &app, &PyDict_Type, &overrides))
        return NULL;
    if (!PyUnicode_Check(app) && !PyCallable_Check(app))
        return PyErr_Format(PyExc_TypeError, "the application must be callable or a string, not %.100s",
                            Py_TYPE(app)->tp_name);
    if (configure_source_init_call(&source, app, overrides) == 0)
        code = run(&source, app);
    configure_source_done(&source);
    return PyErr_Occurred() ? NULL : PyLong_FromLong(code);
}

static PyObject *module_reference(PyObject *module, PyObject *unused)
{
    struct buf text = { 0 };
    reference_print(&galley_options, &text);
    PyObject *page = PyUnicode_DecodeUTF8(text.p, (Py_ssize_t)text.len, NULL);
    buf_done(&text);
    return page;
}

static PyMethodDef functions[] = {
    { "main", module_main, METH_O, "main(argv) -> exit code\n\nThe command galley." },
    { "run", module_run, METH_VARARGS, "run(app, settings) -> exit code\n\nSee galley.run()." },
    { "reference", module_reference, METH_NOARGS, "reference() -> str\n\nEvery setting, in Markdown." },
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
