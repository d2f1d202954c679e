/* SPDX-License-Identifier: MIT */
/* The input type. The body is complete before the application is called, so no method ever waits for the
 * client; one that lies in a temporary file is read with the GIL released. Then the request may end while
 * another thread of the application still reads: such reads go through a descriptor of our own. */
#include "app/input.h"

#include <errno.h>
#include <fcntl.h>

struct input {
    PyObject_HEAD const struct body *body; /* NULL once the request is over */
    uint64_t at;
    int fd;             /* the body's file, opened by the first read of it; else -1 */
    unsigned n_readers; /* threads that are reading the file outside the GIL */
};

enum { LINE_BLOCK = 8192 };

static bool is_open(const struct input *input)
{
    if (input->body)
        return true;
    PyErr_SetString(PyExc_ValueError, "wsgi.input was read after the request ended");
    return false;
}

/* An optional count: absent, None and negative mean "all". */
static bool parse_count(PyObject *const *args, Py_ssize_t n_args, Py_ssize_t *out)
{
    if (n_args > 1) {
        PyErr_Format(PyExc_TypeError, "expected at most 1 argument, got %zd", n_args);
        return false;
    }
    *out = -1;
    if (n_args == 1 && args[0] != Py_None)
        *out = PyNumber_AsSsize_t(args[0], PyExc_OverflowError);
    return !PyErr_Occurred();
}

static uint64_t left(const struct input *input)
{
    return input->body->len - input->at;
}

/* The last who needs it closes the file. */
static void close_unused(struct input *input)
{
    if (input->body || input->n_readers || input->fd < 0)
        return;
    close(input->fd);
    input->fd = -1;
}

static ssize_t read_all(const struct body *body, uint64_t at, char *to, size_t size)
{
    ssize_t total = 0, n = 1;
    while (size && (n = body_read(body, at, to, size)) > 0) {
        total += n;
        at += (uint64_t)n;
        to += n;
        size -= (size_t)n;
    }
    return n < 0 ? n : total;
}

static ssize_t read_unlocked(struct input *input, uint64_t at, char *to, size_t size)
{
    if (input->fd < 0)
        input->fd = fcntl(input->body->fd, F_DUPFD_CLOEXEC, 0);
    if (input->fd < 0)
        return -errno;
    struct body body = { .len = input->body->len, .fd = input->fd };
    ssize_t n;
    input->n_readers++;
    Py_BEGIN_ALLOW_THREADS;
    n = read_all(&body, at, to, size);
    Py_END_ALLOW_THREADS;
    input->n_readers--;
    close_unused(input);
    return n;
}

/* The bytes are taken before the GIL is released: threads that share the input never get the same ones. */
static PyObject *read_file(struct input *input, size_t size)
{
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
    if (!bytes || !size)
        return bytes;
    uint64_t at = input->at;
    input->at += size;
    ssize_t n = read_unlocked(input, at, PyBytes_AS_STRING(bytes), size);
    if (n < 0) {
        Py_DECREF(bytes);
        errno = (int)-n;
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    if ((size_t)n < size)
        _PyBytes_Resize(&bytes, n); /* NULL with an exception when it fails */
    return bytes;
}

static PyObject *read_bytes(struct input *input, size_t size)
{
    bool is_file;
    str memory = body_memory(input->body, &is_file);
    if (is_file)
        return read_file(input, size);
    PyObject *bytes = PyBytes_FromStringAndSize(size ? memory.p + input->at : NULL, (Py_ssize_t)size);
    input->at += bytes ? size : 0;
    return bytes;
}

static size_t bounded(const struct input *input, Py_ssize_t count)
{
    uint64_t rest = left(input);
    return count < 0 || (uint64_t)count > rest ? (size_t)rest : (size_t)count;
}

static PyObject *input_read(PyObject *self, PyObject *const *args, Py_ssize_t n_args)
{
    struct input *input = (struct input *)self;
    Py_ssize_t count;
    if (!parse_count(args, n_args, &count) || !is_open(input))
        return NULL;
    return read_bytes(input, bounded(input, count));
}

/* The length of the line at `input->at`, its LF included, at most `most`; or -errno. */
static ssize_t line_len(const struct input *input, size_t most)
{
    bool is_file;
    str memory = body_memory(input->body, &is_file);
    if (!is_file) {
        const char *hit = most ? memchr(memory.p + input->at, '\n', most) : NULL;
        return hit ? hit - (memory.p + input->at) + 1 : (ssize_t)most;
    }
    char block[LINE_BLOCK];
    for (size_t seen = 0; seen < most;) {
        ssize_t n = body_read(input->body, input->at + seen, block, size_min(sizeof(block), most - seen));
        if (n <= 0)
            return n < 0 ? n : (ssize_t)seen;
        const char *hit = memchr(block, '\n', (size_t)n);
        if (hit)
            return (ssize_t)seen + (hit - block) + 1;
        seen += (size_t)n;
    }
    return (ssize_t)most;
}

static PyObject *read_line(struct input *input, Py_ssize_t count)
{
    ssize_t len = line_len(input, bounded(input, count));
    if (len < 0) {
        errno = (int)-len;
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    return read_bytes(input, (size_t)len);
}

static PyObject *input_readline(PyObject *self, PyObject *const *args, Py_ssize_t n_args)
{
    struct input *input = (struct input *)self;
    Py_ssize_t count;
    if (!parse_count(args, n_args, &count) || !is_open(input))
        return NULL;
    return read_line(input, count);
}

static PyObject *input_readlines(PyObject *self, PyObject *const *args, Py_ssize_t n_args)
{
    struct input *input = (struct input *)self;
    Py_ssize_t hint;
    if (!parse_count(args, n_args, &hint) || !is_open(input))
        return NULL;
    PyObject *lines = PyList_New(0);
    uint64_t start = input->at;
    while (lines && left(input) && (hint <= 0 || input->at - start < (uint64_t)hint)) {
        PyObject *line = read_line(input, -1);
        if (!line || PyList_Append(lines, line) || !is_open(input))
            Py_CLEAR(lines);
        Py_XDECREF(line);
    }
    return lines;
}

static PyObject *input_next(PyObject *self)
{
    struct input *input = (struct input *)self;
    if (!is_open(input) || !left(input))
        return NULL;
    return read_line(input, -1);
}

static void input_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    input_detach(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    { "read", (PyCFunction)(void (*)(void))input_read, METH_FASTCALL, "read([size]) -> bytes" },
    { "readline", (PyCFunction)(void (*)(void))input_readline, METH_FASTCALL, "readline([size]) -> bytes" },
    { "readlines", (PyCFunction)(void (*)(void))input_readlines, METH_FASTCALL, "readlines([hint]) -> list" },
    { 0 },
};

static PyType_Slot slots[] = {
    { Py_tp_dealloc, input_dealloc },
    { Py_tp_methods, methods },
    { Py_tp_iter, PyObject_SelfIter },
    { Py_tp_iternext, input_next },
    { 0 },
};

static PyType_Spec spec = {
    .name = "galley.Input",
    .basicsize = sizeof(struct input),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};

static PyTypeObject *input_type;

int input_type_init(void)
{
    if (!input_type)
        input_type = make_closed_type(&spec);
    return input_type ? 0 : -1;
}

PyObject *input_new(const struct body *body)
{
    struct input *input = PyObject_New(struct input, input_type);
    if (!input)
        return NULL;
    input->body = body;
    input->at = 0;
    input->fd = -1;
    input->n_readers = 0;
    return (PyObject *)input;
}

void input_detach(PyObject *self)
{
    struct input *input = (struct input *)self;
    input->body = NULL;
    close_unused(input);
}
