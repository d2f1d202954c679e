/* SPDX-License-Identifier: MIT */
/* A descriptor that other threads and signal handlers can make ready. */
#pragma once

#include "io/loop.h"

struct wake {
    struct watch watch;
    void (*on_wake)(struct wake *wake);
};

/* Watched by `loop` until wake_done; `on_wake` runs on the loop, once for any number of signals. */
int wake_init(struct wake *wake, struct loop *loop, void (*on_wake)(struct wake *wake)) MUST_CHECK;
void wake_done(struct wake *wake, struct loop *loop);

/* Any thread, any signal handler. */
void wake_signal(const struct wake *wake);
