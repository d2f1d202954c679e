/* SPDX-License-Identifier: MIT */
#pragma once

/* Sets what ps and pgrep show: "PROGRAM: ROLE [TITLE]" over the memory of argv, and PROGRAM as the
 * thread name. Best effort. */
void title_set(const char *program, const char *role, const char *title);
