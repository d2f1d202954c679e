/* SPDX-License-Identifier: MIT */
/* What people read about the rows of a table: --help and the reference page. */
#pragma once

#include "conf/option.h"

/* The text of --help at 80 columns, grouped by section. `usage` follows "usage: PROGRAM ". */
void help_print(const struct option_table *table, const char *program, const char *usage, struct buf *out);

/* The sections of the reference page, in Markdown, without its title. */
void reference_print(const struct option_table *table, struct buf *out);
