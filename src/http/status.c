/* SPDX-License-Identifier: MIT */
/* Status codes: reason phrases and prebuilt status lines, both cut from one text per code. Used by
 * h1_write and by the access log. RFC 9110 section 15; RFC 9112 section 4. */
#include "http/status.h"

enum { FIRST = 100, LAST = 599, BEFORE_REASON = sizeof("HTTP/1.1 200 ") - 1, LINE_END = 2 };

static const str lines[LAST - FIRST + 1] = {
#define STATUS(code, reason) [code - FIRST] = { "HTTP/1.1 " #code " " reason "\r\n", sizeof(reason) + 14 },
#include "http/statuses.def"
#undef STATUS
};

str status_line(int code)
{
    return code >= FIRST && code <= LAST ? lines[code - FIRST] : STR_NONE;
}

str status_reason(int code)
{
    str line = status_line(code);
    return line.len ? str_sub(line, BEFORE_REASON, line.len - LINE_END) : STR("Unknown");
}

bool status_has_no_body(int code)
{
    return (code >= 100 && code <= 199) || code == 204 || code == 304;
}
