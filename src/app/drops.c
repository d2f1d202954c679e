/* SPDX-License-Identifier: MIT */
/* The list of references to drop. A thread in a call empties it between two items, so that a long stream
 * does not pile up what was sent; for the case that no call is running, one job is queued. The list is taken
 * whole before the first reference goes, since a finalizer may come back here. */
#include "app/drops.h"

#include "app/crew.h"

static void run_job(struct task *job)
{
    struct drops *drops = CONTAINER_OF(job, struct drops, job);
    pthread_mutex_lock(&drops->lock);
    drops->is_queued = false;
    pthread_mutex_unlock(&drops->lock);
    drops_empty(drops);
}

void drops_init(struct drops *drops, struct crew *crew)
{
    *drops = (struct drops){ .crew = crew };
    pthread_mutex_init(&drops->lock, NULL);
    link_init(&drops->waiting);
    task_init(&drops->job, run_job);
}

/* One job at a time is queued; it may find nothing, when a call was there first. */
void drops_add(struct drops *drops, struct drop *drop)
{
    link_init(&drop->link);
    pthread_mutex_lock(&drops->lock);
    list_append(&drops->waiting, &drop->link);
    atomic_fetch_add(&drops->n_waiting, 1);
    bool is_queued = drops->is_queued;
    drops->is_queued = true;
    pthread_mutex_unlock(&drops->lock);
    if (!is_queued)
        crew_submit(drops->crew, &drops->job);
}

void drops_empty(struct drops *drops)
{
    if (!atomic_load(&drops->n_waiting))
        return;
    struct link all;
    link_init(&all);
    pthread_mutex_lock(&drops->lock);
    list_move_all(&all, &drops->waiting);
    atomic_store(&drops->n_waiting, 0);
    pthread_mutex_unlock(&drops->lock);
    struct link *link;
    while ((link = list_pop(&all))) {
        struct drop *drop = CONTAINER_OF(link, struct drop, link);
        Py_DECREF(drop->object);
        free(drop);
    }
}
