/* SPDX-License-Identifier: MIT */
/* A call: environ and start_response go in, an iterable comes out and is sent item by item; close() is
 * called exactly once on every path; an exception before the head becomes a 500, one after it cuts the
 * connection so that the client can tell. The exchange is finished last, when nothing of it is needed. */
#include "app/wsgi.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "app/drops.h"
#include "app/errors.h"
#include "app/input.h"
#include "app/start_response.h"
#include "base/arena.h"
#include "http/h1_write.h"

struct wsgi {
    struct wsgi_config config;
    struct environ_maker *environs;
    struct drops drops;
    PyObject *close_name;       /* "close" */
    PyObject *early_hints_name; /* "wsgi.early_hints" */
};

struct wsgi *wsgi_new(const struct wsgi_config *config)
{
    if (input_type_init() || start_response_type_init())
        return NULL;
    struct environ_maker *environs = environ_maker_new(&config->environ);
    PyObject *close_name = PyUnicode_InternFromString("close");
    PyObject *early_hints_name = PyUnicode_InternFromString("wsgi.early_hints");
    if (!environs || !close_name || !early_hints_name) {
        environ_maker_free(environs);
        return NULL;
    }
    struct wsgi *wsgi = memory_alloc(sizeof(*wsgi));
    *wsgi = (struct wsgi){ .config = *config,
                           .environs = environs,
                           .close_name = close_name,
                           .early_hints_name = early_hints_name };
    drops_init(&wsgi->drops, config->crew);
    Py_INCREF(wsgi->config.application);
    Py_INCREF(wsgi->config.environ.file_wrapper);
    return wsgi;
}

void wsgi_free(struct wsgi *wsgi)
{
    if (!wsgi)
        return;
    environ_maker_free(wsgi->environs);
    Py_DECREF(wsgi->close_name);
    Py_DECREF(wsgi->early_hints_name);
    Py_DECREF(wsgi->config.application);
    Py_DECREF(wsgi->config.environ.file_wrapper);
    free(wsgi);
}

/* The whole body is known. Nothing at all says nothing of what a GET would give (RFC 9110 section 8.6). */
static void set_whole_length(struct call *call, uint64_t length)
{
    struct output *output = &call->exchange->output;
    if (output->has_length || (!length && call->exchange->head->method == METHOD_HEAD))
        return;
    output->has_length = true;
    output->length = length;
}

static bool set_sum_length(struct call *call, PyObject *items)
{
    if (call->has_head)
        return true; /* write() was used */
    uint64_t sum = 0;
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items); i++) {
        PyObject *item = PySequence_Fast_GET_ITEM(items, i);
        if (!PyBytes_Check(item))
            return true; /* sending it will say so */
        sum += (uint64_t)PyBytes_GET_SIZE(item);
    }
    if (!call->has_response)
        return call_send_head(call); /* raises */
    set_whole_length(call, sum);
    return true;
}

/* A list or tuple: all of it is here, so its length can be declared and it leaves in one go. */
static bool send_items(struct call *call, PyObject *items)
{
    Py_ssize_t count = PySequence_Fast_GET_SIZE(items);
    enum call_progress progress = set_sum_length(call, items) ? CALL_GO_ON : CALL_ERROR;
    for (Py_ssize_t i = 0; progress == CALL_GO_ON && i < PySequence_Fast_GET_SIZE(items); i++) {
        PyObject *item = Py_NewRef(PySequence_Fast_GET_ITEM(items, i)); /* the list may change meanwhile */
        progress = count == 1 ? call_send_last_item(call, item) : call_send_item(call, item);
        Py_DECREF(item);
    }
    return progress != CALL_ERROR;
}

static bool send_iterable(struct call *call, PyObject *iterable)
{
    PyObject *iterator = PyObject_GetIter(iterable), *item;
    if (!iterator)
        return false;
    enum call_progress progress = CALL_GO_ON;
    while (progress == CALL_GO_ON && (item = PyIter_Next(iterator))) {
        progress = call_send_item(call, item);
        Py_DECREF(item);
    }
    Py_DECREF(iterator);
    return !PyErr_Occurred();
}

static void release_file(struct segment *segment)
{
    free(segment);
}

/* The descriptor, position and size of a regular file whose bytes `wrapper` would give; false for everything
 * else, and for a file that is at its end or does not tell its size (/proc). May set an exception. */
static bool file_of(PyObject *wrapper, int *out_fd, off_t *out_at, off_t *out_end)
{
    int fd;
    long long at;
    struct stat info;
    PyObject *found = PyObject_CallMethod(wrapper, "_file", NULL);
    bool ok = found && found != Py_None && PyArg_ParseTuple(found, "iL", &fd, &at) && fstat(fd, &info) == 0 &&
              S_ISREG(info.st_mode) && at < info.st_size;
    Py_XDECREF(found);
    if (!ok)
        return false;
    *out_fd = fd;
    *out_at = (off_t)at;
    *out_end = info.st_size;
    return true;
}

static bool push_file(struct call *call, int fd, off_t at, off_t end)
{
    struct output *output = &call->exchange->output;
    uint64_t len = (uint64_t)(end - at);
    set_whole_length(call, len);
    if (!call_send_head(call))
        return false;
    len = len < output->length ? len : output->length;
    if (!len)
        return true;
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0) {
        PyErr_SetFromErrno(PyExc_OSError);
        return false;
    }
    struct segment *segment = memory_alloc(sizeof(*segment));
    *segment = (struct segment){ .fd = own, .offset = at, .len = len, .release = release_file };
    output_push(output, segment);
    return true;
}

/* wsgi.file_wrapper: the loop sends a regular file from a descriptor of its own, so the application's can
 * be closed at once. */
static bool send_file(struct call *call, PyObject *wrapper)
{
    int fd;
    off_t at, end;
    if (!call->has_response || call->has_head)
        return send_iterable(call, wrapper);
    if (file_of(wrapper, &fd, &at, &end))
        return push_file(call, fd, at, end);
    return !PyErr_Occurred() && send_iterable(call, wrapper);
}

static bool send_items_of(struct wsgi *wsgi, struct call *call, PyObject *result)
{
    if (PyList_CheckExact(result) || PyTuple_CheckExact(result))
        return send_items(call, result);
    if ((PyObject *)Py_TYPE(result) == wsgi->config.environ.file_wrapper)
        return send_file(call, result);
    return send_iterable(call, result);
}

static bool send_result(struct wsgi *wsgi, struct call *call, PyObject *result)
{
    if (!send_items_of(wsgi, call, result))
        return false;
    if (!call->has_head)
        set_whole_length(call, 0);
    return call_send_head(call);
}

static void log_failure(struct wsgi *wsgi, const struct exchange *exchange, const char *what)
{
    char text[256];
    str target = head_slice(exchange->head, exchange->head->target);
    snprintf(text, sizeof(text), "%s %.*s", what, (int)size_min(target.len, 160), target.p);
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    errors_log_exception(wsgi->config.log, text);
}

/* close() of the iterable, if it has one. What it raises is logged: the response is decided by then. An
 * exception that is set already stays. */
static void close_result(struct wsgi *wsgi, const struct exchange *exchange, PyObject *result)
{
    if (PyList_CheckExact(result) || PyTuple_CheckExact(result))
        return;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *close = PyObject_GetAttr(result, wsgi->close_name);
    PyObject *done = close ? PyObject_CallNoArgs(close) : NULL;
    if (!close && PyErr_ExceptionMatches(PyExc_AttributeError))
        PyErr_Clear(); /* nothing to close */
    else if (!done)
        log_failure(wsgi, exchange, "Error in close() after request");
    Py_XDECREF(close);
    Py_XDECREF(done);
    PyErr_Restore(type, value, traceback);
}

static void send_error_page(struct exchange *exchange)
{
    struct output *output = &exchange->output;
    struct buf page = { 0 };
    h1_write_error_page(&page, 500, STR_NONE);
    output->status = 500;
    output->reason.len = output->fields.len = 0;
    buf_append(&output->fields, STR("Content-Type: text/html\r\n"));
    output->has_length = output->closes = true;
    output->length = page.len;
    output_set_head(output);
    output_push_copy(output, buf_str(&page));
    buf_done(&page);
}

/* environ[name], the name in any case as in gunicorn's formats: as it is, then in upper case (a new reference
 * or NULL). */
static PyObject *find_variable(PyObject *environ, const char *name)
{
    PyObject *key = PyUnicode_FromString(name);
    PyObject *value = key ? PyDict_GetItem(environ, key) : NULL;
    PyObject *upper = key && !value ? PyObject_CallMethod(key, "upper", NULL) : NULL;
    if (upper)
        value = PyDict_GetItem(environ, upper);
    Py_XINCREF(value);
    Py_XDECREF(key);
    Py_XDECREF(upper);
    return value;
}

/* The access log's environ variables are read now, while the environ exists. */
static void take_notes(struct wsgi *wsgi, struct exchange *exchange, PyObject *environ)
{
    for (size_t i = 0; i < wsgi->config.n_note_names; i++) {
        PyObject *value = find_variable(environ, wsgi->config.note_names[i]);
        PyObject *text = value ? PyObject_Str(value) : NULL;
        const char *utf8 = text ? PyUnicode_AsUTF8(text) : NULL;
        buf_append(&exchange->notes, str_of(utf8 ? utf8 : "-"));
        buf_append_char(&exchange->notes, '\0');
        Py_XDECREF(value);
        Py_XDECREF(text);
        PyErr_Clear();
    }
}

static bool set_early_hints(struct wsgi *wsgi, PyObject *environ, PyObject *start_response)
{
    PyObject *early_hints = early_hints_new(start_response);
    bool ok = early_hints && !PyDict_SetItem(environ, wsgi->early_hints_name, early_hints);
    Py_XDECREF(early_hints);
    return ok;
}

/* The call proper; false with an exception set. */
static bool call_application(struct wsgi *wsgi, struct call *call, PyObject *environ)
{
    PyObject *start_response = start_response_new(call);
    PyObject *args[] = { environ, start_response };
    bool ready = start_response && set_early_hints(wsgi, environ, start_response);
    PyObject *result = ready ? PyObject_Vectorcall(wsgi->config.application, args, 2, NULL) : NULL;
    bool ok = result && send_result(wsgi, call, result);
    if (result)
        close_result(wsgi, call->exchange, result);
    Py_XDECREF(result);
    if (start_response)
        start_response_detach(start_response);
    Py_XDECREF(start_response);
    return ok;
}

static bool run(struct wsgi *wsgi, struct call *call)
{
    PyObject *input = input_new(&call->exchange->body);
    PyObject *environ = input ? environ_make(wsgi->environs, call->exchange, input) : NULL;
    bool ok = environ && call_application(wsgi, call, environ);
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    if (environ && wsgi->config.n_note_names)
        take_notes(wsgi, call->exchange, environ);
    if (input)
        input_detach(input);
    Py_XDECREF(environ);
    Py_XDECREF(input);
    PyErr_Restore(type, value, traceback);
    return ok;
}

/* Whether the exception that is set is what write() raises when nobody listens any more. */
static bool is_client_gone(struct exchange *exchange)
{
    return PyErr_ExceptionMatches(PyExc_BrokenPipeError) && output_is_aborted(&exchange->output);
}

static void end_in_error(struct wsgi *wsgi, struct call *call)
{
    if (is_client_gone(call->exchange))
        PyErr_Clear();
    else
        log_failure(wsgi, call->exchange, "Error handling request");
    if (!call->has_head)
        send_error_page(call->exchange);
}

void wsgi_call(struct wsgi *wsgi, struct exchange *exchange)
{
    struct call call = { .exchange = exchange, .crew = wsgi->config.crew, .drops = &wsgi->drops };
    bool ok = run(wsgi, &call);
    if (!ok)
        end_in_error(wsgi, &call);
    exchange_finish(exchange, ok || !call.has_head);
}
