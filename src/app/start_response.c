/* SPDX-License-Identifier: MIT */
/* What an application answers with: start_response() checks status and fields and copies them into the
 * exchange, and until the first item is sent (respond.c) a further call can replace them. The objects may
 * outlive their request and be used by any thread, so they find the call through one pointer that goes. */
#include "app/start_response.h"

#include <errno.h>

#include "app/crew.h"
#include "base/num.h"
#include "http/fields.h"

struct start_response {
    PyObject_HEAD struct call *call; /* NULL when it is over */
};

/* write() and wsgi.early_hints(): callables that belong to a start_response. */
struct companion {
    PyObject_HEAD struct start_response *owner; /* a reference */
};

static PyTypeObject *start_response_type, *write_type, *early_hints_type;

/* The latin-1 bytes of a native string (PEP 3333, "Unicode Issues"). */
static bool text_of(PyObject *object, const char *what, str *out)
{
    if (!PyUnicode_Check(object)) {
        PyErr_Format(PyExc_TypeError, "%s must be str, not %.100s", what, Py_TYPE(object)->tp_name);
        return false;
    }
#if PY_VERSION_HEX < 0x030C0000
    if (PyUnicode_READY(object))
        return false;
#endif
    if (PyUnicode_KIND(object) != PyUnicode_1BYTE_KIND) {
        PyErr_Format(PyExc_ValueError, "%s must be latin-1: %R", what, object);
        return false;
    }
    *out = str_make((const char *)PyUnicode_1BYTE_DATA(object), (size_t)PyUnicode_GET_LENGTH(object));
    return true;
}

static bool set_status(struct output *output, PyObject *object)
{
    str status;
    uint64_t code;
    if (!text_of(object, "the status", &status))
        return false;
    bool ok = num_parse(str_sub(status, 0, 3), 999, &code) && code >= 200 &&
              (status.len == 3 || status.p[3] == ' ') && field_value_is_valid(status);
    if (!ok) {
        PyErr_Format(PyExc_ValueError, "the status must be like '200 OK', with a code from 200 to 999: %R",
                     object);
        return false;
    }
    output->status = (int)code;
    output->reason.len = 0;
    buf_append(&output->reason, str_sub(status, 4, status.len));
    return true;
}

/* A pair (name, value) as two checked strings. */
static bool parse_pair(PyObject *pair, str *out_name, str *out_value)
{
    bool is_tuple = PyTuple_Check(pair);
    if (!(is_tuple || PyList_Check(pair)) || Py_SIZE(pair) != 2) { /* not len(): a subclass may lie */
        PyErr_Format(PyExc_TypeError, "each field must be a tuple (name, value), not %R", pair);
        return false;
    }
    PyObject *name = is_tuple ? PyTuple_GET_ITEM(pair, 0) : PyList_GET_ITEM(pair, 0);
    PyObject *value = is_tuple ? PyTuple_GET_ITEM(pair, 1) : PyList_GET_ITEM(pair, 1);
    if (!text_of(name, "a field name", out_name) || !text_of(value, "a field value", out_value))
        return false;
    if (!field_name_is_valid(*out_name)) {
        PyErr_Format(PyExc_ValueError, "invalid field name: %R", name);
        return false;
    }
    if (!field_value_is_valid(*out_value)) {
        PyErr_Format(PyExc_ValueError, "invalid value of field %U: %R", name, value);
        return false;
    }
    *out_value = str_trim(*out_value);
    return true;
}

static void append_field(struct buf *fields, str name, str value)
{
    char *to = buf_reserve(fields, name.len + value.len + 4);
    memcpy(to, name.p, name.len);
    memcpy(to + name.len, ": ", 2);
    if (value.len)
        memcpy(to + name.len + 2, value.p, value.len);
    memcpy(to + name.len + 2 + value.len, "\r\n", 2);
    fields->len += name.len + value.len + 4;
}

static bool set_length(struct output *output, str value)
{
    uint64_t length;
    bool again = output->has_length;
    if (!num_parse(value, INT64_MAX, &length) || (again && length != output->length)) {
        PyErr_Format(PyExc_ValueError, "Content-Length must be one whole number, not '%.40s'",
                     value.len ? value.p : "");
        return false;
    }
    output->has_length = true;
    output->length = length;
    return true;
}

static bool add_field(PyObject *pair, struct buf *fields, struct output *output)
{
    str name, value;
    if (!parse_pair(pair, &name, &value))
        return false;
    enum field_id id = field_lookup(name);
    if (id == FIELD_CONTENT_LENGTH)
        return !output || set_length(output, value);
    if (!field_is_hop_by_hop(id))
        append_field(fields, name, value);
    return true;
}

/* The pairs as a list or tuple (a new reference). May run the application's code. */
static PyObject *list_pairs(PyObject *headers)
{
    return PySequence_Fast(headers, "the response fields must be a list of tuples");
}

/* Checks the pairs and appends them to `fields`. What describes the hop is the server's: dropped, as
 * gunicorn does. Content-Length goes to `output` (NULL: dropped). Runs code of the application only when it
 * fails, to show what is wrong. */
static bool add_fields(PyObject *pairs, struct buf *fields, struct output *output)
{
    bool ok = true;
    for (Py_ssize_t i = 0; ok && i < PySequence_Fast_GET_SIZE(pairs); i++) {
        PyObject *pair = Py_NewRef(PySequence_Fast_GET_ITEM(pairs, i));
        ok = add_field(pair, fields, output);
        Py_DECREF(pair);
    }
    return ok;
}

/* Raises what `exc_info` holds. False, as an exception is set in any case. */
static bool reraise(PyObject *exc_info)
{
    bool is_triple = PyTuple_Check(exc_info) && PyTuple_GET_SIZE(exc_info) == 3;
    PyObject *type = is_triple ? PyTuple_GET_ITEM(exc_info, 0) : Py_None;
    PyObject *value = is_triple ? PyTuple_GET_ITEM(exc_info, 1) : Py_None;
    PyObject *traceback = is_triple ? PyTuple_GET_ITEM(exc_info, 2) : Py_None;
    if (PyExceptionInstance_Check(value))
        PyErr_Restore(Py_NewRef(PyExceptionInstance_Class(value)), Py_NewRef(value),
                      PyTraceBack_Check(traceback) ? Py_NewRef(traceback) : NULL);
    else if (value == Py_None && PyExceptionClass_Check(type))
        PyErr_SetNone(type);
    else
        PyErr_SetString(PyExc_TypeError, "exc_info must be a tuple (type, value, traceback)");
    return false;
}

/* Whether start_response may be called now; an exception is set when not. `exc_info` may be NULL. */
static bool may_start(const struct call *call, PyObject *exc_info)
{
    if (!call) {
        PyErr_SetString(PyExc_RuntimeError, "start_response() was called after the request ended");
        return false;
    }
    if (exc_info)
        return call->has_head ? reraise(exc_info) : true;
    if (!call->has_response)
        return true;
    PyErr_SetString(PyExc_AssertionError, "start_response() was called twice, without exc_info");
    return false;
}

static PyObject *new_companion(PyTypeObject *type, struct start_response *owner)
{
    struct companion *companion = PyObject_New(struct companion, type);
    if (companion)
        companion->owner = (struct start_response *)Py_NewRef((PyObject *)owner);
    return (PyObject *)companion;
}

static bool set_head(struct call *call, PyObject *status, PyObject *pairs)
{
    struct output *output = &call->exchange->output;
    call->has_response = false;
    output->fields.len = 0;
    output->has_length = false;
    call->has_response = set_status(output, status) && add_fields(pairs, &output->fields, output);
    return call->has_response;
}

static PyObject *start_response_call(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = { (char *)"status", (char *)"headers", (char *)"exc_info", NULL };
    struct start_response *start = (struct start_response *)self;
    PyObject *status, *headers, *exc_info = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|O:start_response", names, &status, &headers,
                                     &exc_info))
        return NULL;
    /* first what may run code of the application, which may call us in turn */
    int has_exc_info = exc_info ? PyObject_IsTrue(exc_info) : 0;
    PyObject *pairs = has_exc_info < 0 ? NULL : list_pairs(headers);
    bool ok = pairs && may_start(start->call, has_exc_info ? exc_info : NULL) &&
              set_head(start->call, status, pairs);
    Py_XDECREF(pairs);
    return ok ? new_companion(write_type, start) : NULL;
}

/* How a thread that is still in write() tells that it is through; for all calls, as it is rare. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t left;
} guests = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER };

static void leave_call(struct call *call)
{
    if (!call->is_over) {
        call->n_inside--;
        return;
    }
    pthread_mutex_lock(&guests.lock);
    call->n_inside--;
    pthread_cond_broadcast(&guests.left);
    pthread_mutex_unlock(&guests.lock);
}

static void wait_for_guests(struct call *call)
{
    crew_give_away(call->crew);
    Py_BEGIN_ALLOW_THREADS;
    pthread_mutex_lock(&guests.lock);
    while (call->n_inside)
        pthread_cond_wait(&guests.left, &guests.lock);
    pthread_mutex_unlock(&guests.lock);
    Py_END_ALLOW_THREADS;
}

/* As gunicorn's: an application that writes without end must hear that nobody listens. */
static PyObject *raise_client_gone(void)
{
    errno = EPIPE;
    return PyErr_SetFromErrno(PyExc_OSError);
}

static PyObject *write_call(PyObject *self, PyObject *args, PyObject *kwargs)
{
    struct call *call = ((struct companion *)self)->owner->call;
    PyObject *data;
    if (!PyArg_ParseTuple(args, "S:write", &data))
        return NULL;
    if (!call) {
        PyErr_SetString(PyExc_RuntimeError, "write() was called after the request ended");
        return NULL;
    }
    call->n_inside++;
    enum call_progress progress = call_send_item(call, data);
    leave_call(call);
    if (progress == CALL_CLIENT_GONE)
        return raise_client_gone();
    return progress == CALL_ERROR ? NULL : Py_NewRef(Py_None);
}

static void send_hints(struct call *call, str fields)
{
    call->n_inside++;
    output_hint(&call->exchange->output, fields);
    exchange_post(call->exchange);
    crew_pump(call->crew);
    leave_call(call);
}

/* Sent at once: the application goes on to work for the response while the client fetches. */
static PyObject *early_hints_call(PyObject *self, PyObject *args, PyObject *kwargs)
{
    struct start_response *owner = ((struct companion *)self)->owner;
    PyObject *headers;
    if (!PyArg_ParseTuple(args, "O:early_hints", &headers))
        return NULL;
    PyObject *pairs = list_pairs(headers);
    if (!pairs)
        return NULL;
    struct buf fields = { 0 };
    bool ok = add_fields(pairs, &fields, NULL);
    if (ok && fields.len && owner->call && !owner->call->has_head) /* else too late to be of use */
        send_hints(owner->call, buf_str(&fields));
    buf_done(&fields);
    Py_DECREF(pairs);
    return ok ? Py_NewRef(Py_None) : NULL;
}

static void start_response_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static void companion_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    Py_DECREF((PyObject *)((struct companion *)self)->owner);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyType_Slot start_response_slots[] = {
    { Py_tp_call, start_response_call },
    { Py_tp_dealloc, start_response_dealloc },
    { 0 },
};

static PyType_Slot write_slots[] = {
    { Py_tp_call, write_call },
    { Py_tp_dealloc, companion_dealloc },
    { 0 },
};

static PyType_Slot early_hints_slots[] = {
    { Py_tp_call, early_hints_call },
    { Py_tp_dealloc, companion_dealloc },
    { 0 },
};

static PyType_Spec start_response_spec = {
    .name = "galley.StartResponse",
    .basicsize = sizeof(struct start_response),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = start_response_slots,
};

static PyType_Spec write_spec = {
    .name = "galley.Write",
    .basicsize = sizeof(struct companion),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = write_slots,
};

static PyType_Spec early_hints_spec = {
    .name = "galley.EarlyHints",
    .basicsize = sizeof(struct companion),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = early_hints_slots,
};

static bool make_type(PyTypeObject **type, PyType_Spec *spec)
{
    if (!*type)
        *type = make_closed_type(spec);
    return *type != NULL;
}

int start_response_type_init(void)
{
    bool ok = make_type(&start_response_type, &start_response_spec) && make_type(&write_type, &write_spec) &&
              make_type(&early_hints_type, &early_hints_spec);
    return ok ? 0 : -1;
}

PyObject *start_response_new(struct call *call)
{
    struct start_response *start = PyObject_New(struct start_response, start_response_type);
    if (start)
        start->call = call;
    return (PyObject *)start;
}

PyObject *early_hints_new(PyObject *start_response)
{
    return new_companion(early_hints_type, (struct start_response *)start_response);
}

void start_response_detach(PyObject *start_response)
{
    struct start_response *start = (struct start_response *)start_response;
    struct call *call = start->call;
    start->call = NULL;
    call->is_over = true;
    if (call->n_inside)
        wait_for_guests(call);
}
