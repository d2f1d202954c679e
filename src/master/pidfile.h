/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "base/defs.h"

/* The process named in the file, when it lives; 0 when there is no file, no number in it, or no such
 * process. -errno when the file cannot be read. */
int pidfile_owner(const char *path) MUST_CHECK;

/* Replaces the file in one step by one that holds `pid`; mode 0644. 0 or -errno. */
int pidfile_write(const char *path, pid_t pid) MUST_CHECK;

/* Removes the file when it still holds `pid`. */
void pidfile_remove(const char *path, pid_t pid);
