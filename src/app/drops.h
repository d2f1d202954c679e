/* SPDX-License-Identifier: MIT */
/* Python objects that the loop is done with. It has no GIL, so it leaves them here, and an application
 * thread drops the references. */
#pragma once

#include "app/python_compat.h"
#include "base/list.h"
#include "io/loop.h"

struct crew;

struct drop {
    struct link link;
    PyObject *object; /* a reference */
};

struct drops {
    struct crew *crew;
    pthread_mutex_t lock;
    struct link waiting; /* struct drop, under lock */
    _Atomic unsigned n_waiting;
    bool is_queued;  /* the job waits in the crew, under lock */
    struct task job; /* empties the list when no call does */
};

void drops_init(struct drops *drops, struct crew *crew);

/* Any thread, with or without the GIL. The reference and the memory of `drop`, from malloc, go to the list.
 */
void drops_add(struct drops *drops, struct drop *drop);

/* GIL held: drops all that wait. Costs one atomic load when there is nothing. May run code of the
 * application (finalizers). */
void drops_empty(struct drops *drops);
