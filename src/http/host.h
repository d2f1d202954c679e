/* SPDX-License-Identifier: MIT */
#pragma once

#include "base/str.h"

/* uri-host [ ":" [ port ] ] of RFC 9110 section 7.2 and RFC 3986 section 3.2.2, without user information.
 * May be empty, but then without port. */
bool host_is_valid(str host);

/* uri-host ":" port, neither of them empty: what CONNECT asks for (RFC 9110 section 9.3.6). */
bool host_is_valid_with_port(str host);
