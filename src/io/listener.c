/* SPDX-License-Identifier: MIT */
/* Listening sockets. Options that accepted sockets inherit from the listener (TCP_NODELAY) are set here
 * once, so that no connection pays a system call for them. A Unix socket's file is removed only when
 * nobody answers behind it, and at the end only when it is still the file that bind() made. */
#include "io/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>

static const char *unix_path(const struct address *address)
{
    return ((const struct sockaddr_un *)&address->sa)->sun_path;
}

/* True for a Unix socket that is a file: neither abstract nor unnamed. */
static bool has_file(const struct address *address)
{
    return address_is_unix(address) && address->len > offsetof(struct sockaddr_un, sun_path) &&
           unix_path(address)[0];
}

static const struct sockaddr *generic(const struct address *address)
{
    return (const struct sockaddr *)&address->sa;
}

/* -ECONNREFUSED when nobody listens there, 0 when somebody does. */
static int knock(const struct address *address)
{
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, generic(address), address->len) == 0)
        return 0;
    /* EAGAIN: its backlog is full; EPROTOTYPE: a live socket of another type */
    return errno == EAGAIN || errno == EPROTOTYPE ? 0 : -errno;
}

static int remove_stale_file(const struct address *address)
{
    struct stat st;
    if (stat(unix_path(address), &st) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(st.st_mode))
        return -ENOTSOCK;
    int err = knock(address);
    if (err == 0)
        return -EADDRINUSE;
    if (err != -ECONNREFUSED)
        return err;
    return unlink(unix_path(address)) < 0 && errno != ENOENT ? -errno : 0;
}

static int own_file(struct listener *listener, const struct listener_options *options)
{
    const char *path = unix_path(&listener->address);
    struct stat st;
    if (stat(path, &st) < 0)
        return -errno;
    listener->file_dev = st.st_dev;
    listener->file_ino = st.st_ino;
    bool keeps = (options->uid == (uid_t)-1 || options->uid == st.st_uid) &&
                 (options->gid == (gid_t)-1 || options->gid == st.st_gid);
    return !keeps && chown(path, options->uid, options->gid) < 0 ? -errno : 0;
}

static int bind_unix(struct listener *listener, const struct listener_options *options)
{
    const struct address *address = &listener->address;
    if (!has_file(address))
        return bind(listener->fd, generic(address), address->len) < 0 ? -errno : 0;
    int err = remove_stale_file(address);
    if (err)
        return err;
    mode_t old = umask(options->umask);
    err = bind(listener->fd, generic(address), address->len) < 0 ? -errno : 0;
    umask(old);
    return err ? err : own_file(listener, options);
}

static int set_on(int fd, int level, int option)
{
    int on = 1;
    return setsockopt(fd, level, option, &on, sizeof(on)) < 0 ? -errno : 0;
}

static int bind_tcp(struct listener *listener, const struct listener_options *options)
{
    int err = set_on(listener->fd, SOL_SOCKET, SO_REUSEADDR);
    if (!err && options->reuse_port)
        err = set_on(listener->fd, SOL_SOCKET, SO_REUSEPORT);
    if (err)
        return err;
    return bind(listener->fd, generic(&listener->address), listener->address.len) < 0 ? -errno : 0;
}

static int learn_address(struct listener *listener)
{
    struct address *address = &listener->address;
    address->len = sizeof(address->sa);
    if (getsockname(listener->fd, (struct sockaddr *)&address->sa, &address->len) < 0)
        return -errno;
    address_format_url(address, listener->url);
    return 0;
}

static int start_listening(struct listener *listener, const struct listener_options *options)
{
    sa_family_t family = listener->address.sa.ss_family;
    if (family == AF_INET || family == AF_INET6) {
        int err = set_on(listener->fd, IPPROTO_TCP, TCP_NODELAY);
        if (err)
            return err;
    }
    int listens = 0;
    socklen_t len = sizeof(listens);
    /* listen() on an inherited socket that already listens may be denied (SELinux) */
    if (getsockopt(listener->fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 && listens)
        return 0;
    return listen(listener->fd, options->backlog) < 0 ? -errno : 0;
}

static int adopt(struct listener *listener, const struct listener_options *options)
{
    int type;
    socklen_t len = sizeof(type);
    if (getsockopt(listener->fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
        return -errno;
    if (type != SOCK_STREAM)
        return -EPROTOTYPE;
    int flags = fcntl(listener->fd, F_GETFL);
    if (flags < 0 || fcntl(listener->fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl(listener->fd, F_SETFD, FD_CLOEXEC) < 0)
        return -errno;
    int err = learn_address(listener);
    return err ? err : start_listening(listener, options);
}

static int open_own(struct listener *listener, const struct listener_options *options)
{
    int err =
        address_is_unix(&listener->address) ? bind_unix(listener, options) : bind_tcp(listener, options);
    if (!err)
        err = learn_address(listener);
    return err ? err : start_listening(listener, options);
}

int listener_open(struct listener *listener, const struct address *address,
                  const struct listener_options *options)
{
    struct listener opened = { .fd = address->inherited_fd, .address = *address };
    opened.is_inherited = opened.fd >= 0;
    if (!opened.is_inherited)
        opened.fd = socket(address->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (opened.fd < 0)
        return -errno;
    int err = opened.is_inherited ? adopt(&opened, options) : open_own(&opened, options);
    if (!err)
        *listener = opened;
    else if (!opened.is_inherited)
        listener_close(&opened, true);
    return err;
}

static void unlink_own_file(const struct listener *listener)
{
    struct stat st;
    if (listener->file_ino && stat(unix_path(&listener->address), &st) == 0 &&
        st.st_dev == listener->file_dev && st.st_ino == listener->file_ino)
        unlink(unix_path(&listener->address));
}

void listener_close(struct listener *listener, bool unlink_file)
{
    if (listener->fd < 0)
        return;
    if (unlink_file)
        unlink_own_file(listener);
    close(listener->fd);
    listener->fd = -1;
}
