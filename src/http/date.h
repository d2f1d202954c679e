/* SPDX-License-Identifier: MIT */
#pragma once

#include <time.h>

#include "base/str.h"

enum { DATE_LEN = 29 };

/* IMF-fixdate of RFC 9110 section 5.6.7, DATE_LEN bytes at `to`, not NUL terminated. */
void date_format(char *to, time_t when);

/* All three forms of RFC 9110 section 5.6.7; false when it is none of them. */
bool date_parse(str text, time_t *out);
