/* SPDX-License-Identifier: MIT */
/* Messages about settings on their way to people, before and after the error log is open. Lines are
 * written whole. */
#include "app/configure_report.h"

#include <stdio.h>

bool configure_report_is_bare(const struct configure_report *report)
{
    return report->text || report->log;
}

static void write_standard_error(str before, str line)
{
    struct buf text = { 0 };
    buf_append(&text, before);
    buf_append(&text, line);
    dprintf(STDERR_FILENO, "%s\n", buf_text(&text));
    buf_done(&text);
}

void configure_report_error(const struct configure_report *report, str before, str line)
{
    if (report->text) {
        buf_append(report->text, line);
    } else if (report->log) {
        if (before.len)
            log_text(report->log, LOG_ERROR, before);
        log_write(report->log, LOG_ERROR, "%.*s", STR_FMT(line));
    } else {
        write_standard_error(before, line);
    }
}

void configure_report_warning(const struct configure_report *report, struct buf *sentence)
{
    struct log standard_error;
    log_init(&standard_error, LOG_WARNING);
    struct log *log = report->log ? report->log : &standard_error;
    log_write(log, LOG_WARNING, "%s", buf_text(sentence));
    buf_done(sentence);
}
