/* SPDX-License-Identifier: MIT */
/* The syntax of Host and of the authority of a request target: a registered name, an IPv4 address (which
 * is one by its characters), or an IPv6 address in brackets, then perhaps a port. What passes holds no
 * byte that could end the host in the eyes of whoever reads it next ('/', '@', '?', white space). */
#include "http/host.h"

#include <arpa/inet.h>

#include "base/num.h"

enum { NAME_BYTE = 1, HEX_BYTE = 2, BOTH = NAME_BYTE | HEX_BYTE };

/* unreserved and sub-delims; '%' only begins an escape. */
static const uint8_t bytes_of_host[256] = {
    ['!'] = NAME_BYTE, ['$'] = NAME_BYTE,    ['&' ... '.'] = NAME_BYTE, ['0' ... '9'] = BOTH,
    [';'] = NAME_BYTE, ['='] = NAME_BYTE,    ['A' ... 'F'] = BOTH,      ['G' ... 'Z'] = NAME_BYTE,
    ['_'] = NAME_BYTE, ['a' ... 'f'] = BOTH, ['g' ... 'z'] = NAME_BYTE, ['~'] = NAME_BYTE,
};

static bool is(unsigned class, str s, size_t at)
{
    return at < s.len && (bytes_of_host[(unsigned char)s.p[at]] & class);
}

static size_t name_len(str s)
{
    size_t at = 0;
    for (;;) {
        if (is(NAME_BYTE, s, at))
            at++;
        else if (at < s.len && s.p[at] == '%' && is(HEX_BYTE, s, at + 1) && is(HEX_BYTE, s, at + 2))
            at += 3;
        else
            return at;
    }
}

/* "[…]" at the front; 0: it is no IPv6 address. Zone identifiers have no business on the wire. */
static size_t bracket_len(str s)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    size_t close = str_find(s, ']', 0);
    if (close == s.len || close > sizeof(text))
        return 0;
    memcpy(text, s.p + 1, close - 1);
    text[close - 1] = '\0';
    return strlen(text) == close - 1 && inet_pton(AF_INET6, text, &address) == 1 ? close + 1 : 0;
}

static size_t uri_host_len(str s)
{
    return s.len && s.p[0] == '[' ? bracket_len(s) : name_len(s);
}

static bool is_port(str s)
{
    uint64_t port;
    return num_parse(s, UINT16_MAX, &port);
}

bool host_is_valid(str host)
{
    size_t len = uri_host_len(host);
    if (len == host.len)
        return true;
    if (len == 0 || host.p[len] != ':')
        return false;
    str port = str_sub(host, len + 1, host.len);
    return port.len == 0 || is_port(port);
}

bool host_is_valid_with_port(str host)
{
    size_t len = uri_host_len(host);
    return len > 0 && len < host.len && host.p[len] == ':' && is_port(str_sub(host, len + 1, host.len));
}
