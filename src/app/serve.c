/* SPDX-License-Identifier: MIT */
/* From settings to a running server: daemon, logs, then the master with workers that hold the application.
 * The master process never imports the application; it keeps its GIL and runs no Python while it supervises
 * but the configuration file on a reload. */
#include "app/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include "app/worker.h"
#include "master/daemon.h"
#include "master/master.h"

struct service {
    const struct configure_source *source;
    PyObject *application; /* galley.run()'s, or NULL; borrowed */
    struct log log;
    /* Workers open the access log as their own user, who may be unable to create it: the master does. */
    char *access_log; /* path; NULL: none */
    uid_t uid;
    gid_t gid;
};

static void describe(struct settings *settings, struct master_config *out)
{
    *out = (struct master_config){
        .program = "galley",
        .version = GALLEY_VERSION,
        .worker_kind = settings->worker_class,
        .title = settings->proc_name ? settings->proc_name : settings->default_proc_name,
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

static bool report(struct service *service, const char *setting, const char *value, int error)
{
    log_write(&service->log, LOG_ERROR, "%s '%s' cannot be opened: %s", setting, value, strerror(-error));
    return false;
}

static int create_access_log(const struct service *service)
{
    if (!service->access_log)
        return 0;
    AUTO_CLOSE int fd = open(service->access_log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0)
        return -errno;
    return fchown(fd, service->uid, service->gid) < 0 && errno != EPERM ? -errno : 0;
}

static int give_logs_away(struct service *service)
{
    int error = log_chown(&service->log, service->uid, service->gid);
    return error && error != -EPERM ? error : create_access_log(service);
}

/* What cannot be opened is reported; the error log then stays what it was. */
static bool open_logs(struct service *service, const struct settings *settings)
{
    bool is_file = settings->accesslog && strcmp(settings->accesslog, "-") != 0;
    free(service->access_log);
    service->access_log = is_file ? str_dup(str_of(settings->accesslog)) : NULL;
    service->uid = settings->uid;
    service->gid = settings->gid;
    service->log.level = settings->loglevel;
    int error = log_open(&service->log, settings->errorlog);
    if (error)
        return report(service, "errorlog", settings->errorlog, error);
    error = give_logs_away(service);
    return error ? report(service, "accesslog", settings->accesslog, error) : true;
}

static bool reload(void *owner, struct master_config *out)
{
    struct service *service = owner;
    struct configure_report report = { .log = &service->log };
    int code;
    struct settings *settings = settings_load(service->source, &report, &code);
    if (!settings)
        return false;
    if (!open_logs(service, settings)) {
        settings_free(settings);
        return false;
    }
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
    if (!error)
        error = give_logs_away(service);
    if (error)
        log_write(&service->log, LOG_ERROR, "cannot reopen the logs: %s", strerror(-error));
}

static const struct master_ops ops = { fork_python, run_worker, reload, release, reopen_logs };

static bool go_to_background(struct service *service, const struct settings *settings)
{
    if (!settings->daemon)
        return true;
    PyOS_BeforeFork();
    int error = daemonize(true);
    if (!error) {
        PyOS_AfterFork_Child();
        return true;
    }
    PyOS_AfterFork_Parent();
    log_write(&service->log, LOG_ERROR, "cannot become a daemon: %s", strerror(-error));
    return false;
}

/* What master_run restores when it returns: the command is on its way out then, and a second TERM must not
 * turn a clean exit into a death by signal. */
static void ignore_signals(void)
{
    static const int numbers[] = { SIGTERM, SIGINT,   SIGQUIT, SIGHUP, SIGUSR1,
                                   SIGUSR2, SIGWINCH, SIGTTIN, SIGTTOU };
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        signal(numbers[i], SIG_IGN);
}

static int run_master(struct service *service, const struct master_config *config)
{
    if (!service->source->overrides)
        ignore_signals();
    return master_run(config, &ops, service, &service->log);
}

int serve(struct settings *settings, const struct configure_source *source, PyObject *app)
{
    struct service service = { .source = source, .application = app };
    struct master_config config;
    int code = 1;
    umask(settings->umask);
    log_init(&service.log, settings->loglevel);
    describe(settings, &config);
    /* the logs first, so that a file that cannot be opened is still heard of */
    if (open_logs(&service, settings) && go_to_background(&service, settings))
        code = run_master(&service, &config);
    else
        settings_free(settings);
    log_done(&service.log);
    free(service.access_log);
    return code;
}
