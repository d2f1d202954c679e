/* SPDX-License-Identifier: MIT */
/* The values of galley's settings, as the rows in options.c fill them. Immutable once loaded; a
 * reload builds a new one. Strings live in `arena`. Seconds are whole, as gunicorn's. */
#pragma once

#include <sys/types.h>

#include "base/log.h"
#include "conf/option_set.h"

struct settings {
    struct arena arena;
    struct option_set values; /* the same as written by people, and where each came from */

    const char *app;    /* the positional argument, else wsgi_app; NULL when neither is given */
    const char *config; /* where the configuration file was sought; --config or the default */
    const char *wsgi_app;

    struct string_list bind;
    int64_t backlog;

    int64_t workers;
    const char *worker_class; /* "sync" or "gthread" */
    int64_t threads;
    int64_t worker_connections;
    int64_t max_requests;
    int64_t max_requests_jitter;
    int64_t timeout_s;
    int64_t graceful_timeout_s;
    int64_t keepalive_s;

    int64_t limit_request_line;
    int64_t limit_request_fields;
    int64_t limit_request_field_size;

    /* galley's own limits */
    int64_t limit_request_body; /* bytes; 0: none. Over it: 413. Default 1 GiB */
    int64_t body_buffer_size;   /* bytes of a request body kept in memory. Default 64 KiB */
    int64_t output_buffer_size; /* bytes of a response that wait for a slow client. Default 1 MiB */
    int64_t header_timeout_s;   /* from the first byte of a head to its last. Default 30 */
    int64_t body_timeout_s;     /* between two reads of a body. Default 60 */
    int64_t send_timeout_s;     /* between two writes of a response. Default 60 */

    bool check_config;
    bool print_config;
    bool daemon;
    bool reuse_port;
    const char *chdir;
    struct string_list env; /* raw_env: NAME=value */
    const char *pythonpath;
    const char *pidfile;
    uid_t uid;
    gid_t gid;
    mode_t umask;
    bool initgroups;
    const char *tmp_upload_dir;
    const char *proc_name;         /* NULL: default_proc_name */
    const char *default_proc_name; /* the application's name unless the configuration file says else */

    const char *accesslog; /* NULL: off; "-": standard output */
    const char *access_log_format;
    const char *errorlog;
    enum log_level loglevel;
};
