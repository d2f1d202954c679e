/* SPDX-License-Identifier: MIT */
#pragma once

#include "conf/value.h"

/* Splits a text into words as a POSIX shell does, quotes and backslashes included; nothing is
 * expanded. On failure returns false and `*out_why` is static text. */
bool shellwords_split(struct arena *arena, const char *text, struct string_list *out, const char **out_why);
