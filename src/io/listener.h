/* SPDX-License-Identifier: MIT */
/* Listening sockets: opened by the master, inherited by the workers. */
#pragma once

#include "io/address.h"

struct listener {
    int fd;
    struct address address; /* as bound: the real port when port 0 was asked for */
    bool is_inherited;      /* came by fd://N or LISTEN_FDS: its file is never unlinked */
    dev_t file_dev;         /* the file of a Unix socket that we made, to tell it from a later one */
    ino_t file_ino;         /* 0: there is none */
    char url[ADDRESS_TEXT_MAX];
};

struct listener_options {
    int backlog;
    bool reuse_port;
    mode_t umask; /* for the file of a Unix socket */
    uid_t uid;    /* the file's owner; (uid_t)-1 leaves it */
    gid_t gid;
};

/* Binds and listens; non-blocking, close-on-exec. A stale socket file is removed first, one that a
 * live server answers on, or a file that is no socket, is an error (-EADDRINUSE, -ENOTSOCK). An
 * inherited descriptor must be a stream socket (-ENOTSOCK, -EPROTOTYPE) and is taken over.
 * 0 or -errno. */
int listener_open(struct listener *listener, const struct address *address,
                  const struct listener_options *options) MUST_CHECK;

/* Closes, and unlinks the file of a Unix socket when `unlink_file` is set and it is still ours. */
void listener_close(struct listener *listener, bool unlink_file);
