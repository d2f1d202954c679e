/* SPDX-License-Identifier: MIT */
/* A worker's threads: leader and followers with delayed promotion (docs/architecture.md, "The crew").
 * N application threads run jobs; one relief thread never does. Exactly one thread at a time, the leader,
 * owns the event loop. A job is a task that runs on an application thread. A leader runs a job itself; when
 * that takes longer than a tick, another thread takes the loop over. This file knows no Python: what
 * surrounds a job (the GIL) is in `struct crew_ops`. */
#pragma once

#include "io/loop.h"

struct crew_ops {
    /* Around one or more jobs, on the application thread that runs them: take and release the GIL. */
    void (*enter)(void *owner, unsigned member);
    void (*leave)(void *owner, unsigned member);
    /* A signal arrived while the main thread (member 0) waited. Not between enter and leave. May take its
     * time: the loop goes to another thread meanwhile. */
    void (*interrupted)(void *owner);
};

struct crew;

/* `threads` application threads, 1 to CREW_MOST. Starts the relief thread. NULL and *out_error (-errno)
 * when it cannot be started. */
struct crew *crew_new(struct loop *loop, unsigned threads, const struct crew_ops *ops, void *owner,
                      int *out_error);

/* Stopped: waits until all members have returned from crew_serve and the relief thread has ended. The
 * caller then owns the loop; jobs that did not begin are still queued, and crew_submit, crew_cancel and the
 * counts still work. Not by a member that is still in crew_serve. */
void crew_wait(struct crew *crew);

/* Waits likewise. Jobs that are still queued never run. */
void crew_free(struct crew *crew);

enum { CREW_MOST = 4096 };

/* Runs an application thread until the crew stops. Member 0 is the thread that called crew_new; it leads
 * first. Called outside enter and leave. */
void crew_serve(struct crew *crew, unsigned member);

/* Queues a job. The loop's owner, or a thread in a job. */
void crew_submit(struct crew *crew, struct task *job);

/* Loop's owner: takes back a job that has not begun. False when it has. */
bool crew_cancel(struct crew *crew, struct task *job);

/* Loop's owner: application threads that are not in a job, and jobs that wait. */
int crew_idle(const struct crew *crew);
int crew_queued(const struct crew *crew);

/* Loop's owner: all members return when what they are doing is done; waiting jobs are not run. */
void crew_stop(struct crew *crew);
bool crew_is_stopping(const struct crew *crew);

/* In a job: if this thread still owns the loop, runs the loop's tasks (outside the GIL), so that what
 * was posted goes out now. Otherwise does nothing: whoever owns the loop was woken by the post. */
void crew_pump(struct crew *crew);

/* In a job that is about to block: gives the loop to another thread at once, if this one still owns it. */
void crew_give_away(struct crew *crew);
