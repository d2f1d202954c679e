/* SPDX-License-Identifier: MIT */
/* Moving about while settings are loaded: chdir and pythonpath take effect before a configuration is
 * known to be good, since its file may depend on them. sys.path keeps its identity, as applications
 * hold references to it. */
#include "app/place.h"

#include <fcntl.h>

/* Borrowed; NULL with an exception. */
static PyObject *search_path(void)
{
    PyObject *path = PySys_GetObject("path");
    if (path && PyList_Check(path))
        return path;
    PyErr_SetString(PyExc_RuntimeError, "sys.path is not a list");
    return NULL;
}

int place_reset_path(PyObject *entries)
{
    PyObject *path = search_path();
    return path ? PyList_SetSlice(path, 0, PyList_GET_SIZE(path), entries) : -1;
}

int place_put_on_path(const char *directory)
{
    PyObject *path = search_path();
    PyObject *entry = path ? PyUnicode_DecodeFSDefault(directory) : NULL;
    int is_there = entry ? PySequence_Contains(path, entry) : -1;
    int result = is_there == 0 ? PyList_Insert(path, 0, entry) : is_there == 1 ? 0 : -1;
    Py_XDECREF(entry);
    return result;
}

void place_save(struct place *place)
{
    PyObject *path = search_path();
    place->directory = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    place->search_path = path ? PySequence_List(path) : NULL;
    if (!place->search_path)
        PyErr_Clear();
}

void place_return(const struct place *place)
{
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    int result = place->directory >= 0 ? fchdir(place->directory) : 0;
    (void)result; /* the directory is gone: nobody can go back there */
    if (place->search_path && place_reset_path(place->search_path) < 0)
        PyErr_Clear();
    PyErr_Restore(type, value, trace);
}

void place_done(struct place *place)
{
    auto_close(&place->directory);
    Py_CLEAR(place->search_path);
}
