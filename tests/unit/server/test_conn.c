/* SPDX-License-Identifier: MIT */
/* Connections over a socket pair, with a handler that answers at once. */
#include "unit.h"

#include <errno.h>
#include <sys/socket.h>

#include "scratch.h"
#include "server/access_log.h"
#include "server/conn.h"

struct fixture {
    struct loop loop;
    struct log log;
    struct server_config config;
    struct worker_stats stats;
    const struct worker_stats *all_stats[1];
    _Atomic int n_stats;
    struct server server;
    struct scratch scratch;
    int client;
};

static struct fixture fixture;

static void handle(void *owner, struct exchange *exchange)
{
    struct output *output = &exchange->output;
    output->status = 200;
    output->has_length = true;
    output->length = 2;
    output_set_head(output);
    output_push_copy(output, STR("ok"));
    exchange_finish(exchange, true);
}

static bool cancel(void *owner, struct exchange *exchange)
{
    return false;
}

static void overdue(void *owner, struct exchange *exchange)
{
}

static int idle(void *owner)
{
    return 1;
}

static int queued(void *owner)
{
    return 0;
}

static const struct handler handler = { handle, cancel, overdue, idle, queued };

static struct access_log *open_log(const char *format)
{
    const char *why = "";
    struct access_log *log = access_log_open(&fixture.loop, fixture.scratch.file, format, &why);
    if (!log)
        fail_msg("%s", why);
    return log;
}

static int set_up(void **state)
{
    struct fixture *f = &fixture;
    *f = (struct fixture){ .config = { .head = { 4094, 100, 8190 },
                                       .body = { .most = 1 << 20, .in_memory = 1 << 16 },
                                       .output_most = 1 << 20,
                                       .keepalive_ms = 60000,
                                       .connections_most = 10,
                                       .server_token = STR("galley") } };
    int error = loop_init(&f->loop);
    if (error)
        return error;
    scratch_init(&f->scratch);
    log_init(&f->log, LOG_CRITICAL);
    f->all_stats[0] = &f->stats;
    f->n_stats = 1;
    f->server = (struct server){ .loop = &f->loop,
                                 .log = &f->log,
                                 .config = &f->config,
                                 .handler = &handler,
                                 .stats = &f->stats,
                                 .peers = f->all_stats,
                                 .n_peers = &f->n_stats,
                                 .access_log = open_log("%(r)s|%(U)s|%(a)s|%(s)s|%(B)d") };
    server_start(&f->server);
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0)
        return -errno;
    f->client = fds[0];
    conn_open(&f->server, fds[1], 0, &(union peer_address){ .family = AF_UNIX });
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = &fixture;
    close(f->client);
    server_done(&f->server);
    access_log_close(f->server.access_log);
    loop_done(&f->loop);
    scratch_done(&f->scratch);
    return 0;
}

/* Sends, and lets the loop work until nothing is left to do. */
static void send_text(const char *text)
{
    ssize_t len = (ssize_t)strlen(text);
    assert_int_equal(send(fixture.client, text, (size_t)len, MSG_NOSIGNAL), len);
    for (int i = 0; i < 8; i++)
        loop_turn(&fixture.loop, 0);
}

static int count_responses(const char *status_line)
{
    char text[4096];
    ssize_t n = recv(fixture.client, text, sizeof(text) - 1, 0);
    int count = 0;
    text[n > 0 ? n : 0] = '\0';
    for (const char *at = text; (at = strstr(at, status_line)); at++)
        count++;
    return count;
}

static void assert_log(const char *want)
{
    AUTO_FREE char *text = scratch_read(fixture.scratch.file);
    assert_string_equal(text, want);
}

/* Its bytes have to be there still when the line is written, also when more requests follow them. */
static void logs_the_request_that_was_answered(void **state)
{
    send_text("GET /first?1 HTTP/1.1\r\nHost: a\r\nUser-Agent: one\r\n\r\n");
    assert_int_equal(count_responses("HTTP/1.1 200 OK\r\n"), 1);
    assert_log("GET /first?1 HTTP/1.1|/first|one|200|2\n");
    send_text(
        "POST /second HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbodyGET /third HTTP/1.1\r\nHost: a\r\n"
        "User-Agent: three\r\n\r\nHEAD /fourth HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(count_responses("HTTP/1.1 200 OK\r\n"), 3);
    assert_log("GET /first?1 HTTP/1.1|/first|one|200|2\n"
               "POST /second HTTP/1.1|/second|-|200|2\n"
               "GET /third HTTP/1.1|/third|three|200|2\n"
               "HEAD /fourth HTTP/1.1|/fourth|-|200|0\n");
}

static void logs_what_it_refused(void **state)
{
    send_text("GET /a HTTP/1.1\r\nHost: a\r\nUser-Agent: bad\r\nBad Name: x\r\n\r\n");
    assert_int_equal(count_responses("HTTP/1.1 400 Bad Request\r\n"), 1);
    AUTO_FREE char *text = scratch_read(fixture.scratch.file);
    assert_non_null(strstr(text, "GET /a HTTP/1.1|/a|bad|400|"));
}

static void does_not_log_what_was_no_request(void **state)
{
    send_text("GET / HT");
    close(fixture.client);
    fixture.client = -1;
    for (int i = 0; i < 8; i++)
        loop_turn(&fixture.loop, 0);
    assert_log("");
    assert_int_equal(fixture.server.n_conns, 0);
}

#define WITH_CONN(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_CONN(logs_the_request_that_was_answered),
        WITH_CONN(logs_what_it_refused),
        WITH_CONN(does_not_log_what_was_no_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
