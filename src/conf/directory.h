/* SPDX-License-Identifier: MIT */
/* Directories as people name them: symbolic links that lead to the current one are kept. */
#pragma once

#include "base/arena.h"

/* The current directory: $PWD when that names it, else what the kernel says. */
const char *directory_current(struct arena *arena);

/* `path` from the current directory, without ".", ".." and doubled slashes; nothing is looked up. */
const char *directory_absolute(struct arena *arena, str path);
