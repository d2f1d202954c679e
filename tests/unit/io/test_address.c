/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "io/address.h"

static void reads_what_gunicorn_reads(void **state)
{
    static const struct {
        const char *text, *url;
    } cases[] = {
        { "", "http://0.0.0.0:8000" },
        { ":9000", "http://0.0.0.0:9000" },
        { ":0", "http://0.0.0.0:0" },
        { "127.0.0.1", "http://127.0.0.1:8000" },
        { "127.0.0.1:80", "http://127.0.0.1:80" },
        { "127.0.0.1:65535", "http://127.0.0.1:65535" },
        { "LOCALHOST:1", "http://127.0.0.1:1" },
        { "tcp://127.0.0.1:81", "http://127.0.0.1:81" },
        { "tcp://:82", "http://0.0.0.0:82" },
        { "[::1]", "http://[::1]:8000" },
        { "[::1]:83", "http://[::1]:83" },
        { "tcp://[2001:DB8::0:1]:84", "http://[2001:db8::1]:84" },
        { "unix:/run/x.sock", "unix:/run/x.sock" },
        { "unix:///run/x.sock", "unix:/run/x.sock" },
        { "unix:x.sock", "unix:x.sock" },
        { "unix://x.sock", "unix:x.sock" },
        { "unix:a:b", "unix:a:b" },
        { "unix:@name", "unix:@name" },
        { "fd://7", "fd://7" },
        { "fd://0", "fd://0" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct address address;
        const char *why = "";
        if (!address_parse(str_of(cases[i].text), &address, &why))
            fail_msg("%s: %s", cases[i].text, why);
        char url[ADDRESS_TEXT_MAX];
        address_format_url(&address, url);
        assert_string_equal(url, cases[i].url);
    }
}

static void refuses_the_rest_and_says_why(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        { "127.0.0.1:", "the port is not a number from 0 to 65535" },
        { "127.0.0.1:65536", "the port is not a number from 0 to 65535" },
        { "127.0.0.1:-1", "the port is not a number from 0 to 65535" },
        { "127.0.0.1:80x", "the port is not a number from 0 to 65535" },
        { "127.0.0.1: 80", "the port is not a number from 0 to 65535" },
        { "8000", "a number alone is no host (for a port, write :8000)" },
        { "1:2:3", "more than one colon (an IPv6 address stands in brackets)" },
        { "::1", "more than one colon (an IPv6 address stands in brackets)" },
        { "[::1", "the bracket is not closed" },
        { "[::1]8000", "only :PORT may follow the bracket" },
        { "[::1]:", "the port is not a number from 0 to 65535" },
        { "[]:1", "what stands in brackets is not an IPv6 address" },
        { "[127.0.0.1]:1", "what stands in brackets is not an IPv6 address" },
        { "http://127.0.0.1:1", "the scheme is none of tcp://, unix: and fd://" },
        { "no such host:1", "the host name cannot be resolved" },
        { "unix:", "the path of the socket is empty" },
        { "unix://", "the path of the socket is empty" },
        { "unix:@", "the path of the socket is empty" },
        { "fd://", "not a file descriptor number" },
        { "fd://x", "not a file descriptor number" },
        { "fd://-1", "not a file descriptor number" },
        { "fd://99999999999", "not a file descriptor number" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct address address = { .inherited_fd = 4711 };
        const char *why = NULL;
        if (address_parse(str_of(cases[i].text), &address, &why))
            fail_msg("%s was read", cases[i].text);
        assert_string_equal(why, cases[i].why);
        assert_int_equal(address.inherited_fd, 4711);
    }
}

static void bounds_the_unix_path(void **state)
{
    char text[5 + 108 + 1];
    memset(text, 'a', sizeof(text));
    memcpy(text, "unix:", 5);
    struct address address;
    const char *why = NULL;
    assert_true(address_parse(str_make(text, 5 + 107), &address, &why));
    char url[ADDRESS_TEXT_MAX];
    address_format_url(&address, url);
    assert_str_equal(str_of(url), str_make(text, 5 + 107));
    assert_false(address_parse(str_make(text, 5 + 108), &address, &why));
    assert_string_equal(why, "the path of the socket is longer than 107 bytes");
    assert_false(address_parse(STR("unix:a\0b"), &address, &why));
    assert_string_equal(why, "the path of the socket holds a NUL byte");
}

static void tells_forms_apart(void **state)
{
    struct address address;
    const char *why;
    assert_true(address_parse(STR("unix:x"), &address, &why));
    assert_true(address_is_unix(&address));
    assert_int_equal(address.inherited_fd, -1);
    assert_true(address_parse(STR("fd://3"), &address, &why));
    assert_false(address_is_unix(&address));
    assert_int_equal(address.inherited_fd, 3);
}

static void formats_peers(void **state)
{
    char host[ADDRESS_TEXT_MAX];
    struct sockaddr_storage sa = { .ss_family = AF_UNIX };
    address_format_host(&sa, host);
    assert_string_equal(host, "");
    assert_int_equal(address_port(&sa), 0);
    struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(4321) };
    inet_pton(AF_INET6, "fe80::1", &sin6.sin6_addr);
    memcpy(&sa, &sin6, sizeof(sin6));
    address_format_host(&sa, host);
    assert_string_equal(host, "fe80::1");
    assert_int_equal(address_port(&sa), 4321);
}

/* What getsockname gives for the end of a socketpair, and what accept gives for an unbound client. */
static void formats_an_unnamed_unix_address(void **state)
{
    struct address address = { .len = sizeof(sa_family_t), .inherited_fd = -1 };
    address.sa.ss_family = AF_UNIX;
    char url[ADDRESS_TEXT_MAX];
    address_format_url(&address, url);
    assert_string_equal(url, "unix:");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_gunicorn_reads),
        cmocka_unit_test(refuses_the_rest_and_says_why),
        cmocka_unit_test(bounds_the_unix_path),
        cmocka_unit_test(tells_forms_apart),
        cmocka_unit_test(formats_peers),
        cmocka_unit_test(formats_an_unnamed_unix_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
