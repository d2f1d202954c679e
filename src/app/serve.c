/* SPDX-License-Identifier: MIT */
/* From settings to a running server: daemon, logs, then the master with workers that hold the application.
 * The master process never imports the application; it keeps its GIL and runs no Python while it supervises
 * but the configuration file on a reload. */
#include "app/serve.h"

#include <errno.h>
#include <sys/stat.h>

#include "app/worker.h"
#include "master/daemon.h"
#include "master/master.h"

struct service {
    const struct configure_source *source;
    PyObject *application; /* galley.run()'s, or NULL; borrowed */
    struct log log;
};

static void describe(struct settings *settings, struct master_config *out)
{
    *out = (struct master_config){
        .program = "galley",
        .version = GALLEY_VERSION,
        .worker_kind = settings->worker_class,
        .title = settings->proc_name ? settings->proc_name : settings->app,
        .binds = settings->bind.items,
        .listen = {
            .backlog = (int)settings->backlog,
            .reuse_port = settings->reuse_port,
            .umask = settings->umask,
            .uid = settings->uid,
            .gid = settings->gid,
        },
        .workers = (int)settings->workers,
        .timeout_ms = settings->timeout_s * 1000,
        .graceful_timeout_ms = settings->graceful_timeout_s * 1000,
        .pidfile = settings->pidfile,
        .uid = settings->uid,
        .gid = settings->gid,
        .settings = settings,
    };
}

/* Python's own bookkeeping around fork: locks, thread ids, os.register_at_fork. */
static pid_t fork_python(void *owner)
{
    PyOS_BeforeFork();
    pid_t pid = fork();
    int error = errno;
    if (pid == 0)
        PyOS_AfterFork_Child();
    else
        PyOS_AfterFork_Parent();
    errno = error;
    return pid;
}

static int run_worker(void *owner, const struct worker_seat *seat)
{
    struct service *service = owner;
    return worker_run(seat->config->settings, seat, &service->log, service->application);
}

/* The error log follows the new settings; when its file cannot be opened the old one stays in use. */
static void retune_log(struct service *service, const struct settings *settings)
{
    service->log.level = settings->loglevel;
    int error = log_open(&service->log, settings->errorlog);
    if (error)
        log_write(&service->log, LOG_ERROR, "errorlog '%s' cannot be opened: %s", settings->errorlog,
                  strerror(-error));
}

static bool reload(void *owner, struct master_config *out)
{
    struct service *service = owner;
    struct configure_report report = { .log = &service->log };
    int code;
    struct settings *settings = settings_load(service->source, &report, &code);
    if (!settings)
        return false;
    retune_log(service, settings);
    describe(settings, out);
    return true;
}

static void release(void *owner, const struct master_config *config)
{
    settings_free(config->settings);
}

static void reopen_logs(void *owner)
{
    struct service *service = owner;
    int error = log_reopen(&service->log);
    if (error)
        log_write(&service->log, LOG_ERROR, "cannot reopen the error log: %s", strerror(-error));
}

static const struct master_ops ops = { fork_python, run_worker, reload, release, reopen_logs };

/* Before daemonize, so that a file that cannot be opened is still heard of. */
static bool open_log(struct service *service, const struct settings *settings)
{
    log_init(&service->log, settings->loglevel);
    int error = log_open(&service->log, settings->errorlog);
    if (error) {
        log_write(&service->log, LOG_ERROR, "errorlog '%s' cannot be opened: %s", settings->errorlog,
                  strerror(-error));
        return false;
    }
    error = log_chown(&service->log, settings->uid, settings->gid);
    if (error)
        log_write(&service->log, LOG_WARNING, "errorlog '%s' keeps its owner: %s", settings->errorlog,
                  strerror(-error));
    return true;
}

static bool go_to_background(struct service *service, const struct settings *settings)
{
    if (!settings->daemon)
        return true;
    int error = daemonize(true);
    if (error)
        log_write(&service->log, LOG_ERROR, "cannot become a daemon: %s", strerror(-error));
    else
        PyOS_AfterFork_Child();
    return !error;
}

int serve(struct settings *settings, const struct configure_source *source, PyObject *app)
{
    struct service service = { .source = source, .application = app };
    struct master_config config;
    int code = 1;
    umask(settings->umask);
    describe(settings, &config);
    if (open_log(&service, settings) && go_to_background(&service, settings))
        code = master_run(&config, &ops, &service, &service.log);
    else
        settings_free(settings);
    log_done(&service.log);
    return code;
}
