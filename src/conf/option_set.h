/* SPDX-License-Identifier: MIT */
/* The values of all options of a table while a configuration is put together: each source assigns
 * over the one before it, and every value remembers where it came from. */
#pragma once

#include "conf/origin.h"

struct option_set {
    const struct option_table *table;
    struct arena *arena; /* the configuration's: values live as long as it */
    struct value *values;
    struct value *defaults;
    struct origin *origins;
};

/* Every value is its default, or what the row's environment variable says (an empty one says nothing;
 * those of unsupported settings are not asked). False: `out` says what is wrong with a variable. */
bool option_set_init(struct option_set *set, const struct option_table *table, struct arena *arena,
                     struct diag *out);

/* False: the value stays as it was and `out` says why. `origin.name` must live as long as the arena. */
bool option_set_assign(struct option_set *set, const struct option *row, const struct raw *raw,
                       struct origin origin, struct diag *out);

/* By name, which must be in the table. */
const struct value *option_set_value(const struct option_set *set, const char *name);
const struct origin *option_set_origin(const struct option_set *set, const char *name);

/* The first setting that is not supported yet and is not at its default; NULL when there is none. */
const struct option *option_set_unsupported(const struct option_set *set);

/* Fills the fields that the rows name in a structure that was zeroed. */
void option_set_store(const struct option_set *set, void *target);

/* One line a setting, "name = value", sorted by name, as --print-config shows them. */
void option_set_print(const struct option_set *set, struct buf *out);
