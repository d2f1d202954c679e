/* SPDX-License-Identifier: MIT */
/* A worker, from fork to exit: privileges, the application, then loop, server, bridge and crew put together.
 * Everything of the worker hangs on `struct worker`, which lives on worker_run's stack. The functions under
 * "On the loop" run on whichever thread owns the loop, without the GIL. */
#include "app/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "app/crew.h"
#include "app/errors.h"
#include "app/load.h"
#include "app/worker_signals.h"
#include "app/wsgi.h"
#include "base/clock.h"
#include "master/privileges.h"
#include "server/access_log.h"
#include "server/server.h"

enum { BEAT_MS = 1000 };

struct worker {
    const struct settings *settings;
    const struct worker_seat *seat;
    struct log *log;
    struct loop loop;
    struct server_config config;
    struct server server;
    struct crew *crew;
    struct wsgi *wsgi;
    struct timer beat;
    struct watch master;    /* readable when the master has gone */
    PyThreadState **states; /* one an application thread, while it is outside the GIL */
    PyObject *errors, *file_wrapper, *application;
};

/* Around jobs */

static void take_gil(void *owner, unsigned member)
{
    PyEval_RestoreThread(((struct worker *)owner)->states[member]);
}

static void drop_gil(void *owner, unsigned member)
{
    ((struct worker *)owner)->states[member] = PyEval_SaveThread();
}

/* Python's own handlers, which the application installed; what they raise ends the worker, as an exception
 * out of a signal handler ends a script. */
static void on_interrupted(void *owner)
{
    struct worker *worker = owner;
    take_gil(worker, 0);
    if (PyErr_CheckSignals()) {
        errors_log_exception(worker->log, "A signal handler of the application raised");
        raise(SIGTERM);
    }
    drop_gil(worker, 0);
}

static const struct crew_ops crew_ops = { take_gil, drop_gil, on_interrupted };

/* On the loop: the handler of all requests */

static void run_call(struct task *job)
{
    struct exchange *exchange = CONTAINER_OF(job, struct exchange, job);
    struct worker *worker = exchange->server->owner;
    atomic_store_explicit(&exchange->begun_ms, clock_mono_ms(), memory_order_relaxed);
    wsgi_call(worker->wsgi, exchange);
}

static void publish_busy(struct worker *worker)
{
    uint32_t busy = (uint32_t)(worker->settings->threads - crew_idle(worker->crew));
    atomic_store_explicit(&worker->seat->stats->busy_threads, busy, memory_order_relaxed);
}

static void handle(void *owner, struct exchange *exchange)
{
    struct worker *worker = owner;
    exchange->job.run = run_call;
    crew_submit(worker->crew, &exchange->job);
}

static bool cancel(void *owner, struct exchange *exchange)
{
    return crew_cancel(((struct worker *)owner)->crew, &exchange->job);
}

static int idle(void *owner)
{
    publish_busy(owner);
    return crew_idle(((struct worker *)owner)->crew);
}

static int queued(void *owner)
{
    return crew_queued(((struct worker *)owner)->crew);
}

/* Tells the master, which starts a replacement and then ends this worker with TERM. */
static void retire(struct worker *worker)
{
    uint8_t phase = atomic_load(&worker->seat->stats->phase);
    if (phase == WORKER_RETIRING || worker->server.is_draining)
        return;
    atomic_store(&worker->seat->stats->phase, WORKER_RETIRING);
    ssize_t n = write(worker->seat->notify_fd, "", 1);
    (void)n; /* full: the master has enough bytes to wake it */
}

static void overdue(void *owner, struct exchange *exchange)
{
    struct worker *worker = owner;
    const struct http_head *head = exchange->head;
    str target = head_slice(head, head->target);
    log_write(worker->log, LOG_CRITICAL,
              "WORKER TIMEOUT (pid:%d): %.*s %.*s ran over the timeout of %lld s; the client got 504 and the "
              "worker is "
              "replaced",
              (int)getpid(), STR_FMT(head_slice(head, head->method_name)), (int)size_min(target.len, 160),
              target.p, (long long)worker->settings->timeout_s);
    retire(worker);
}

static const struct handler handler = { handle, cancel, overdue, idle, queued };

/* On the loop: what else happens to a worker */

static void on_drained(struct server *server)
{
    crew_stop(((struct worker *)server->owner)->crew);
}

static void on_requests_most(struct server *server)
{
    struct worker *worker = server->owner;
    if (atomic_load(&worker->seat->stats->phase) != WORKER_RETIRING)
        log_write(worker->log, LOG_INFO, "Autorestarting worker after current request.");
    retire(worker);
}

static void on_term(void *owner)
{
    server_drain(&((struct worker *)owner)->server);
}

/* A thread that is in a call cannot be ended; nothing of the process is worth waiting for then. */
static void on_quit(void *owner)
{
    struct worker *worker = owner;
    if (crew_idle(worker->crew) < (int)worker->settings->threads) {
        log_write(worker->log, LOG_INFO, "Worker exiting (pid: %d)", (int)getpid());
        _exit(0);
    }
    crew_stop(worker->crew);
}

static void on_reopen(void *owner)
{
    struct worker *worker = owner;
    int error = log_reopen(worker->log);
    if (!error && worker->server.access_log)
        error = access_log_reopen(worker->server.access_log);
    if (error)
        log_write(worker->log, LOG_ERROR, "cannot reopen a log file: %s", strerror(-error));
}

static const struct worker_signal_ops signal_ops = { on_term, on_quit, on_reopen };

/* Often enough that one late beat does not look like a dead worker. */
static msec beat_interval(const struct settings *settings)
{
    msec quarter = settings->timeout_s * 1000 / 4;
    return quarter && quarter < BEAT_MS ? quarter : BEAT_MS;
}

static void on_beat(struct timer *timer)
{
    struct worker *worker = CONTAINER_OF(timer, struct worker, beat);
    atomic_store(&worker->seat->stats->beat_ms, worker->loop.now);
    timer_set(&worker->loop, timer, beat_interval(worker->settings));
}

static void on_master_gone(struct watch *watch, uint32_t events)
{
    struct worker *worker = CONTAINER_OF(watch, struct worker, master);
    log_write(worker->log, LOG_INFO, "Parent changed, shutting down: the master is gone");
    loop_unwatch(&worker->loop, watch);
    server_drain(&worker->server);
}

/* Putting it together */

/* max_requests plus a random share of the jitter, so that workers do not all leave at once. */
static uint64_t draw_requests_most(const struct settings *settings)
{
    if (!settings->max_requests)
        return 0;
    uint64_t random = 0;
    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        random = (uint64_t)clock_mono_us();
    return (uint64_t)settings->max_requests + random % ((uint64_t)settings->max_requests_jitter + 1);
}

static uint32_t limit32(int64_t value)
{
    return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static void configure(struct worker *worker)
{
    const struct settings *settings = worker->settings;
    worker->config = (struct server_config){
        .head = {
            .request_line = limit32(settings->limit_request_line),
            .fields = limit32(settings->limit_request_fields),
            .field_size = limit32(settings->limit_request_field_size),
        },
        .body = {
            .most = (uint64_t)settings->limit_request_body,
            .in_memory = (size_t)settings->body_buffer_size,
            .dir = settings->tmp_upload_dir,
        },
        .output_most = (uint64_t)settings->output_buffer_size,
        .header_timeout_ms = settings->header_timeout_s * 1000,
        .body_timeout_ms = settings->body_timeout_s * 1000,
        .keepalive_ms = settings->keepalive_s * 1000,
        .send_timeout_ms = settings->send_timeout_s * 1000,
        .call_timeout_ms = settings->timeout_s * 1000,
        .connections_most = limit32(settings->worker_connections),
        .requests_most = draw_requests_most(settings),
        .server_token = STR("galley"),
    };
}

/* For the log, and for the master, whose last line repeats it. */
static void report_boot_error(struct worker *worker, const char *error)
{
    log_write(worker->log, LOG_ERROR, "%s", error);
    snprintf(worker->seat->stats->boot_error, BOOT_ERROR_MAX, "%s", error);
}

static bool open_access_log(struct worker *worker)
{
    const struct settings *settings = worker->settings;
    const char *why;
    if (!settings->accesslog)
        return true;
    worker->server.access_log =
        access_log_open(&worker->loop, settings->accesslog, settings->access_log_format, &why);
    if (worker->server.access_log)
        return true;
    struct buf error = { 0 };
    buf_printf(&error, "accesslog '%s' cannot be opened: %s", settings->accesslog, why);
    report_boot_error(worker, buf_text(&error));
    buf_done(&error);
    return false;
}

static void start_server(struct worker *worker)
{
    const struct worker_seat *seat = worker->seat;
    struct access_log *access_log = worker->server.access_log;
    worker->server = (struct server){
        .loop = &worker->loop,
        .log = worker->log,
        .config = &worker->config,
        .handler = &handler,
        .handler_owner = worker,
        .access_log = access_log,
        .stats = seat->stats,
        .peers = seat->all_stats,
        .n_peers = seat->n_used,
        .nudge_fd = seat->nudge_fd,
        .listeners = seat->listeners,
        .n_listeners = (unsigned)seat->n_listeners,
        .on_drained = on_drained,
        .on_requests_most = on_requests_most,
        .owner = worker,
    };
    server_start(&worker->server);
}

static PyObject *import_from(const char *module_name, const char *name)
{
    PyObject *module = PyImport_ImportModule(module_name);
    PyObject *object = module ? PyObject_GetAttrString(module, name) : NULL;
    Py_XDECREF(module);
    return object;
}

static bool start_bridge(struct worker *worker)
{
    const struct worker_seat *seat = worker->seat;
    worker->errors = errors_new(worker->log);
    worker->file_wrapper = import_from("galley.filewrapper", "FileWrapper");
    if (!worker->errors || !worker->file_wrapper)
        return false;
    struct wsgi_config config = {
        .environ = {
            .multithread = worker->settings->threads > 1,
            .multiprocess = worker->settings->workers > 1,
            .errors = worker->errors,
            .file_wrapper = worker->file_wrapper,
            .listeners = seat->listeners,
            .n_listeners = (unsigned)seat->n_listeners,
        },
        .application = worker->application,
        .crew = worker->crew,
        .log = worker->log,
    };
    if (worker->server.access_log)
        config.n_note_names = access_log_environ_names(worker->server.access_log, &config.note_names);
    worker->wsgi = wsgi_new(&config);
    return worker->wsgi != NULL;
}

/* The body of an application thread; `self` is a capsule of the worker. */
static PyObject *serve_member(PyObject *self, PyObject *index)
{
    struct worker *worker = PyCapsule_GetPointer(self, NULL);
    unsigned member = (unsigned)PyLong_AsLong(index);
    PyThreadState *state = worker->states[member] = PyEval_SaveThread();
    crew_serve(worker->crew, member);
    PyEval_RestoreThread(state); /* `worker` may be gone by now */
    return Py_NewRef(Py_None);
}

static PyMethodDef serve_member_def = { "serve_member", serve_member, METH_O, NULL };

static bool start_thread(PyObject *thread_type, PyObject *target, int64_t member)
{
    PyObject *kwargs =
        Py_BuildValue("{s:O,s:(L),s:N,s:O}", "target", target, "args", (long long)member, "name",
                      PyUnicode_FromFormat("galley-%d", (int)member), "daemon", Py_True);
    PyObject *no_args = PyTuple_New(0);
    PyObject *thread = kwargs && no_args ? PyObject_Call(thread_type, no_args, kwargs) : NULL;
    PyObject *started = thread ? PyObject_CallMethod(thread, "start", NULL) : NULL;
    Py_XDECREF(kwargs);
    Py_XDECREF(no_args);
    Py_XDECREF(thread);
    Py_XDECREF(started);
    return started != NULL;
}

/* Application threads are Python's own, so that threading.current_thread() is a proper one in each. */
static bool start_threads(struct worker *worker)
{
    worker->states = memory_zero((size_t)worker->settings->threads * sizeof(PyThreadState *));
    if (worker->settings->threads == 1)
        return true;
    PyObject *capsule = PyCapsule_New(worker, NULL, NULL);
    PyObject *target = capsule ? PyCFunction_New(&serve_member_def, capsule) : NULL;
    PyObject *thread_type = import_from("threading", "Thread");
    bool ok = target && thread_type;
    for (int64_t i = 1; ok && i < worker->settings->threads; i++)
        ok = start_thread(thread_type, target, i);
    Py_XDECREF(capsule);
    Py_XDECREF(target);
    Py_XDECREF(thread_type);
    return ok;
}

/* os.environ["SERVER_SOFTWARE"], which applications ask for the server they run under. */
static int announce_server(void)
{
    PyObject *environ = import_from("os", "environ");
    PyObject *value = PyUnicode_FromString("galley/" GALLEY_VERSION);
    int result = environ && value ? PyMapping_SetItemString(environ, "SERVER_SOFTWARE", value) : -1;
    Py_XDECREF(environ);
    Py_XDECREF(value);
    return result;
}

/* The reason is the last line, behind the application's own traceback. Returns the exit code. */
static int load_application(struct worker *worker, PyObject *given)
{
    if (given) {
        worker->application = Py_NewRef(given);
        return 0;
    }
    struct buf traceback = { 0 }, error = { 0 };
    int code = 0;
    worker->application = app_load(worker->settings->app, &traceback, &error, &code);
    if (!worker->application && traceback.len)
        log_text(worker->log, LOG_ERROR, buf_str(&traceback));
    if (!worker->application)
        report_boot_error(worker, buf_text(&error));
    buf_done(&traceback);
    buf_done(&error);
    return worker->application ? 0 : code;
}

static bool start_engine(struct worker *worker)
{
    int error = loop_init(&worker->loop);
    if (!error)
        worker->crew =
            crew_new(&worker->loop, (unsigned)worker->settings->threads, &crew_ops, worker, &error);
    if (error)
        log_write(worker->log, LOG_ERROR, "cannot start the event loop: %s", strerror(-error));
    if (error || !open_access_log(worker))
        return false;
    configure(worker);
    start_server(worker);
    error = worker_signals_start(&worker->loop, &signal_ops, worker);
    worker->master = (struct watch){ .fd = worker->seat->master_fd, .on_ready = on_master_gone };
    if (!error)
        error = loop_watch(&worker->loop, &worker->master, EPOLLIN | EPOLLRDHUP);
    if (error)
        log_write(worker->log, LOG_ERROR, "cannot watch for signals: %s", strerror(-error));
    if (log_is_moved(worker->log))
        on_reopen(worker); /* a USR1 of before is lost: workers that boot ignore it */
    return !error && start_bridge(worker) && start_threads(worker);
}

static void serve_requests(struct worker *worker)
{
    timer_init(&worker->beat, on_beat);
    on_beat(&worker->beat);
    atomic_store(&worker->seat->stats->phase, WORKER_READY);
    ssize_t n = write(worker->seat->notify_fd, "", 1);
    (void)n;
    worker->states[0] = PyEval_SaveThread();
    crew_serve(worker->crew, 0);
    crew_wait(worker->crew);
    PyEval_RestoreThread(worker->states[0]);
}

static void log_boot_failure(struct worker *worker)
{
    if (PyErr_Occurred())
        errors_log_exception(worker->log, "Exception in worker process");
}

static bool drop_privileges(struct worker *worker)
{
    const struct settings *settings = worker->settings;
    umask(settings->umask);
    int error = privileges_drop(settings->uid, settings->gid, settings->initgroups);
    if (!error)
        return true;
    struct buf text = { 0 };
    buf_printf(&text,
               "setting 'user' (-u/--user) or 'group' (-g/--group): cannot become user %d, group %d: %s",
               (int)settings->uid, (int)settings->gid, strerror(-error));
    report_boot_error(worker, buf_text(&text));
    buf_done(&text);
    return false;
}

/* What the interpreter would do at exit: non-daemon threads, atexit functions, buffered output. */
static void run_python_exit(void)
{
    static const char *const calls[][2] = { { "threading", "_shutdown" }, { "atexit", "_run_exitfuncs" } };
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        PyObject *function = import_from(calls[i][0], calls[i][1]);
        PyObject *result = function ? PyObject_CallNoArgs(function) : NULL;
        if (!result)
            PyErr_WriteUnraisable(function);
        Py_XDECREF(function);
        Py_XDECREF(result);
    }
    fflush(NULL);
}

int worker_run(const struct settings *settings, const struct worker_seat *seat, struct log *log,
               PyObject *application)
{
    struct worker worker = { .settings = settings, .seat = seat, .log = log };
    if (!drop_privileges(&worker))
        return EXIT_WORKER_BOOT;
    int code = announce_server() ? EXIT_WORKER_BOOT : load_application(&worker, application);
    if (code || !start_engine(&worker)) {
        log_boot_failure(&worker);
        return code ? code : EXIT_WORKER_BOOT;
    }
    serve_requests(&worker);
    log_write(log, LOG_INFO, "Worker exiting (pid: %d)", (int)getpid());
    worker_signals_stop(&worker.loop);
    server_done(&worker.server);
    access_log_close(worker.server.access_log);
    crew_free(worker.crew);
    run_python_exit();
    return 0;
}
