/* SPDX-License-Identifier: MIT */
/* Addresses to bind and of peers: TCP over IPv4 and IPv6, Unix sockets, inherited descriptors. */
#pragma once

#include <sys/socket.h>

#include "base/str.h"

struct address {
    struct sockaddr_storage sa;
    socklen_t len;
    int inherited_fd; /* the N of fd://N; -1 otherwise */
};

enum { ADDRESS_TEXT_MAX = 160 };

/* gunicorn's forms: HOST, HOST:PORT, :PORT, [v6]:PORT, tcp://…, unix:PATH, unix://PATH, unix:@abstract,
 * fd://N. A missing host is 0.0.0.0, a missing port 8000. A name is resolved (getaddrinfo), which may
 * block. On failure returns false, and `*out_why` is static text. */
bool address_parse(str text, struct address *out, const char **out_why);

/* "http://127.0.0.1:8000", "http://[::1]:8000", "unix:/run/x.sock": as gunicorn's log prints it. */
void address_format_url(const struct address *address, char out[ADDRESS_TEXT_MAX]);

/* The host without brackets ("127.0.0.1", "::1"; empty for Unix), and the port (0 for Unix). */
void address_format_host(const struct sockaddr_storage *sa, char out[ADDRESS_TEXT_MAX]);
uint16_t address_port(const struct sockaddr_storage *sa);

static inline bool address_is_unix(const struct address *address)
{
    return address->sa.ss_family == AF_UNIX;
}
