/* SPDX-License-Identifier: MIT */
#pragma once

#include "base/str.h"

/* "OK" for 200; "Unknown" for a code that is not registered. */
str status_reason(int code);

/* "HTTP/1.1 200 OK\r\n" for 200; STR_NONE for a code that is not registered. */
str status_line(int code);

/* A response to which no body belongs: 1xx, 204, 304 (RFC 9110 section 6.4.1). */
bool status_has_no_body(int code);
