/* SPDX-License-Identifier: MIT */
/* Signals of a worker. The handlers are C, not Python: Python runs its own only on the main thread between
 * two byte codes, and that thread may be the one that is stuck. Handlers note a bit and write to an eventfd;
 * the table below says what then happens on the loop. An application that installs its own handler with
 * signal.signal replaces ours, as under gunicorn. */
#include "app/worker_signals.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

struct row {
    int number;
    size_t action; /* offset in worker_signal_ops */
};

#define ACTION(name) offsetof(struct worker_signal_ops, name)

static const struct row rows[] = {
    { SIGTERM, ACTION(drain) },
    { SIGINT, ACTION(quit) },
    { SIGQUIT, ACTION(quit) },
    { SIGUSR1, ACTION(reopen) },
};

/* A process has one set of signal handlers, hence these. */
static struct {
    struct wake wake;
    const struct worker_signal_ops *ops;
    void *owner;
    _Atomic unsigned pending; /* bit i: rows[i] */
} state;

static void handle(int number)
{
    for (unsigned i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].number == number)
            atomic_fetch_or(&state.pending, 1u << i);
    wake_signal(&state.wake);
}

/* The master aborts a worker that shows no life; gunicorn's leaves with 1. */
static void handle_abort(int number)
{
    _exit(1);
}

static void on_wake(struct wake *wake)
{
    unsigned pending = atomic_exchange(&state.pending, 0);
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        if (!(pending & 1u << i))
            continue;
        void (*action)(void *owner) =
            *(void (*const *)(void *))(const void *)((const char *)state.ops + rows[i].action);
        action(state.owner);
    }
}

static void install(int number, void (*handler)(int))
{
    struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

int worker_signals_start(struct loop *loop, const struct worker_signal_ops *ops, void *owner)
{
    state.ops = ops;
    state.owner = owner;
    atomic_store(&state.pending, 0);
    int error = wake_init(&state.wake, loop, on_wake);
    if (error)
        return error;
    for (unsigned i = 0; i < COUNT_OF(rows); i++)
        install(rows[i].number, handle);
    install(SIGABRT, handle_abort);
    install(SIGWINCH, SIG_IGN);
    install(SIGPIPE, SIG_IGN);
    return 0;
}

void worker_signals_stop(struct loop *loop)
{
    for (unsigned i = 0; i < COUNT_OF(rows); i++)
        install(rows[i].number, SIG_IGN);
    wake_done(&state.wake, loop);
}
