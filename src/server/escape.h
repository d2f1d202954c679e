/* SPDX-License-Identifier: MIT */
#pragma once

#include "base/buf.h"

/* Appends `text` with `"` as \" and with control bytes, C1 controls and what is no UTF-8 as \xNN. */
void escape_append(struct buf *out, str text);

/* Whether `text` is UTF-8 (RFC 3629) without C1 controls. */
bool escape_is_utf8(str text);
