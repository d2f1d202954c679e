/* SPDX-License-Identifier: MIT */
/* Expected values are gunicorn's, but for what access_atom.c and escape.c say. */
#include "unit.h"

#include <regex.h>
#include <stdio.h>

#include "finished.h"
#include "server/access_format.h"

static struct finished finished;

#define REQUEST                                                                                              \
    "GET /caf%C3%A9%0a%22x?a=\"b\\ HTTP/1.1\r\n"                                                             \
    "Host: example.com\r\n"                                                                                  \
    "Referer: http://a/\r\n"                                                                                 \
    "User-Agent: Agent \"7\"\r\n"                                                                            \
    "Authorization: Basic dXNlcjpw\r\n"                                                                      \
    "X-One: 1\r\n"                                                                                           \
    "x-many: first\r\n"                                                                                      \
    "X-MANY: \t last \r\n"                                                                                   \
    "X-Empty:\r\n"                                                                                           \
    "Referer: http://b/\r\n\r\n"

static int set_up(void **state)
{
    int error = finished_init(&finished);
    if (!error)
        finished_set_request(&finished, REQUEST);
    return error;
}

static int tear_down(void **state)
{
    finished_done(&finished);
    return 0;
}

/* The line of `format` without its end; the caller frees it. */
static char *line(const char *text)
{
    struct access_format format;
    struct buf out = { 0 };
    const char *why = NULL;
    if (!access_format_init(&format, str_of(text), &why))
        fail_msg("%s", why);
    access_format_line(&format, finished.exchange, &out);
    access_format_done(&format);
    out.len--;
    buf_text(&out);
    return out.p;
}

static void assert_line(const char *text, const char *want)
{
    AUTO_FREE char *got = line(text);
    assert_string_equal(got, want);
}

static void request_atoms(void **state)
{
    assert_line("%(l)s", "-");
    assert_line("%(m)s", "GET");
    assert_line("%(H)s", "HTTP/1.1");
    assert_line("%(r)s", "GET /caf%C3%A9%0a%22x?a=\\\"b\\ HTTP/1.1");
    assert_line("%(U)s", "/caf\xc3\xa9\\x0a\\\"x");
    assert_line("%(q)s", "a=\\\"b\\");
    assert_line("%(u)s", "user");
    assert_line("%(f)s", "http://a/,http://b/");
    assert_line("%(a)s", "Agent \\\"7\\\"");
}

static void request_fields(void **state)
{
    assert_line("%({X-One}i)s", "1");
    assert_line("%({x-oNE}I)s", "1");
    assert_line("%({X-Many}i)s", "last");
    assert_line("%({referer}i)s", "http://b/");
    assert_line("%({X-Empty}i)s|", "|");
    assert_line("%({X-None}i)s", "-");
    assert_line("%({Cookie}i)s", "-");
    assert_line("%({X-On}i)s%({X-Onee}i)s", "--");
}

static void absent_parts_of_a_complete_request(void **state)
{
    finished_set_request(&finished, "HEAD / HTTP/1.0\r\n\r\n");
    assert_line("%(r)s|%(U)s|%(q)s|%(H)s|%(f)s|%(a)s|%(u)s", "HEAD / HTTP/1.0|/||HTTP/1.0|-|-|-");
    finished_set_request(&finished, "GET http://h/abs?q HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_line("%(r)s|%(U)s|%(q)s", "GET http://h/abs?q HTTP/1.1|/abs|q");
    finished_set_request(&finished, "GET /?%22%0a HTTP/1.1\r\nHost: h\r\nReferer:\r\n\r\n");
    assert_line("%(q)s|%(f)s|", "%22%0a||");
}

static void path_keeps_broken_escapes(void **state)
{
    finished_set_request(&finished, "GET /%/%4/%zz/%4z/%2525%41% HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_line("%(U)s", "/%/%4/%zz/%4z/%25A%");
    finished_set_request(&finished, "GET /%00%7F%80%ff HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_line("%(U)s", "/\\x00\\x7f\\x80\\xff");
}

static void path_is_without_script_name(void **state)
{
    setenv("SCRIPT_NAME", "/app", 1);
    finished_set_request(&finished, "GET /app/a%20b?q HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_line("%(U)s|%(r)s", "/a b|GET /app/a%20b?q HTTP/1.1");
    finished_set_request(&finished, "GET /app HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_line("[%(U)s]", "[]");
    finished_set_request(&finished, "GET /other HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_line("%(U)s", "/other");
    finished.exchange->head = NULL;
    assert_line("%(U)s", "-");
    unsetenv("SCRIPT_NAME");
}

static void peers(void **state)
{
    assert_line("%(h)s", "127.0.0.1");
    finished_set_peer(&finished, AF_INET, "255.20.0.1");
    assert_line("%(h)s", "255.20.0.1");
    finished_set_peer(&finished, AF_INET6, "2001:db8::1");
    assert_line("%(h)s", "2001:db8::1");
    finished_set_peer(&finished, AF_UNIX, NULL);
    assert_line("[%(h)s]", "[]");
}

static void response_atoms(void **state)
{
    assert_line("%(s)s %(b)s %(B)s %(s)d %(b)d %(B)d", "200 31 31 200 31 31");
    finished.exchange->status = 304;
    finished.exchange->body_sent = 0;
    assert_line("%(s)s %(b)s %(B)d", "304 0 0");
}

static void response_fields(void **state)
{
    finished_add_field(&finished, STR("Content-Type: text/plain"));
    finished_add_field(&finished, STR("Set-Cookie: a=1"));
    finished_add_field(&finished, STR("set-cookie: b=\"2\"; Path=/"));
    finished_add_field(&finished, STR("X-Empty:"));
    finished_add_field(&finished, STR("X-Colons: a:b: c"));
    assert_line("%({content-TYPE}o)s", "text/plain");
    assert_line("%({Set-Cookie}o)s", "b=\\\"2\\\"; Path=/");
    assert_line("%({X-Empty}o)s|", "|");
    assert_line("%({X-Colons}o)s", "a:b: c");
    assert_line("%({X-None}o)s%({Server}o)s", "--");
    assert_line("%({Content-Length}o)s", "-");
    finished.exchange->output.has_length = true;
    finished.exchange->output.length = UINT64_MAX;
    assert_line("%({Content-Length}o)s", "18446744073709551615");
}

/* The client was answered past a handler that is still at work: its half of the output may change. */
static void leaves_alone_what_the_handler_holds(void **state)
{
    finished_add_field(&finished, STR("X-A: 1"));
    buf_append(&finished.exchange->notes, STR("note\0"));
    finished.exchange->is_handled = true;
    assert_line("%({X-A}o)s %({N}e)s", "1 -");
    finished.exchange->transit.is_begun = false;
    finished.exchange->output.has_length = true;
    assert_line("%({X-A}o)s %({Content-Length}o)s %({N}e)s", "- - -");
    finished.exchange->is_handled = false;
    assert_line("%({X-A}o)s %({N}e)s", "1 note");
}

static void environ_atoms(void **state)
{
    assert_line("%({A}e)s%({B}e)s", "--");
    buf_append(&finished.exchange->notes, STR("one\0\0thr\"ee\n\0-\0"));
    assert_line("%({A}e)s|%({B}e)s|%({C}e)s|%({D}e)s|%({E}e)s|%({c}e)s",
                "one||thr\\\"ee\\x0a|-|-|thr\\\"ee\\x0a");
}

/* gunicorn was asked for each of these. */
static void users(void **state)
{
    static const struct {
        const char *value, *user;
    } rows[] = {
        { "Basic dXNlcjpw", "user" },
        { "basic   dXNl", "use" },
        { "BASIC dXNlcjpw", "user" },
        { "Basic OnA=", "-" },
        { "Basic", "-" },
        { "Basic ", "-" },
        { "Bearer dXNlcjpw", "-" },
        { "Basic dXNlcjpwYTp3", "user" },
        { "Basic dXNlc", "-" },
        { "Basic dXNlcg", "-" },
        { "Basic dXNlcg=", "-" },
        { "Basic dXNlcg==", "user" },
        { "Basic dX*Nl-cjpw", "user" },
        { "Basic !!!!", "-" },
        { "Basic dQo6cA==", "u\\x0a" },
        { "Basic Y2Fmw6k6cA==", "caf\xc3\xa9" },
        { "Basic Y2Fm6TpwYQ==", "-" },
        { "Basic ImEiOnA=", "\\\"a\\\"" },
        { "Basicdummy dXNlcjpw", "user" },
        { "Digest username=\"a\"", "-" },
        { "Basic dXNl=cjpw", "user" },
        { "Basic dXNlcg==cjpw", "user" },
        { "Basic =dXNl", "use" },
        { "Basic dX=NlcjpwYQ==", "user" },
        { "Basic d=XNl", "use" },
        { "Basic dX=N=l", "us" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char request[256];
        snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: %s\r\n\r\n",
                 rows[i].value);
        finished_set_request(&finished, request);
        assert_line("%(u)s", rows[i].user);
    }
}

static void cuts_long_users(void **state)
{
    char request[9000] = "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Basic ", want[257];
    for (int i = 0; i < 2000; i++)
        strcat(request, "YWFh");
    strcat(request, "\r\n\r\n");
    memset(want, 'a', 256);
    want[256] = '\0';
    finished_set_request(&finished, request);
    assert_line("%(u)s", want);
}

static void refused_requests(void **state)
{
    static const struct {
        const char *request, *line;
    } rows[] = {
        { "GET\r\n\r\n", "GET - -|GET|-|-|-|-" },
        { "\x16\x03\x01\r\n\r\n", "-|-|-|-|-|-" },
        { "GET /a?b HTTP/1.1\r\nHost: a\r\nBad Name: 1\r\n\r\n", "GET /a?b HTTP/1.1|GET|/a|b|HTTP/1.1|-" },
    };
    finished.exchange->status = 400;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        finished_set_request(&finished, rows[i].request);
        assert_line("%(r)s|%(m)s|%(U)s|%(q)s|%(H)s|%(a)s", rows[i].line);
    }
}

/* No byte of the head is there, or none at rest. */
static void no_head_at_all(void **state)
{
    static const char all[] = "%(r)s|%(m)s|%(U)s|%(q)s|%(H)s|%(u)s|%(f)s|%(a)s|%({X}i)s|%({Host}i)s";
    finished.exchange->parser.head.base = NULL;
    assert_line(all, "-|-|-|-|-|-|-|-|-|-");
    finished.exchange->head = NULL;
    assert_line(all, "-|-|-|-|-|-|-|-|-|-");
}

/* A method alone, a version of another protocol: whatever a parser may have got when it gave up. */
static void half_a_request_line(void **state)
{
    struct http_head *head = &finished.exchange->parser.head;
    head->version = 0;
    assert_line("%(r)s|%(H)s", "GET /caf%C3%A9%0a%22x?a=\\\"b\\ -|-");
    head->target = head->path = head->query = (struct http_slice){ 0 };
    assert_line("%(r)s|%(U)s|%(q)s", "GET - -|-|-");
}

static bool matches(const char *text, const char *pattern)
{
    regex_t regex;
    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    bool found = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return found;
}

static void durations(void **state)
{
    finished.exchange->start_us = clock_mono_us() - 90061234567; /* a day, an hour, a minute and a bit */
    AUTO_FREE char *text = line("%(T)d %(M)d %(D)d %(L)s");
    assert_true(matches(text, "^900[6-9][0-9] 900[6-9][0-9]{4} 900[6-9][0-9]{7} 900[6-9][0-9]\\.[0-9]{6}$"));
    char *at = text;
    long long s = strtoll(at, &at, 10), ms = strtoll(at, &at, 10), us = strtoll(at, &at, 10);
    long long whole = strtoll(at, &at, 10), rest = strtoll(at + 1, &at, 10);
    assert_int_equal(ms, us / 1000);
    assert_int_equal(s, us / 1000000);
    assert_int_equal(whole * 1000000 + rest, us);
}

/* A clock that seems to go back must not give a negative number. */
static void durations_are_never_negative(void **state)
{
    finished.exchange->start_us = clock_mono_us() + 60000000;
    assert_line("%(D)d %(T)s %(L)s", "0 0 0.000000");
    finished.exchange->start_us = clock_mono_us();
    AUTO_FREE char *text = line("%(D)08d");
    assert_true(matches(text, "^0[0-9]{7}$"));
}

static void assert_time_now(struct access_format *format)
{
    struct buf out = { 0 };
    char before[64], after[64];
    time_t now = time(NULL);
    strftime(before, sizeof(before), "[%d/%b/%Y:%H:%M:%S %z]\n", localtime(&now));
    access_format_line(format, finished.exchange, &out);
    now = time(NULL);
    strftime(after, sizeof(after), "[%d/%b/%Y:%H:%M:%S %z]\n", localtime(&now));
    assert_true(strcmp(buf_text(&out), before) == 0 || strcmp(out.p, after) == 0);
    buf_done(&out);
}

static void time_in_any_zone(void **state)
{
    static const char *const zones[] = { "UTC0", "A-5:45", "B3:30", "C-14", "D12" };
    struct access_format format;
    const char *why;
    assert_true(access_format_init(&format, STR("%(t)s"), &why));
    for (size_t i = 0; i < COUNT_OF(zones); i++) {
        setenv("TZ", zones[i], 1);
        tzset();
        format.cache.time_at = -1;
        assert_time_now(&format);
    }
    unsetenv("TZ");
    tzset();
    access_format_done(&format);
}

static void time_is_made_once_a_second(void **state)
{
    struct access_format format;
    const char *why;
    assert_true(access_format_init(&format, STR("%(t)s"), &why));
    assert_time_now(&format);
    format.cache.time_at -= 10;
    format.cache.time_text[1] = 'X';
    assert_time_now(&format);
    access_format_done(&format);
}

static void process(void **state)
{
    char want[32];
    snprintf(want, sizeof(want), "<%d>", (int)getpid());
    assert_line("%(p)s", want);
}

#define WITH_EXCHANGE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_EXCHANGE(request_atoms),
        WITH_EXCHANGE(request_fields),
        WITH_EXCHANGE(absent_parts_of_a_complete_request),
        WITH_EXCHANGE(path_keeps_broken_escapes),
        WITH_EXCHANGE(path_is_without_script_name),
        WITH_EXCHANGE(peers),
        WITH_EXCHANGE(response_atoms),
        WITH_EXCHANGE(response_fields),
        WITH_EXCHANGE(leaves_alone_what_the_handler_holds),
        WITH_EXCHANGE(environ_atoms),
        WITH_EXCHANGE(users),
        WITH_EXCHANGE(cuts_long_users),
        WITH_EXCHANGE(refused_requests),
        WITH_EXCHANGE(no_head_at_all),
        WITH_EXCHANGE(half_a_request_line),
        WITH_EXCHANGE(durations),
        WITH_EXCHANGE(durations_are_never_negative),
        WITH_EXCHANGE(time_in_any_zone),
        WITH_EXCHANGE(time_is_made_once_a_second),
        WITH_EXCHANGE(process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
