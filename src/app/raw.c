/* SPDX-License-Identifier: MIT */
/* From what a configuration file defines to struct raw. Texts become bytes in the file system's
 * encoding, so that paths that are not UTF-8 come through. What has no place in C (functions, classes,
 * dictionaries) is kept as it prints. */
#include "app/raw.h"

const char *raw_copy_text(PyObject *text, struct arena *arena)
{
    PyObject *bytes = PyUnicode_EncodeFSDefault(text);
    char *start;
    if (!bytes)
        return NULL;
    const char *copy = NULL;
    if (PyBytes_AsStringAndSize(bytes, &start, NULL) == 0) /* refuses NUL bytes */
        copy = arena_copy(arena, str_of(start)).p;
    Py_DECREF(bytes);
    return copy;
}

static int set_text(PyObject *text, struct arena *arena, struct raw *out)
{
    *out = (struct raw){ .kind = RAW_TEXT, .text = raw_copy_text(text, arena) };
    return out->text ? 0 : -1;
}

static int set_int(PyObject *number, struct arena *arena, struct raw *out)
{
    int overflow;
    long long n = PyLong_AsLongLongAndOverflow(number, &overflow);
    if (n == -1 && PyErr_Occurred())
        return -1;
    /* What is out of range here is out of every setting's range. */
    *out = (struct raw){ .kind = RAW_INT, .number = overflow > 0 ? INT64_MAX : overflow < 0 ? INT64_MIN : n };
    return 0;
}

/* A class as its dotted path, other callables as gunicorn prints them, the rest as str(). */
static PyObject *describe(PyObject *object)
{
    if (!PyCallable_Check(object))
        return PyObject_Str(object);
    PyObject *name = PyObject_GetAttrString(object, "__qualname__");
    if (!name) {
        PyErr_Clear();
        return PyObject_Str(object);
    }
    PyObject *module = PyType_Check(object) ? PyObject_GetAttrString(object, "__module__") : NULL;
    PyObject *text =
        module ? PyUnicode_FromFormat("%S.%S", module, name) : PyUnicode_FromFormat("<%S()>", name);
    PyErr_Clear();
    Py_XDECREF(module);
    Py_DECREF(name);
    return text;
}

static int set_other(PyObject *object, struct arena *arena, struct raw *out)
{
    PyObject *shown = describe(object);
    if (!shown)
        return -1;
    *out = (struct raw){ .kind = RAW_OTHER, .text = raw_copy_text(shown, arena) };
    out->type = arena_copy(arena, str_of(Py_TYPE(object)->tp_name)).p;
    Py_DECREF(shown);
    return out->text ? 0 : -1;
}

static bool is_all_text(PyObject *fast)
{
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(fast); i++)
        if (!PyUnicode_Check(PySequence_Fast_GET_ITEM(fast, i)))
            return false;
    return true;
}

static int fill_list(PyObject *fast, struct arena *arena, struct raw *out)
{
    size_t count = (size_t)PySequence_Fast_GET_SIZE(fast);
    *out = (struct raw){ .kind = RAW_LIST };
    out->list = (struct string_list){ arena_zero(arena, (count + 1) * sizeof(char *)), count };
    for (size_t i = 0; i < count; i++) {
        out->list.items[i] = raw_copy_text(PySequence_Fast_GET_ITEM(fast, (Py_ssize_t)i), arena);
        if (!out->list.items[i])
            return -1;
    }
    return 0;
}

static int set_list(PyObject *sequence, struct arena *arena, struct raw *out)
{
    PyObject *fast = PySequence_Fast(sequence, "a list");
    if (!fast)
        return -1;
    int result = is_all_text(fast) ? fill_list(fast, arena, out) : set_other(sequence, arena, out);
    Py_DECREF(fast);
    return result;
}

int raw_from_python(PyObject *object, struct arena *arena, struct raw *out)
{
    if (object == Py_None)
        *out = (struct raw){ .kind = RAW_NONE };
    else if (PyBool_Check(object))
        *out = (struct raw){ .kind = RAW_BOOL, .number = object == Py_True };
    else if (PyLong_Check(object))
        return set_int(object, arena, out);
    else if (PyUnicode_Check(object))
        return set_text(object, arena, out);
    else if (PyList_Check(object) || PyTuple_Check(object) || PyAnySet_Check(object))
        return set_list(object, arena, out);
    else
        return set_other(object, arena, out);
    return 0;
}
