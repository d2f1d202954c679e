/* SPDX-License-Identifier: MIT */
/* What holds between several settings, once each has its value: the kind of worker, the number of
 * threads, the application's name. Configuration only; nothing is opened here. */
#include "app/options.h"

/* The names that gunicorn's kinds of worker go by. */
struct worker_kind {
    const char *kind;   /* NULL: known, but not supported yet */
    const char *prefix; /* of the name */
    const char *suffix;
};

static const struct worker_kind worker_kinds[] = {
    { "sync", "sync", "sync" },
    { "sync", "gunicorn.workers.sync", ".SyncWorker" },
    { "sync", "egg:gunicorn", "#sync" },
    { "gthread", "gthread", "gthread" },
    { "gthread", "gunicorn.workers.gthread", ".ThreadWorker" },
    { "gthread", "egg:gunicorn", "#gthread" },
    { NULL, "gevent", "" },
    { NULL, "eventlet", "" },
    { NULL, "tornado", "" },
    { NULL, "asgi", "" },
    { NULL, "uvicorn", "" },
    { NULL, "gunicorn.workers.", "" },
    { NULL, "egg:gunicorn#", "" },
};

static const struct worker_kind *find_kind(str name)
{
    for (size_t i = 0; i < COUNT_OF(worker_kinds); i++)
        if (str_starts(name, str_of(worker_kinds[i].prefix)) &&
            str_ends(name, str_of(worker_kinds[i].suffix)))
            return &worker_kinds[i];
    return NULL;
}

static void print_found(const struct settings *settings, const char *name, struct buf *out)
{
    const struct value *value = option_set_value(&settings->values, name);
    diag_print_setting(option_find(settings->values.table, str_of(name)), out);
    buf_append(out, STR(": "));
    value_print_quoted(str_of(value->text), out);
    buf_append(out, STR(", from "));
    origin_print(option_set_origin(&settings->values, name), out);
}

static bool settle_worker_class(struct settings *settings, struct buf *error)
{
    const struct worker_kind *found = find_kind(str_of(settings->worker_class));
    if (!found || !found->kind) {
        print_found(settings, "worker_class", error);
        buf_append(error, found ? STR(", is not supported yet") : STR(", is not a kind of worker"));
        buf_append(error, STR(" (allowed: sync, gthread)"));
        return false;
    }
    settings->worker_class = settings->threads > 1 ? "gthread" : found->kind;
    return true;
}

static bool refuse_unsupported(const struct settings *settings, struct buf *error)
{
    const struct option *row = option_set_unsupported(&settings->values);
    if (!row)
        return true;
    diag_print_setting(row, error);
    buf_append(error, STR(": not supported yet (it comes from "));
    origin_print(option_set_origin(&settings->values, row->name), error);
    buf_append_char(error, ')');
    return false;
}

/* 0 stands for the most that is allowed, and for as few threads as there can be. */
static void settle_zeros(struct settings *settings)
{
    if (settings->limit_request_fields == 0)
        settings->limit_request_fields =
            option_find(settings->values.table, STR("limit_request_fields"))->max;
    if (settings->threads == 0)
        settings->threads = 1;
}

bool options_settle(struct settings *settings, struct buf *error)
{
    const char *operand = settings->app;
    if (!refuse_unsupported(settings, error))
        return false;
    option_set_store(&settings->values, settings);
    if (!operand)
        settings->app = settings->wsgi_app;
    settle_zeros(settings);
    return settle_worker_class(settings, error);
}

const char *options_origin(const struct settings *settings, const char *name, struct buf *out)
{
    out->len = 0;
    origin_print(option_set_origin(&settings->values, name), out);
    return buf_text(out);
}
