/* SPDX-License-Identifier: MIT */
/* Where the settings meet the server. */
#include "app/serve.h"

int serve(struct settings *settings, const struct configure_source *source, PyObject *app)
{
    struct log log;
    log_init(&log, settings->loglevel);
    log_write(&log, LOG_ERROR, "the server is not built yet");
    log_done(&log);
    settings_free(settings);
    return 1;
}
