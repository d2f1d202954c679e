/* SPDX-License-Identifier: MIT */
/* From one configuration to the next, without a moment in which nobody serves. */
#pragma once

#include "master/state.h"

/* HUP: asks for the new configuration, opens its sockets and starts its workers beside those that run. A
 * reload that is under way is given up for the newer one. */
void reload_begin(struct master *master);

/* Lets the new workers take over once all of them are ready. */
void reload_advance(struct master *master);

/* The new workers leave, the old ones stay. */
void reload_abandon(struct master *master, const char *why);
