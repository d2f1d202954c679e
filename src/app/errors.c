/* SPDX-License-Identifier: MIT */
/* What Python writes to the error log: the application through wsgi.errors, as it is and unprefixed, and
 * the tracebacks of exceptions that nobody caught. */
#include "app/errors.h"

#include "base/buf.h"

struct errors {
    PyObject_HEAD struct log *log;
};

/* A traceback may hold characters that UTF-8 cannot express (lone surrogates): they are escaped. */
static PyObject *utf8_of(PyObject *text)
{
    return PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace");
}

static PyObject *errors_write(PyObject *self, PyObject *text)
{
    if (!PyUnicode_Check(text))
        return PyErr_Format(PyExc_TypeError, "wsgi.errors.write() takes str, not %.100s",
                            Py_TYPE(text)->tp_name);
    PyObject *bytes = utf8_of(text);
    if (!bytes)
        return NULL;
    ssize_t n =
        write(((struct errors *)self)->log->fd, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
    (void)n; /* as for every log line: a full disk does not stop the application */
    Py_DECREF(bytes);
    return PyLong_FromSsize_t(PyUnicode_GET_LENGTH(text));
}

static PyObject *errors_writelines(PyObject *self, PyObject *lines)
{
    PyObject *iterator = PyObject_GetIter(lines), *line;
    if (!iterator)
        return NULL;
    while ((line = PyIter_Next(iterator))) {
        PyObject *result = errors_write(self, line);
        Py_DECREF(line);
        Py_XDECREF(result);
        if (!result)
            break;
    }
    Py_DECREF(iterator);
    return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

static PyObject *errors_flush(PyObject *self, PyObject *unused)
{
    return Py_NewRef(Py_None);
}

static void errors_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    { "write", errors_write, METH_O, "write(text)" },
    { "writelines", errors_writelines, METH_O, "writelines(lines)" },
    { "flush", errors_flush, METH_NOARGS, "flush()" },
    { 0 },
};

static PyType_Slot slots[] = {
    { Py_tp_dealloc, errors_dealloc },
    { Py_tp_methods, methods },
    { 0 },
};

static PyType_Spec spec = {
    .name = "galley.Errors",
    .basicsize = sizeof(struct errors),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};

PyObject *errors_new(struct log *log)
{
    PyTypeObject *type = make_closed_type(&spec);
    struct errors *errors = type ? PyObject_New(struct errors, type) : NULL;
    Py_XDECREF(type); /* the object holds its own reference */
    if (errors)
        errors->log = log;
    return (PyObject *)errors;
}

/* "".join(traceback.format_exception(type, value, traceback)) */
static PyObject *format_exception(PyObject *type, PyObject *value, PyObject *traceback)
{
    PyObject *module = PyImport_ImportModule("traceback");
    PyObject *lines = module ? PyObject_CallMethod(module, "format_exception", "OOO", type,
                                                   value ? value : Py_None, traceback ? traceback : Py_None)
                             : NULL;
    PyObject *empty = PyUnicode_FromString("");
    PyObject *text = lines && empty ? PyUnicode_Join(empty, lines) : NULL;
    PyObject *bytes = text ? utf8_of(text) : NULL;
    Py_XDECREF(module);
    Py_XDECREF(lines);
    Py_XDECREF(empty);
    Py_XDECREF(text);
    return bytes;
}

void errors_log_exception(struct log *log, const char *what)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    PyObject *bytes = format_exception(type ? type : Py_None, value, traceback);
    struct buf text = { 0 };
    buf_printf(&text, "%s\n", what);
    if (bytes)
        buf_append(&text, str_make(PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes)));
    else if (type)
        buf_printf(&text, "%s, whose traceback cannot be shown\n", ((PyTypeObject *)type)->tp_name);
    PyErr_Clear();
    log_text(log, LOG_ERROR, buf_str(&text));
    buf_done(&text);
    Py_XDECREF(bytes);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
}
