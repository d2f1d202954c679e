/* SPDX-License-Identifier: MIT */
/* The settings of galley: their rows, and what holds between several of them. Needs no Python. */
#pragma once

#include "app/settings.h"

/* gunicorn's settings and our own. */
extern const struct option_table galley_options;

/* From values to fields: fills `settings` from its `values`, brings worker_class and threads to what
 * they mean, and checks what no row can check alone. False: `error` gets the sentence. */
bool options_settle(struct settings *settings, struct buf *error);

/* Where the value of a setting came from, for messages: "the command line". In `out`, which is
 * emptied first. */
const char *options_origin(const struct settings *settings, const char *name, struct buf *out);
