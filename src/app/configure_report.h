/* SPDX-License-Identifier: MIT */
/* Who hears of errors and warnings about settings: standard error, in gunicorn's words; or a log, one line
 * each (a reload); or a text (galley.run). */
#pragma once

#include "base/buf.h"
#include "base/log.h"

struct configure_report {
    struct log *log;
    struct buf *text;
};

/* Whether the log or the exception says already that it is an error: the line then does not. */
bool configure_report_is_bare(const struct configure_report *report);

/* `before` goes ahead of the line where there is room for it: a traceback, how to use the program. */
void configure_report_error(const struct configure_report *report, str before, str line);

/* Empties `sentence`. */
void configure_report_warning(const struct configure_report *report, struct buf *sentence);
