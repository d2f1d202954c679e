/* SPDX-License-Identifier: MIT */
/* What a response looks like on the wire (RFC 9112 section 6): each way to end a body, for each kind of
 * client, and the same bytes whatever pieces the kernel takes them in. */
#include "unit.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "conn_rig.h"

static struct rig rig;
static int file = -1;

static int set_up(void **state)
{
    rig_init(&rig);
    rig_start(&rig);
    return 0;
}

static int tear_down(void **state)
{
    rig_done(&rig);
    return 0;
}

static int make_file(void **state)
{
    file = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return file >= 0 && write(file, "0123456789", 10) == 10 ? 0 : -1;
}

static int close_file(void **state)
{
    close(file);
    return 0;
}

/* --- what the handler does ------------------------------------------------------------------------- */

static void free_segment(struct segment *segment)
{
    free(segment);
}

static void push_file(struct exchange *exchange, off_t offset, uint64_t len)
{
    struct segment *segment = malloc(sizeof(*segment));
    assert_non_null(segment);
    *segment = (struct segment){
        .fd = fcntl(file, F_DUPFD_CLOEXEC, 0), .offset = offset, .len = len, .release = free_segment
    };
    output_push(&exchange->output, segment);
    exchange_post(exchange);
}

/* Each letter of the target's path is a step: its status and length come first, as "/200/5/ab". */
static void act(struct exchange *exchange, const char *steps)
{
    for (; *steps && *steps != ' '; steps++) {
        if (*steps == 'a')
            rig_push(exchange, STR("abcde"));
        else if (*steps == '0')
            rig_push(exchange, STR(""));
        else if (*steps == 'f')
            push_file(exchange, 2, 6);
        else if (*steps == 'e')
            push_file(exchange, 7, 100); /* shorter than that */
        else if (*steps == 'L')
            for (int i = 0; i < 40; i++)
                rig_push(exchange, STR("xy"));
    }
}

static void answer(struct rig *unused, struct exchange *exchange)
{
    char target[64] = "";
    str slice = head_slice(exchange->head, exchange->head->target);
    memcpy(target, slice.p, size_min(slice.len, sizeof(target) - 1));
    char *steps, *end;
    long status = strtol(target + 1, &end, 10);
    long length = strtol(end + 1, &steps, 10);
    if (strchr(steps, 'h')) {
        output_hint(&exchange->output, STR("Link: </a>\r\n"));
        exchange_post(exchange);
    }
    exchange->output.closes = strchr(steps, 'c') != NULL;
    rig_begin(exchange, (int)status, length);
    act(exchange, steps + 1);
    exchange_finish(exchange, !strchr(steps, '!'));
}

/* --- the table ------------------------------------------------------------------------------------- */

#define HEAD(line) "HTTP/1.1 " line "\r\nServer: galley\r\nDate: *\r\n"
#define OK HEAD("200 OK")

static const struct row {
    const char *request; /* fields are added */
    const char *want;
    bool ends;
} rows[] = {
    { "GET /200/5/a HTTP/1.1", OK "Content-Length: 5\r\n\r\nabcde", false },
    { "GET /200/0/ HTTP/1.1", OK "Content-Length: 0\r\n\r\n", false },
    { "GET /200/-1/a HTTP/1.1", OK "Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n", false },
    { "GET /200/-1/ HTTP/1.1", OK "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false },
    { "GET /200/-1/0a00a0 HTTP/1.1",
      OK "Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n5\r\nabcde\r\n0\r\n\r\n", false },
    { "GET /200/-1/afa HTTP/1.1",
      OK "Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n6\r\n234567\r\n5\r\nabcde\r\n0\r\n\r\n", false },
    { "GET /200/12/ff HTTP/1.1", OK "Content-Length: 12\r\n\r\n234567234567", false },
    { "GET /200/11/0f0a0 HTTP/1.1", OK "Content-Length: 11\r\n\r\n234567abcde", false },
    /* more and less than declared */
    { "GET /200/3/a HTTP/1.1", OK "Content-Length: 3\r\n\r\nabc", false },
    { "GET /200/8/afa HTTP/1.1", OK "Content-Length: 8\r\n\r\nabcde234", false },
    { "GET /200/0/af HTTP/1.1", OK "Content-Length: 0\r\n\r\n", false },
    { "GET /200/6/a HTTP/1.1", OK "Content-Length: 6\r\n\r\nabcde", true },
    { "GET /200/100/e HTTP/1.1", OK "Content-Length: 100\r\n\r\n789", true },
    { "GET /200/-1/e HTTP/1.1", OK "Transfer-Encoding: chunked\r\n\r\n64\r\n789", true },
    /* failures */
    { "GET /200/-1/a! HTTP/1.1", OK "Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n", true },
    { "GET /200/9/a! HTTP/1.1", OK "Content-Length: 9\r\n\r\nabcde", true },
    { "GET /200/5/a! HTTP/1.1", OK "Content-Length: 5\r\n\r\nabcde", true },
    /* no body, whatever the handler says */
    { "HEAD /200/5/a HTTP/1.1", OK "Content-Length: 5\r\n\r\n", false },
    { "HEAD /200/-1/af HTTP/1.1", OK "\r\n", false },
    { "HEAD /200/9/ HTTP/1.1", OK "Content-Length: 9\r\n\r\n", false },
    { "GET /204/-1/ HTTP/1.1", HEAD("204 No Content") "\r\n", false },
    { "GET /204/5/a HTTP/1.1", HEAD("204 No Content") "\r\n", false },
    { "GET /204/-1/af HTTP/1.1", HEAD("204 No Content") "\r\n", false },
    { "GET /304/5/a HTTP/1.1", HEAD("304 Not Modified") "\r\n", false },
    { "GET /304/-1/ HTTP/1.1", HEAD("304 Not Modified") "\r\n", false },
    { "HEAD /304/5/ HTTP/1.1", HEAD("304 Not Modified") "\r\n", false },
    /* HTTP/1.0 and Connection */
    { "GET /200/5/a HTTP/1.0", OK "Connection: close\r\nContent-Length: 5\r\n\r\nabcde", true },
    { "GET /200/-1/afa HTTP/1.0", OK "Connection: close\r\n\r\nabcde234567abcde", true },
    { "GET /200/5/a HTTP/1.0\r\nConnection: keep-alive",
      OK "Connection: keep-alive\r\nContent-Length: 5\r\n\r\nabcde", false },
    { "GET /200/-1/a HTTP/1.0\r\nConnection: keep-alive", OK "Connection: close\r\n\r\nabcde", true },
    { "HEAD /200/-1/a HTTP/1.0\r\nConnection: keep-alive", OK "Connection: keep-alive\r\n\r\n", false },
    { "GET /304/-1/ HTTP/1.0\r\nConnection: keep-alive",
      HEAD("304 Not Modified") "Connection: keep-alive\r\n\r\n", false },
    { "GET /200/5/a HTTP/1.1\r\nConnection: close", OK "Connection: close\r\nContent-Length: 5\r\n\r\nabcde",
      true },
    { "GET /200/-1/a HTTP/1.1\r\nConnection: close",
      OK "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n", true },
    { "GET /200/5/ac HTTP/1.1", OK "Connection: close\r\nContent-Length: 5\r\n\r\nabcde", true },
    { "GET /204/-1/c HTTP/1.1", HEAD("204 No Content") "Connection: close\r\n\r\n", true },
    /* many pieces, and a response ahead */
    { "GET /200/80/L HTTP/1.1",
      OK "Content-Length: 80\r\n\r\n"
         "xyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxy",
      false },
    { "GET /200/5/ha HTTP/1.1",
      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" OK "Content-Length: 5\r\n\r\nabcde", false },
    { "GET /200/5/ha HTTP/1.0", OK "Connection: close\r\nContent-Length: 5\r\n\r\nabcde", true },
    /* requests with bodies */
    { "POST /200/5/a HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody", OK "Content-Length: 5\r\n\r\nabcde", false },
    { "POST /200/-1/a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
      OK "Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n", false },
};

static str request_of(const struct row *row, struct buf *to)
{
    to->len = 0;
    const char *body = strstr(row->request, "\r\n\r\n");
    size_t head = body ? (size_t)(body - row->request) : strlen(row->request);
    buf_append(to, str_make(row->request, head));
    buf_append(to, STR("\r\nHost: a"));
    buf_append(to, str_of(body ? body : "\r\n\r\n"));
    return buf_str(to);
}

/* The values of Date are replaced by "*", as in the table. */
static void mask_dates(struct buf *text)
{
    enum { VALUE = sizeof("Sun, 06 Nov 1994 08:49:37 GMT") - 1 };
    buf_text(text);
    for (char *date = text->p; (date = strstr(date, "Date: ")); date++) {
        date += 6;
        memmove(date + 1, date + VALUE, text->len - (size_t)(date + VALUE - text->p) + 1);
        *date = '*';
        text->len -= VALUE - 1;
    }
}

/* Runs a row with another request behind it, which is answered if and only if the connection goes on. */
static void run(const struct row *row, int family)
{
    static const struct row behind = { "GET /200/3/a HTTP/1.1", OK "Content-Length: 3\r\n\r\nabc", false };
    struct buf sent = { 0 }, got = { 0 }, want = { 0 };
    int client = rig_connect(&rig, family);
    rig.answer = answer;
    buf_append(&want, str_of(row->want));
    if (!row->ends)
        buf_append(&want, str_of(behind.want));
    rig_send(&rig, client, request_of(row, &sent));
    rig_send(&rig, client, request_of(&behind, &sent));
    bool ended = rig_receive_all(&rig, client, &got);
    mask_dates(&got);
    if (!str_eq(buf_str(&got), buf_str(&want)))
        fail_msg("%s:\ngot:\n%s\nwant:\n%s", row->request, buf_text(&got), buf_text(&want));
    if (ended != row->ends)
        fail_msg("%s: the connection %s", row->request, ended ? "ended" : "did not end");
    close(client);
    rig_settle(&rig);
    assert_int_equal(rig.server.n_conns, 0);
    buf_done(&sent);
    buf_done(&got);
    buf_done(&want);
}

static void frames_each_kind_of_response(void **state)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        run(&rows[i], AF_UNIX);
        run(&rows[i], AF_INET);
    }
}

static size_t piece;
static bool is_full;

/* Takes `piece` bytes at every second call. */
static size_t every_other(void)
{
    is_full = !is_full;
    return is_full ? 0 : piece;
}

static size_t always(void)
{
    return piece;
}

static void sends_the_same_in_any_pieces(void **state)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (piece = 1; piece <= 12; piece++) {
            rig_send_room = every_other;
            run(&rows[i], AF_UNIX);
            rig_send_room = always;
            run(&rows[i], AF_UNIX);
        }
    }
}

static size_t at;

/* Stops once, behind the first `at` bytes. */
static size_t once(void)
{
    if (at == SIZE_MAX)
        return SIZE_MAX;
    size_t most = at;
    at = at ? 0 : SIZE_MAX;
    return most;
}

static void goes_on_where_it_stopped(void **state)
{
    rig_send_room = once;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t stop = 0; stop < strlen(rows[i].want) + 40; stop++) {
            at = stop;
            run(&rows[i], AF_UNIX);
        }
    }
}

enum { LARGE = 4 << 20, A_TURN = 256 << 10 };

/* A client that reads as fast as we write would otherwise keep the loop for as long as the response lasts. */
static void lets_others_have_their_turn(void **state)
{
    static const char *const kinds[] = { "GET / HTTP/1.1", "GET /file HTTP/1.1" };
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        struct buf got = { 0 };
        int client = rig_connect(&rig, AF_INET), large = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        assert_int_equal(ftruncate(large, LARGE), 0);
        rig.answer = NULL;
        rig_send(&rig, client, str_of(kinds[i]));
        rig_send(&rig, client, STR("\r\nHost: a\r\n\r\n"));
        rig_settle(&rig);
        struct exchange *exchange = rig_next_call(&rig);
        rig_begin(exchange, 200, LARGE);
        if (i) {
            struct segment *segment = malloc(sizeof(*segment));
            *segment = (struct segment){ .fd = large, .len = LARGE, .release = free_segment };
            output_push(&exchange->output, segment);
        } else {
            AUTO_FREE char *body = calloc(1, LARGE);
            output_push_copy(&exchange->output, str_make(body, LARGE));
            close(large);
        }
        exchange_finish(exchange, true);
        rig_turn(&rig);
        assert_in_range(exchange->body_sent, 1000, 2 * A_TURN);
        assert_false(rig_receive_all(&rig, client, &got));
        assert_in_range(got.len, LARGE + 1, LARGE + 1000);
        close(client);
        buf_done(&got);
    }
}

/* --- 100 Continue ---------------------------------------------------------------------------------- */

static const char expecting[] = "POST /200/5/a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
                                "Expect: 100-continue\r\n\r\n";
static const char continued[] = "HTTP/1.1 100 Continue\r\n\r\n" OK "Content-Length: 5\r\n\r\nabcde";

static void expect(const char *want, int client)
{
    struct buf got = { 0 };
    assert_false(rig_receive_all(&rig, client, &got));
    mask_dates(&got);
    assert_string_equal(buf_text(&got), want);
    buf_done(&got);
}

static void asks_for_the_body_when_the_client_waits(void **state)
{
    int client = rig_connect(&rig, AF_UNIX);
    rig.answer = answer;
    rig_send(&rig, client, str_of(expecting));
    expect("HTTP/1.1 100 Continue\r\n\r\n", client);
    rig_send(&rig, client, STR("body"));
    expect(strstr(continued, OK), client);
    rig_send(&rig, client, str_of(expecting));
    expect("HTTP/1.1 100 Continue\r\n\r\n", client);
    close(client);
}

/* Between two responses of a connection whose client is slow to read. */
static void asks_for_the_body_in_any_pieces(void **state)
{
    rig.answer = answer;
    rig_send_room = once;
    for (size_t stop = 0; stop < 27; stop++) {
        int client = rig_connect(&rig, AF_UNIX);
        at = stop;
        rig_send(&rig, client, str_of(expecting));
        rig_settle(&rig);
        rig_send(&rig, client, STR("body"));
        expect(continued, client);
        rig_send(&rig, client, STR("GET /200/5/a HTTP/1.1\r\nHost: a\r\n\r\n"));
        expect(strstr(continued, OK), client);
        close(client);
        rig_settle(&rig);
    }
}

/* The answer is there when the kernel takes the 100, but the task that tells of it has not run. */
static void asks_and_answers_in_one_turn(void **state)
{
    static const char request[] = "POST /200/0/ HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
                                  "Expect: 100-continue\r\n\r\n";
    int client = rig_connect(&rig, AF_UNIX);
    rig.answer = answer;
    rig_send_room = once;
    at = 0;
    assert_int_equal(send(client, request, sizeof(request) - 1, 0), sizeof(request) - 1);
    loop_turn(&rig.loop, 0);
    struct conn *conn = rig_conn(&rig);
    assert_true(conn->is_blocked);
    assert_int_equal(send(client, "body", 4, 0), 4);
    conn->watch.on_ready(&conn->watch, EPOLLIN | EPOLLOUT);
    expect("HTTP/1.1 100 Continue\r\n\r\n" OK "Content-Length: 0\r\n\r\n", client);
    close(client);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(frames_each_kind_of_response),
        WITH_RIG(sends_the_same_in_any_pieces),
        WITH_RIG(goes_on_where_it_stopped),
        WITH_RIG(lets_others_have_their_turn),
        WITH_RIG(asks_for_the_body_when_the_client_waits),
        WITH_RIG(asks_for_the_body_in_any_pieces),
        WITH_RIG(asks_and_answers_in_one_turn),
    };
    return cmocka_run_group_tests(tests, make_file, close_file);
}
