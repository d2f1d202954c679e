/* SPDX-License-Identifier: MIT */
#include "http/host.h"

#include "unit.h"

static void accepts_hosts(void **state)
{
    static const char *const good[] = {
        "",
        "example.com",
        "example.com:8000",
        "example.com:",
        "127.0.0.1:80",
        "under_score.local",
        "[::1]",
        "[::1]:8000",
        "[2001:db8::ff00:42:8329]",
        "[::ffff:10.0.0.1]:1",
        "a%20b",
        "localhost:65535",
        "x!$&'()*+,;=~-._",
    };
    for (size_t i = 0; i < COUNT_OF(good); i++)
        if (!host_is_valid(str_of(good[i])))
            fail_msg("refused: %s", good[i]);
}

static void refuses_what_is_no_host(void **state)
{
    static const char *const bad[] = {
        ":80",
        ":",
        "a b",
        "a/b",
        "user@a",
        "a?b",
        "a#b",
        "a:b",
        "a:80:80",
        "a:65536",
        "a:-1",
        "a:+80",
        "a: 80",
        "::1",
        "[::1",
        "[::1]x",
        "[]",
        "[a]",
        "[::g]",
        "[fe80::1%25eth0]",
        "[1.2.3.4]",
        "a%2",
        "a%",
        "a%gg",
        "a\\b",
        "http://a",
        "a\xc3\xa9",
        "a\"b",
        "<a>",
        "a:80 ",
        "[::1]:x",
        "[::1]80",
        "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (host_is_valid(str_of(bad[i])))
            fail_msg("accepted: %s", bad[i]);
    assert_false(host_is_valid(STR("[::1\0x]")));
    assert_false(host_is_valid(STR("a\0")));
    for (size_t len = 1; len < 64; len++) {
        char host[64];
        memset(host, '0', len);
        host[0] = '[';
        host[len - 1] = ']';
        assert_false(host_is_valid(str_make(host, len)));
    }
    assert_true(host_is_valid(STR("[0000:0000:0000:0000:0000:0000:255.255.255.255]")));
}

static void wants_both_parts_for_connect(void **state)
{
    assert_true(host_is_valid_with_port(STR("example.com:443")));
    assert_true(host_is_valid_with_port(STR("[::1]:443")));
    assert_false(host_is_valid_with_port(STR("example.com")));
    assert_false(host_is_valid_with_port(STR("example.com:")));
    assert_false(host_is_valid_with_port(STR(":443")));
    assert_false(host_is_valid_with_port(STR("")));
    assert_false(host_is_valid_with_port(STR("a:443/")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_hosts),
        cmocka_unit_test(refuses_what_is_no_host),
        cmocka_unit_test(wants_both_parts_for_connect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
