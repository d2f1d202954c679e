/* SPDX-License-Identifier: MIT */
/* An eventfd under the loop: how a signal handler tells the loop that something happened. */
#include "io/wake.h"

#include <errno.h>
#include <sys/eventfd.h>

static void on_ready(struct watch *watch, uint32_t events)
{
    struct wake *wake = CONTAINER_OF(watch, struct wake, watch);
    uint64_t count;
    if (read(watch->fd, &count, sizeof(count)) == sizeof(count))
        wake->on_wake(wake);
}

int wake_init(struct wake *wake, struct loop *loop, void (*on_wake)(struct wake *wake))
{
    wake->on_wake = on_wake;
    wake->watch = (struct watch){ .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .on_ready = on_ready };
    return wake->watch.fd < 0 ? -errno : loop_watch(loop, &wake->watch, EPOLLIN);
}

void wake_done(struct wake *wake, struct loop *loop)
{
    int fd = wake->watch.fd;
    loop_unwatch(loop, &wake->watch);
    if (fd >= 0)
        close(fd);
}

void wake_signal(const struct wake *wake)
{
    uint64_t one = 1;
    ssize_t n = write(wake->watch.fd, &one, sizeof(one));
    (void)n;
}
