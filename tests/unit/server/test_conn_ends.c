/* SPDX-License-Identifier: MIT */
/* How connections end: whoever ends them and in whatever state, the client gets what it can get and can
 * tell whether that was all; nothing is used after it is freed (run under sanitizers). */
#include "unit.h"

#include <errno.h>
#include <sys/socket.h>

#include "conn_rig.h"

enum { LARGE = 4 << 20 };

static struct rig rig;
static struct buf got;
static int client;

static int set_up(void **state)
{
    rig_init(&rig);
    rig_start(&rig);
    got = (struct buf){ 0 };
    client = -1;
    return 0;
}

static int tear_down(void **state)
{
    if (client >= 0)
        close(client);
    rig_done(&rig);
    buf_done(&got);
    return 0;
}

static void open_client(int family)
{
    if (client >= 0)
        close(client);
    client = rig_connect(&rig, family);
}

static void send_text(const char *text)
{
    rig_send(&rig, client, str_of(text));
    rig_settle(&rig);
}

static void reset_client(void)
{
    setsockopt(client, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger));
    close(client);
    client = -1;
}

static bool got_has(const char *text)
{
    return strstr(buf_text(&got), text) != NULL;
}

/* What ended the connection: 0 for an orderly end, else -errno. */
static int read_to_the_end(void)
{
    int error = 1;
    rig_settle(&rig);
    while (rig_receive(client, &got, &error))
        rig_settle(&rig);
    return error;
}

static struct exchange *next_call(void)
{
    struct exchange *exchange = rig_next_call(&rig);
    assert_non_null(exchange);
    return exchange;
}

static void answer_ok(struct rig *unused, struct exchange *exchange)
{
    rig_answer(exchange, STR("ok"));
}

static void answer_large(struct rig *unused, struct exchange *exchange)
{
    AUTO_FREE char *body = calloc(1, LARGE);
    rig_answer(exchange, str_make(body, LARGE));
}

/* --- the client can tell what it got --------------------------------------------------------------- */

/* A body that only the end of the connection ends (RFC 9112 section 6.3, item 8) must not seem whole. */
static void resets_what_no_length_tells_to_be_cut(void **state)
{
    open_client(AF_INET);
    send_text("GET / HTTP/1.0\r\n\r\n");
    struct exchange *exchange = next_call();
    rig_begin(exchange, 200, -1);
    rig_push(exchange, STR("begun"));
    exchange_finish(exchange, false);
    assert_int_equal(read_to_the_end(), -ECONNRESET);
}

static void resets_it_also_when_the_call_takes_too_long(void **state)
{
    rig.config.call_timeout_ms = 30;
    open_client(AF_INET);
    send_text("GET / HTTP/1.0\r\n\r\n");
    struct exchange *exchange = next_call();
    atomic_store(&exchange->begun_ms, rig.loop.now);
    rig_begin(exchange, 200, -1);
    rig_push(exchange, STR("begun"));
    rig_settle(&rig);
    while (!rig.n_overdue)
        loop_turn(&rig.loop, 10);
    assert_int_equal(read_to_the_end(), -ECONNRESET);
    exchange_finish(exchange, true);
    rig_settle(&rig);
}

/* What the framing tells needs no reset, which could take bytes away that are still on their way. */
static void ends_other_cut_responses_in_order(void **state)
{
    open_client(AF_INET);
    send_text("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    struct exchange *exchange = next_call();
    rig_begin(exchange, 200, -1);
    rig_push(exchange, STR("begun"));
    exchange_finish(exchange, false);
    assert_int_equal(read_to_the_end(), 0);
    assert_true(got_has("\r\n5\r\nbegun\r\n"));
    assert_false(got_has("\r\n0\r\n"));
}

static void ends_whole_responses_in_order(void **state)
{
    open_client(AF_INET);
    send_text("GET / HTTP/1.0\r\n\r\n");
    struct exchange *exchange = next_call();
    rig_begin(exchange, 200, -1);
    rig_push(exchange, STR("all of it"));
    exchange_finish(exchange, true);
    assert_int_equal(read_to_the_end(), 0);
    assert_true(got_has("\r\n\r\nall of it"));
}

/* A close with unread bytes resets the connection, and the end of the response with it: RFC 9112
 * section 9.6. */
static void reads_on_behind_the_last_response(void **state)
{
    AUTO_FREE char *more = calloc(1, 100000);
    open_client(AF_INET);
    send_text("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    struct exchange *exchange = next_call();
    rig_send(&rig, client, str_make(more, 100000));
    answer_large(&rig, exchange);
    assert_int_equal(read_to_the_end(), 0);
    assert_true(got.len > LARGE);
}

static void reads_on_behind_a_refusal(void **state)
{
    AUTO_FREE char *more = calloc(1, LARGE);
    open_client(AF_INET);
    rig_send(&rig, client, STR("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n"));
    rig_send(&rig, client, str_make(more, 1048577));
    shutdown(client, SHUT_WR);
    assert_int_equal(read_to_the_end(), 0);
    assert_true(got_has("HTTP/1.1 413 "));
    assert_int_equal(rig.server.n_conns, 0);
}

/* --- draining -------------------------------------------------------------------------------------- */

static void drains_what_is_idle_at_once(void **state)
{
    rig.answer = answer_ok;
    open_client(AF_INET);
    send_text("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    server_drain(&rig.server);
    assert_true(rig.n_drained >= 1);
    assert_int_equal(read_to_the_end(), 0);
    assert_true(got_has("\r\n\r\nok"));
    assert_false(got_has("Connection: close"));
}

/* The response did not say that the connection ends; the next request may be here already. */
static void answers_what_came_before_a_response_under_way_ended(void **state)
{
    open_client(AF_INET);
    send_text("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
    struct exchange *exchange = next_call();
    rig_begin(exchange, 200, 5);
    rig_push(exchange, STR("be"));
    rig_settle(&rig);
    server_drain(&rig.server);
    send_text("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    rig.answer = answer_ok;
    rig_push(exchange, STR("gun"));
    exchange_finish(exchange, true);
    assert_int_equal(read_to_the_end(), 0);
    assert_true(got_has("\r\n\r\nbegunHTTP/1.1 200 OK\r\n"));
    assert_true(got_has("Connection: close\r\n"));
    assert_true(got_has("\r\n\r\nok"));
    assert_true(rig.n_drained >= 1);
}

static void drains_an_idle_connection_with_bytes_in_the_kernel(void **state)
{
    rig.answer = answer_ok;
    open_client(AF_INET);
    send_text("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    str next = STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(send(client, next.p, next.len, 0), next.len);
    usleep(1000);
    server_drain(&rig.server);
    assert_int_equal(read_to_the_end(), 0);
    assert_true(got_has("okHTTP/1.1 200 OK\r\n"));
    assert_true(got_has("Connection: close\r\n"));
}

static bool is_empty(struct rig *unused)
{
    return rig.server.n_conns == 0;
}

/* In each state; what waits for the client has its deadlines. */
static void drains_connections_in_every_state(void **state)
{
    rig.config.header_timeout_ms = rig.config.body_timeout_ms = rig.config.send_timeout_ms = 1500;
    static const char *const begun[] = {
        "",
        "GET / HTTP/1.1\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nx",
        "GET /call HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET bad HTTP/1.1\r\n\r\n",
    };
    int clients[COUNT_OF(begun)];
    for (size_t i = 0; i < COUNT_OF(begun); i++) {
        clients[i] = rig_connect(&rig, AF_INET);
        rig_send(&rig, clients[i], str_of(begun[i]));
        rig_settle(&rig);
    }
    open_client(AF_INET);
    send_text("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    struct exchange *call = next_call();
    answer_large(&rig, next_call());
    rig_settle(&rig);
    assert_int_equal(rig.server.n_conns, COUNT_OF(begun) + 1);
    server_drain(&rig.server);
    assert_int_equal(rig.n_drained, 0);
    rig_answer(call, STR("ok"));
    assert_true(rig_wait(&rig, is_empty));
    assert_true(rig.n_drained >= 1);
    for (size_t i = 0; i < COUNT_OF(begun); i++)
        close(clients[i]);
}

/* --- clients that go ------------------------------------------------------------------------------- */

static const char *const stages[] = {
    "",
    "G",
    "GET / HTTP/1.1\r\nHost: a\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n12345",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n123",
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nGET",
    "GET / HTTP/1.0\r\n\r\n",
    "bad\r\n\r\n",
};

static void go(int family, bool is_reset)
{
    for (size_t i = 0; i < COUNT_OF(stages); i++) {
        open_client(family);
        send_text(stages[i]);
        if (is_reset)
            reset_client();
        else
            close(client);
        client = -1;
        rig_settle(&rig);
        struct exchange *exchange;
        while ((exchange = rig_next_call(&rig))) {
            rig_answer(exchange, STR("late"));
            rig_settle(&rig);
        }
        assert_int_equal(rig.server.n_conns, 0);
    }
}

static void lets_go_of_clients_that_close(void **state)
{
    go(AF_INET, false);
    go(AF_UNIX, false);
}

static void lets_go_of_clients_that_reset(void **state)
{
    go(AF_INET, true);
}

/* The handler has begun: it finishes at leisure, with a connection that is gone. */
static void waits_for_the_handler_of_a_client_that_reset(void **state)
{
    open_client(AF_INET);
    send_text("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    struct exchange *exchange = next_call();
    rig_begin(exchange, 200, 100);
    rig_push(exchange, STR("12345"));
    rig_settle(&rig);
    reset_client();
    rig_settle(&rig);
    assert_true(output_is_aborted(&exchange->output));
    assert_int_equal(rig.server.n_conns, 1);
    rig_push(exchange, STR("12345"));
    rig_settle(&rig);
    assert_int_equal(rig.server.n_conns, 1);
    rig_push(exchange, STR("12345"));
    exchange_finish(exchange, true);
    rig_settle(&rig);
    assert_int_equal(rig.server.n_conns, 0);
}

static void answers_clients_that_have_said_all(void **state)
{
    static const int families[] = { AF_INET, AF_UNIX };
    rig.answer = answer_ok;
    for (size_t i = 0; i < COUNT_OF(families); i++) {
        open_client(families[i]);
        got.len = 0;
        rig_send(&rig, client, STR("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbodyGET / "));
        rig_send(&rig, client, STR("HTTP/1.1\r\nHost: a\r\n\r\n"));
        shutdown(client, SHUT_WR);
        assert_int_equal(read_to_the_end(), 0);
        assert_true(got_has("okHTTP/1.1 200 OK\r\n"));
        rig_settle(&rig);
        assert_int_equal(rig.server.n_conns, 0);
    }
}

/* As over TCP: who goes away without waiting for the answer has asked nevertheless. */
static void takes_requests_of_clients_that_do_not_wait(void **state)
{
    static const int families[] = { AF_INET, AF_UNIX };
    str text = STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    rig.answer = answer_ok;
    for (size_t i = 0; i < COUNT_OF(families); i++) {
        open_client(families[i]);
        rig_settle(&rig);
        assert_int_equal(send(client, text.p, text.len, 0), text.len);
        close(client);
        client = -1;
        rig_settle(&rig);
        assert_int_equal(rig.n_calls, i + 1);
        assert_int_equal(rig.server.n_conns, 0);
    }
}

/* The bytes of a client that sends on until the end, after a response that is cut. */
static void reads_on_behind_a_cut_response(void **state)
{
    AUTO_FREE char *more = calloc(1, 100000);
    open_client(AF_INET);
    send_text("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    answer_large(&rig, next_call());
    rig_send(&rig, client, str_make(more, 100000));
    shutdown(client, SHUT_WR);
    struct exchange *exchange;
    while (!(exchange = rig_next_call(&rig))) {
        rig_receive(client, &got, NULL);
        rig_turn(&rig);
    }
    rig_begin(exchange, 200, 2 * LARGE);
    AUTO_FREE char *half = calloc(1, LARGE);
    rig_push(exchange, str_make(half, LARGE));
    exchange_finish(exchange, false);
    assert_int_equal(read_to_the_end(), 0);
    assert_true(got.len > 2 * LARGE);
}

/* --- handlers -------------------------------------------------------------------------------------- */

static void answers_for_a_handler_without_a_head(void **state)
{
    open_client(AF_INET);
    send_text("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    exchange_finish(next_call(), false);
    assert_int_equal(read_to_the_end(), 0);
    assert_int_equal(rig.server.n_conns, 0);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(resets_what_no_length_tells_to_be_cut),
        WITH_RIG(resets_it_also_when_the_call_takes_too_long),
        WITH_RIG(ends_other_cut_responses_in_order),
        WITH_RIG(ends_whole_responses_in_order),
        WITH_RIG(reads_on_behind_the_last_response),
        WITH_RIG(reads_on_behind_a_refusal),
        WITH_RIG(drains_what_is_idle_at_once),
        WITH_RIG(answers_what_came_before_a_response_under_way_ended),
        WITH_RIG(drains_an_idle_connection_with_bytes_in_the_kernel),
        WITH_RIG(drains_connections_in_every_state),
        WITH_RIG(lets_go_of_clients_that_close),
        WITH_RIG(lets_go_of_clients_that_reset),
        WITH_RIG(waits_for_the_handler_of_a_client_that_reset),
        WITH_RIG(answers_clients_that_have_said_all),
        WITH_RIG(takes_requests_of_clients_that_do_not_wait),
        WITH_RIG(reads_on_behind_a_cut_response),
        WITH_RIG(answers_for_a_handler_without_a_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
