/* SPDX-License-Identifier: MIT */
/* The system calls of a connection, one to a call of ours, with errors as -errno and EINTR repeated. */
#include "io/stream.h"

#include <errno.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

ssize_t stream_recv(int fd, void *to, size_t size)
{
    ssize_t n;
    do
        n = recv(fd, to, size, 0);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

ssize_t stream_sendv(int fd, const struct iovec *iov, int count, bool more)
{
    struct msghdr message = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)count };
    ssize_t n;
    do
        n = sendmsg(fd, &message, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* There is no MSG_NOSIGNAL here, and an application may have given SIGPIPE its default back. */
ssize_t stream_sendfile(int fd, int file_fd, off_t offset, size_t len)
{
    sigset_t pipe, before;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, &before);
    ssize_t n;
    do
        n = sendfile(fd, file_fd, &offset, len);
    while (n < 0 && errno == EINTR);
    int error = n < 0 ? errno : 0;
    if (error == EPIPE)
        sigtimedwait(&pipe, NULL, &(struct timespec){ 0 });
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error ? -error : n;
}
