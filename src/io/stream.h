/* SPDX-License-Identifier: MIT */
/* A byte stream to a peer: plain TCP or Unix today; TLS takes the same calls. Non-blocking. */
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <stdbool.h>

#include "base/defs.h"

/* Bytes, 0 at the end of the stream, or -errno (-EAGAIN: nothing there now). */
ssize_t stream_recv(int fd, void *to, size_t size);

/* Bytes taken, or -errno (-EAGAIN: the peer does not drain). Never raises SIGPIPE. `more`: further
 * bytes follow at once, so that the kernel may wait to fill a segment. */
ssize_t stream_sendv(int fd, const struct iovec *iov, int count, bool more);

/* `len` bytes of `file_fd` from `offset`. Bytes, 0 when the file is shorter, or -errno. Never raises SIGPIPE.
 */
ssize_t stream_sendfile(int fd, int file_fd, off_t offset, size_t len);
