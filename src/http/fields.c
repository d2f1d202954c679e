/* SPDX-License-Identifier: MIT */
/* Well-known field names (fields.def) and the syntax of names, values and lists (RFC 9110 section 5).
 * The look-up table is filled once, before main() begins; afterwards everything here is pure. A look-up
 * costs one hash over the length and three characters and one comparison, eight bytes a step. */
#include "http/fields.h"

#include "http/scan.h"

enum { SLOTS = 128, NAME_MOST = 32 };

static const struct well_known {
    char lower[NAME_MOST];
    size_t len;
} names[FIELD_COUNT] = {
#define KNOWN_FIELD(id, name) [FIELD_##id] = { .lower = name, .len = sizeof(name) - 1 },
#include "http/fields.def"
#undef KNOWN_FIELD
};

#define KNOWN_FIELD(id, name) _Static_assert(sizeof(name) <= NAME_MOST, "a longer name needs more room");
#include "http/fields.def"
#undef KNOWN_FIELD
_Static_assert((int)FIELD_COUNT < (int)SLOTS, "the table must have free slots");

/* Server and Date describe no hop, but they are the server's own as well, and gunicorn drops them. */
static const bool hop_by_hop[FIELD_COUNT] = {
    [FIELD_SERVER] = true,
    [FIELD_DATE] = true,
    [FIELD_CONNECTION] = true,
    [FIELD_KEEP_ALIVE] = true,
    [FIELD_PROXY_CONNECTION] = true,
    [FIELD_PROXY_AUTHENTICATE] = true,
    [FIELD_PROXY_AUTHORIZATION] = true,
    [FIELD_TE] = true,
    [FIELD_TRAILER] = true,
    [FIELD_TRAILERS] = true,
    [FIELD_TRANSFER_ENCODING] = true,
    [FIELD_UPGRADE] = true,
};

static uint8_t slots[SLOTS]; /* id of the name that hashes there, or was moved on to there; 0: free */

/* The factors are such that no two names of fields.def share a slot; one that does costs a comparison. */
static unsigned slot_of(const char *name, size_t len)
{
    unsigned first = (unsigned char)name[0] | 0x20U;
    unsigned late = (unsigned char)name[len * 3 / 4] | 0x20U;
    unsigned last = (unsigned char)name[len - 1] | 0x20U;
    return ((unsigned)len * 47 + first * 17 + late * 7 + last * 61) % SLOTS;
}

__attribute__((constructor)) static void fill_slots(void)
{
    for (unsigned id = FIELD_OTHER + 1; id < FIELD_COUNT; id++) {
        unsigned slot = slot_of(names[id].lower, names[id].len);
        while (slots[slot])
            slot = (slot + 1) % SLOTS;
        slots[slot] = (uint8_t)id;
    }
}

/* Whether the `width` bytes at `at` are the name's, in any case. Of the bytes in our names the letters, and
 * only they, have bit 6, and their other case lacks bit 5. */
static inline bool is_same_at(const struct well_known *known, const char *p, size_t at, size_t width)
{
    uint64_t word = 0, lower = 0;
    memcpy(&word, p + at, width);
    memcpy(&lower, known->lower + at, width);
    return (word | (lower & 0x4040404040404040) >> 1) == lower;
}

/* The last step overlaps the one before it. */
static bool is_same(const struct well_known *known, const char *p, size_t len)
{
    if (known->len != len)
        return false;
    if (len < 4)
        return is_same_at(known, p, 0, len);
    if (len < 8)
        return is_same_at(known, p, 0, 4) && is_same_at(known, p, len - 4, 4);
    for (size_t at = 0; at + 8 < len; at += 8)
        if (!is_same_at(known, p, at, 8))
            return false;
    return is_same_at(known, p, len - 8, 8);
}

enum field_id field_lookup(str name)
{
    if (name.len == 0)
        return FIELD_OTHER;
    for (unsigned slot = slot_of(name.p, name.len); slots[slot]; slot = (slot + 1) % SLOTS)
        if (is_same(&names[slots[slot]], name.p, name.len))
            return slots[slot];
    return FIELD_OTHER;
}

str field_name(enum field_id id)
{
    return id == FIELD_OTHER ? STR_NONE : str_make(names[id].lower, names[id].len);
}

bool field_is_hop_by_hop(enum field_id id)
{
    return hop_by_hop[id];
}

bool field_name_is_valid(str name)
{
    return name.len > 0 && scan_token(name.p, name.len) == name.len;
}

bool field_value_is_valid(str value)
{
    return scan_text(value.p, value.len) == value.len;
}

bool field_list_has(str list, str token)
{
    while (list.p)
        if (str_ieq(str_trim(str_split(&list, ',')), token))
            return true;
    return false;
}
