/* SPDX-License-Identifier: MIT */
/* The set of listening sockets that one configuration asks for. */
#pragma once

#include "base/log.h"
#include "io/listener.h"

struct binds {
    struct listener *listeners;
    struct address *wanted; /* as configured, beside each listener: what a reload compares */
    int count;
    bool by_systemd; /* LISTEN_FDS: the configuration's own binds do not count */
};

/* Why binds_open failed: which text, and what is to say about it. */
struct bind_failure {
    const char *bind;
    const char *why;
    int err; /* -errno; 0 when the text is no address */
};

/* Opens one listener for each of the texts (NULL terminated). Sockets that `old` has already are kept:
 * the new set then holds the same descriptors (those of systemd all, whatever the texts say). Any failure
 * closes what was opened. `old` may be NULL. */
bool binds_open(struct binds *out, const char *const *texts, const struct listener_options *options,
                const struct binds *old, struct bind_failure *out_failure);

/* The sockets that systemd passed to this very process. None: an empty set. */
bool binds_open_passed(struct binds *out, const struct listener_options *options,
                       struct bind_failure *out_failure);

/* Closes all sockets that are not in `keep` too (NULL: all), and forgets the rest. */
void binds_close(struct binds *binds, const struct binds *keep, bool unlink_files);

/* "http://127.0.0.1:8000,unix:/run/x.sock"; the caller frees it. */
char *binds_text(const struct binds *binds);

/* A bind whose socket the other set has not. */
bool binds_differ(const struct binds *a, const struct binds *b);

/* As gunicorn writes an address in "Connection in use": ('127.0.0.1', 8000), or the path. */
void bind_format(const char *text, char out[ADDRESS_TEXT_MAX]);
