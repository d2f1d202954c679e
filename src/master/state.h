/* SPDX-License-Identifier: MIT */
/* What the master knows. Private to this folder: master.c owns the one object, and the files that do a
 * part of its work (spawn, scale, reap, watch, reload, stop, claim) get a pointer to it. */
#pragma once

#include "master/binds.h"
#include "master/master.h"
#include "master/scoreboard.h"
#include "master/signals.h"

enum {
    ABORT_GRACE_MS = 1000, /* from ABRT to KILL */
    QUICK_STOP_MS = 2000,  /* from a second INT or QUIT to KILL */
    EARLY_DEATH_MS = 1000, /* who lives shorter died early */
    BACKOFF_STEP_MS = 100,
    BACKOFF_MAX_MS = 5000,
    RELOAD_MAX_DEATHS = 5, /* early deaths in a row that end a reload */
};

enum standing {
    STANDING_MEMBER,  /* counts as one of its generation's workers */
    STANDING_LEAVING, /* announced that it retires, or was told to leave */
    STANDING_ABORTED, /* stopped showing life and got ABRT */
};

/* A worker process. Its place in the array is its slot on the scoreboard. */
struct worker {
    pid_t pid; /* 0: the place is free */
    unsigned age;
    unsigned generation;
    msec started_ms;
    msec
        term_at_ms; /* it announced that it retires: TERM when it is replaced, or at the latest then; 0: no */
    msec kill_at_ms; /* when KILL follows; 0: not at all */
    enum standing standing;
    const char *killed_for; /* why the master itself sent KILL; NULL: it did not */
};

/* A configuration and the workers that run by it. */
struct generation {
    unsigned number; /* 0: there is none */
    struct master_config config;
    struct binds binds;
    int target;         /* workers wanted: TTIN and TTOU change it */
    bool is_complete;   /* all of them were ready once */
    int early_deaths;   /* in a row */
    msec next_spawn_ms; /* not before */
};

struct master {
    const struct master_ops *ops;
    void *owner;
    struct log *log;
    pid_t pid;
    struct signals signals;
    struct scoreboard board;
    struct worker *workers; /* as many as the board has slots */
    int n_places;           /* of them were ever used */
    int n_alive;
    unsigned last_age;
    unsigned last_generation;
    struct generation current;
    struct generation next; /* while a reload is under way */
    int life[2];            /* the workers read, nobody ever writes: EOF when the master is gone */
    int notify[2];          /* the workers write, the master reads */
    int nudge;              /* an eventfd between the workers */
    char *pidfile;          /* the file that holds our pid, or NULL */

    bool is_stopping;
    msec give_up_ms; /* when even killed workers are waited for no longer */
    int exit_code;
    char reason[BOOT_ERROR_MAX + 64]; /* for the last line; empty: an ordinary stop */
};

/* The generation with this number, or NULL when it is gone. */
struct generation *master_generation(struct master *master, unsigned number);

/* The configuration that a worker's deadlines follow. */
const struct master_config *master_config_of(struct master *master, const struct worker *worker);

enum worker_phase worker_phase(const struct master *master, const struct worker *worker);

/* Sends a signal; a process that is gone already is reaped soon. */
void worker_signal(const struct worker *worker, int number);

/* TERM, and KILL after the graceful timeout. */
void worker_retire(struct master *master, struct worker *worker);

/* Counts the members of a generation that serve. */
int generation_count_ready(struct master *master, const struct generation *generation);

/* Every place that holds a process; NULL behind the last. */
struct worker *worker_first(struct master *master);
struct worker *worker_next(struct master *master, struct worker *worker);
