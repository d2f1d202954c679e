/* SPDX-License-Identifier: MIT */
/* The textual forms of an address to bind, and how addresses look in logs and in the environ. Each form
 * is a row: its prefix and the function that reads what follows. Where gunicorn guesses (text after a
 * bracket, a second colon, a bare number as host) this reader refuses, since the guess would bind
 * something that nobody asked for. Pure functions, but a name is looked up with getaddrinfo. */
#include "io/address.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>

#include "base/num.h"

enum { DEFAULT_PORT = 8000, HOST_MAX = 255, UNIX_PATH_MAX = sizeof(((struct sockaddr_un *)0)->sun_path) };

struct form {
    str prefix;
    bool (*read)(str rest, struct address *out, const char **out_why);
};

static bool fail(const char *why, const char **out_why)
{
    *out_why = why;
    return false;
}

static bool read_fd(str rest, struct address *out, const char **out_why)
{
    uint64_t fd;
    if (!num_parse(rest, INT_MAX, &fd))
        return fail("not a file descriptor number", out_why);
    *out = (struct address){ .inherited_fd = (int)fd };
    return true;
}

static bool read_unix(str path, struct address *out, const char **out_why)
{
    if (path.len == 0 || str_eq(path, STR("@")))
        return fail("the path of the socket is empty", out_why);
    if (path.len >= UNIX_PATH_MAX)
        return fail("the path of the socket is longer than 107 bytes", out_why);
    if (memchr(path.p, '\0', path.len))
        return fail("the path of the socket holds a NUL byte", out_why);
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    memcpy(sun.sun_path, path.p, path.len);
    bool is_abstract = path.p[0] == '@';
    if (is_abstract)
        sun.sun_path[0] = '\0';
    *out = (struct address){ .inherited_fd = -1 };
    memcpy(&out->sa, &sun, sizeof(sun));
    out->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.len + !is_abstract);
    return true;
}

static bool read_port(str text, uint16_t *out, const char **out_why)
{
    uint64_t port;
    if (!num_parse(text, UINT16_MAX, &port))
        return fail("the port is not a number from 0 to 65535", out_why);
    *out = (uint16_t)port;
    return true;
}

static bool look_up(str host, int family, int flags, struct address *out)
{
    if (host.len == 0)
        return false;
    char name[HOST_MAX + 1];
    memcpy(name, host.p, host.len);
    name[host.len] = '\0';
    struct addrinfo hints = { .ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = flags };
    struct addrinfo *found;
    if (getaddrinfo(name, NULL, &hints, &found) != 0)
        return false;
    *out = (struct address){ .inherited_fd = -1, .len = found->ai_addrlen };
    memcpy(&out->sa, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return true;
}

static bool is_number(str s)
{
    uint64_t n;
    return num_parse(s, UINT64_MAX, &n);
}

static bool resolve(str host, bool bracketed, struct address *out, const char **out_why)
{
    if (host.len > HOST_MAX || (host.len && memchr(host.p, '\0', host.len)))
        return fail("the host name is too long", out_why);
    if (bracketed)
        return look_up(host, AF_INET6, AI_NUMERICHOST, out) ||
               fail("what stands in brackets is not an IPv6 address", out_why);
    if (host.len == 0)
        host = STR("0.0.0.0");
    if (is_number(host))
        return fail("a number alone is no host (for a port, write :8000)", out_why);
    /* IPv4 first: what gunicorn binds for a name such as localhost */
    return look_up(host, AF_INET, 0, out) || look_up(host, AF_INET6, 0, out) ||
           fail("the host name cannot be resolved", out_why);
}

/* Cuts "[v6]" off the front; `*rest` becomes what follows the bracket. */
static bool take_bracketed(str *rest, str *out_host)
{
    size_t end = str_find(*rest, ']', 1);
    if (end == rest->len)
        return false;
    *out_host = str_sub(*rest, 1, end);
    *rest = str_sub(*rest, end + 1, rest->len);
    return true;
}

static bool read_tcp(str rest, struct address *out, const char **out_why)
{
    uint16_t port = DEFAULT_PORT;
    str host = STR_NONE;
    bool bracketed = rest.len && rest.p[0] == '[';
    if (bracketed) {
        if (!take_bracketed(&rest, &host))
            return fail("the bracket is not closed", out_why);
        if (rest.len && rest.p[0] != ':')
            return fail("only :PORT may follow the bracket", out_why);
    } else {
        size_t colon = str_find(rest, ':', 0);
        host = str_sub(rest, 0, colon);
        rest = str_sub(rest, colon, rest.len);
    }
    str digits = str_sub(rest, 1, rest.len);
    if (str_find(digits, ':', 0) < digits.len)
        return fail("more than one colon (an IPv6 address stands in brackets)", out_why);
    if (rest.len && !read_port(digits, &port, out_why))
        return false;
    struct address found;
    if (!resolve(host, bracketed, &found, out_why))
        return false;
    if (found.sa.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)&found.sa)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)&found.sa)->sin_port = htons(port);
    *out = found;
    return true;
}

static const struct form forms[] = {
    { { "unix://", 7 }, read_unix }, { { "unix:", 5 }, read_unix }, { { "fd://", 5 }, read_fd },
    { { "tcp://", 6 }, read_tcp },   { { "", 0 }, read_tcp },
};

bool address_parse(str text, struct address *out, const char **out_why)
{
    const struct form *form = forms;
    while (!str_starts(text, form->prefix))
        form++;
    text = str_sub(text, form->prefix.len, text.len);
    if (form->read == read_tcp && text.len && memmem(text.p, text.len, "://", 3))
        return fail("the scheme is none of tcp://, unix: and fd://", out_why);
    return form->read(text, out, out_why);
}

static void format_unix(const struct address *address, char out[ADDRESS_TEXT_MAX])
{
    const char *path = ((const struct sockaddr_un *)&address->sa)->sun_path;
    size_t len = address->len - offsetof(struct sockaddr_un, sun_path);
    if (address->len <= offsetof(struct sockaddr_un, sun_path))
        snprintf(out, ADDRESS_TEXT_MAX, "unix:");
    else if (path[0])
        snprintf(out, ADDRESS_TEXT_MAX, "unix:%.*s", (int)len, path);
    else
        snprintf(out, ADDRESS_TEXT_MAX, "unix:@%.*s", (int)len - 1, path + 1);
}

void address_format_url(const struct address *address, char out[ADDRESS_TEXT_MAX])
{
    char host[ADDRESS_TEXT_MAX];
    address_format_host(&address->sa, host);
    unsigned port = address_port(&address->sa);
    switch (address->sa.ss_family) {
    case AF_UNIX:
        format_unix(address, out);
        break;
    case AF_INET6:
        snprintf(out, ADDRESS_TEXT_MAX, "http://[%.*s]:%u", INET6_ADDRSTRLEN, host, port);
        break;
    case AF_INET:
        snprintf(out, ADDRESS_TEXT_MAX, "http://%.*s:%u", INET_ADDRSTRLEN, host, port);
        break;
    default:
        snprintf(out, ADDRESS_TEXT_MAX, "fd://%d", address->inherited_fd);
    }
}

void address_format_host(const struct sockaddr_storage *sa, char out[ADDRESS_TEXT_MAX])
{
    out[0] = '\0';
    if (sa->ss_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)sa)->sin_addr, out, ADDRESS_TEXT_MAX);
    else if (sa->ss_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)sa)->sin6_addr, out, ADDRESS_TEXT_MAX);
}

uint16_t address_port(const struct sockaddr_storage *sa)
{
    if (sa->ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)sa)->sin_port);
    if (sa->ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)sa)->sin6_port);
    return 0;
}
