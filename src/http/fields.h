/* SPDX-License-Identifier: MIT */
/* Well-known field names as a small enum, so that the server compares numbers, not strings. */
#pragma once

#include "base/str.h"

enum field_id {
    FIELD_OTHER, /* any name that fields.def does not list */
#define KNOWN_FIELD(id, name) FIELD_##id,
#include "http/fields.def"
#undef KNOWN_FIELD
    FIELD_COUNT
};

/* The id of a field name, in any case; FIELD_OTHER when it is not in the list. */
enum field_id field_lookup(str name);

/* The lower-case name; STR_NONE for FIELD_OTHER. */
str field_name(enum field_id id);

/* RFC 9110 section 7.6.1 and gunicorn's list: names that describe one hop, and Server and Date. An
 * application may not set them. */
bool field_is_hop_by_hop(enum field_id id);

/* A token of RFC 9110 section 5.6.2: one or more tchar. */
bool field_name_is_valid(str name);

/* No CR, LF or NUL, nor another control byte except HTAB (RFC 9110 section 5.5). */
bool field_value_is_valid(str value);

/* Whether a comma separated list holds `token` (any case), as in Connection: keep-alive, Upgrade. */
bool field_list_has(str list, str token);
