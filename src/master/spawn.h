/* SPDX-License-Identifier: MIT */
#pragma once

#include "master/state.h"

/* Forks a worker of this generation. False when it could not (logged). */
bool worker_spawn(struct master *master, struct generation *generation);
