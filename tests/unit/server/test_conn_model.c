/* SPDX-License-Identifier: MIT */
/* Many connections at once, by chance: pipelines in any pieces, clients that stall, go away or send rubbish,
 * handlers that take their time, a kernel that takes what it likes. Every byte of every response is checked
 * against what RFC 9112 says of the request and of what its handler did. GALLEY_TEST_SEED=N runs another
 * game, GALLEY_TEST_ROUNDS=N a longer one. */
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>

#include "conn_plan.h"
#include "conn_rig.h"
#include "http/h1_write.h"

enum { SESSIONS = 12, ROUNDS = 250, IN_MEMORY = 20000, BODY_MOST = 150000, QUIET_MOST = 200000 };

enum fate { STAYS, CLOSES, RESETS, SHUTS };

/* One client and what it is about. */
struct session {
    int client;
    enum fate fate;
    size_t fate_at;   /* so many bytes after it began to send */
    struct buf sends; /* all of its requests */
    struct buf wants; /* all responses up to the one that ends the connection */
    struct buf got;
    size_t sent;
    bool ends;    /* the server ends the connection behind the last response */
    bool is_open; /* … and may take bytes of it back */
    bool is_over; /* no byte will come any more */
    unsigned stalls;
};

static struct rig rig;
static uint64_t seed, random_state;
static struct session sessions[SESSIONS];
static struct link runs; /* calls under way, without threads */

static uint64_t below(uint64_t n)
{
    return plan_random(&random_state) % n;
}

static bool one_in(unsigned n)
{
    return below(n) == 0;
}

/* --- requests -------------------------------------------------------------------------------------- */

static size_t body_size(const struct session *session, size_t head_start)
{
    size_t head_len = session->sends.len - head_start + 30;
    switch (below(8)) {
    case 0:
        return CONN_BUFFER - head_len - 20 + below(60);
    case 1:
        return IN_MEMORY - 2 + below(5);
    case 2:
        return SCRATCH_SIZE - 2 + below(5);
    case 3:
        return below(BODY_MOST);
    default:
        return below(200);
    }
}

static void add_chunks(struct buf *to, str body)
{
    while (body.len) {
        str piece = str_sub(body, 0, 1 + below(one_in(3) ? 5 : 20000));
        body = str_sub(body, piece.len, body.len);
        buf_printf(to, one_in(4) ? "%zX ; name=\"a;b\\\"\"\r\n" : "%zx\r\n", piece.len);
        buf_append(to, piece);
        buf_append(to, STR("\r\n"));
    }
    buf_append(to, one_in(4) ? STR("0\r\nTrailer: of no use\r\n\r\n") : STR("0\r\n\r\n"));
}

static void add_fields(struct buf *to)
{
    uint64_t count = one_in(6) ? below(60) : below(3);
    for (uint64_t i = 0; i < count; i++)
        buf_printf(to, "X-%llu: %llx\r\n", (unsigned long long)i, (unsigned long long)below(UINT64_MAX));
    if (one_in(20)) {
        buf_append(to, STR("Long: "));
        size_t len = below(8000);
        memset(buf_reserve(to, len), 'l', len);
        to->len += len;
        buf_append(to, STR("\r\n"));
    }
}

static void add_body(struct session *session, size_t head_start, struct plan_request *request)
{
    struct buf body = { 0 };
    struct buf *to = &session->sends;
    request->body_len = body_size(session, head_start);
    plan_text(&body, below(1000), request->body_len);
    request->body_digest = plan_digest(0, buf_str(&body));
    if (one_in(4) && !request->is_http_1_0)
        buf_append(to, STR("Expect: 100-continue\r\n"));
    if (one_in(2) || request->is_http_1_0) {
        buf_printf(to, "Content-Length: %zu\r\n\r\n", request->body_len);
        buf_append(to, buf_str(&body));
    } else {
        buf_append(to, STR("Transfer-Encoding: chunked\r\n\r\n"));
        add_chunks(to, buf_str(&body));
    }
    buf_done(&body);
}

static void add_request(struct session *session)
{
    static const char *const methods[] = { "GET", "POST", "HEAD", "PUT", "M-SEARCH" };
    const char *method = methods[below(COUNT_OF(methods))];
    struct buf *to = &session->sends;
    struct plan_request request = { .seed = below(UINT64_MAX),
                                    .is_head = strcmp(method, "HEAD") == 0,
                                    .is_http_1_0 = one_in(10),
                                    .keeps_alive = !one_in(20) };
    if (one_in(10))
        buf_append(to, STR("\r\n"));
    size_t start = to->len;
    buf_printf(to, "%s /%llu HTTP/1.%d\r\nHost: a\r\n", method, (unsigned long long)request.seed,
               !request.is_http_1_0);
    add_fields(to);
    if (request.is_http_1_0 && request.keeps_alive)
        buf_append(to, STR("Connection: Keep-Alive\r\n"));
    if (!request.is_http_1_0 && !request.keeps_alive)
        buf_append(to, STR("Connection: x, close\r\n"));
    if (one_in(2))
        add_body(session, start, &request);
    else
        buf_append(to, STR("\r\n"));
    if (session->ends)
        return;
    struct plan_response response = plan_expect(&request, &session->wants);
    session->ends = response.ends;
    session->is_open = response.is_open;
}

static const struct {
    const char *text;
    int status;
} mistakes[] = {
    { "GET / HTTP/1.1\r\nHost: a\r\nBad name: x\r\n\r\n", 400 },
    { "GET / HTTP/1.1\r\n\r\n", 400 },
    { "GET /\n\n", 400 },
    { "GET / HTTP/2.0\r\n\r\n", 505 },
    { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n22", 400 },
    { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 150001\r\n\r\n", 413 },
    { "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501 },
    { "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", 400 },
    { "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;\r\n", 400 },
    { "GET / HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\n\r\n", 417 },
};

static void add_mistake(struct session *session)
{
    size_t which = below(COUNT_OF(mistakes));
    buf_append(&session->sends, str_of(mistakes[which].text));
    if (session->ends)
        return;
    session->ends = true;
    struct buf page = { 0 };
    h1_write_error_page(&page, mistakes[which].status, STR_NONE);
    struct h1_response_head head = {
        .status = mistakes[which].status,
        .server = STR("galley"),
        .date = STR("\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1"),
        .fields = STR("Content-Type: text/html\r\n"),
        .length = (int64_t)page.len,
        .close = true,
    };
    h1_write_head(&session->wants, &head);
    buf_append(&session->wants, buf_str(&page));
    buf_done(&page);
}

static void session_begin(struct session *session)
{
    *session = (struct session){ .client = rig_connect(&rig, one_in(2) ? AF_UNIX : AF_INET) };
    uint64_t count = 1 + below(8);
    for (uint64_t i = 0; i < count; i++)
        add_request(session);
    if (one_in(8))
        add_mistake(session);
    if (one_in(8))
        add_request(session);
    session->fate = one_in(4) ? CLOSES + below(3) : STAYS;
    session->fate_at = session->fate == SHUTS ? session->sends.len : below(session->sends.len);
    if (one_in(8)) /* so that little fits */
        setsockopt(session->client, SOL_SOCKET, SO_RCVBUF, &(int){ 2048 }, sizeof(int));
}

/* --- what came ------------------------------------------------------------------------------------- */

static bool is_wanted(char got, char want)
{
    return got == want || want == PLAN_ANY;
}

/* Compares; a 100 may stand before any response. Returns how much of `wants` has come, or fails. */
static size_t check(const struct session *session)
{
    static const str proceed = { "HTTP/1.1 100 Continue\r\n\r\n", 25 };
    str got = buf_str(&session->got), wants = buf_str(&session->wants);
    size_t at = 0, want_at = 0;
    while (at < got.len) {
        str rest = str_sub(got, at, at + proceed.len);
        bool is_proceed = str_eq(rest, str_sub(proceed, 0, rest.len)) &&
                          (rest.len > 10 || want_at == wants.len || wants.p[want_at] != 'H');
        if (is_proceed &&
            (want_at == wants.len || !str_eq(rest, str_sub(wants, want_at, want_at + rest.len)))) {
            at += rest.len;
            continue;
        }
        if (want_at == wants.len || !is_wanted(got.p[at], wants.p[want_at]))
            fail_msg("seed %llu: byte %zu is wrong:\n%.*s\nwanted:\n%.*s", (unsigned long long)seed, at,
                     (int)size_min(got.len - at, 300), got.p + at, (int)size_min(wants.len - want_at, 300),
                     wants.p + want_at);
        at++;
        want_at++;
    }
    return want_at;
}

static void session_end(struct session *session)
{
    size_t came = check(session);
    bool may_miss = session->fate == CLOSES || session->fate == RESETS || session->is_open;
    if (!may_miss && came != session->wants.len)
        fail_msg("seed %llu: %zu bytes of %zu came", (unsigned long long)seed, came, session->wants.len);
    if (session->fate == STAYS && session->is_over != session->ends)
        fail_msg("seed %llu: the connection %s", (unsigned long long)seed,
                 session->ends ? "went on" : "ended");
    if (session->client >= 0)
        close(session->client);
    buf_done(&session->sends);
    buf_done(&session->wants);
    buf_done(&session->got);
}

/* --- what a client does ---------------------------------------------------------------------------- */

static size_t piece_size(void)
{
    static const size_t mosts[] = { 1, 3, 40, 500, 5000, 100000 };
    return 1 + below(mosts[below(COUNT_OF(mosts))]);
}

static void leave(struct session *session)
{
    if (session->fate == SHUTS) {
        shutdown(session->client, SHUT_WR);
        return;
    }
    if (session->fate == RESETS)
        setsockopt(session->client, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger));
    close(session->client);
    session->client = -1;
    session->is_over = true;
}

static bool send_piece(struct session *session)
{
    size_t left = session->sends.len - session->sent;
    if (!left || session->is_over)
        return false;
    size_t most = size_min(left, piece_size());
    if (session->fate != STAYS && session->sent < session->fate_at)
        most = size_min(most, session->fate_at - session->sent);
    ssize_t n = send(session->client, session->sends.p + session->sent, most, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0)
        session->sent += (size_t)n;
    if (session->fate != STAYS && session->sent == session->fate_at)
        leave(session);
    return n > 0;
}

static bool read_piece(struct session *session)
{
    if (session->is_over)
        return false;
    size_t most = piece_size();
    ssize_t n = recv(session->client, buf_reserve(&session->got, most), most, MSG_DONTWAIT);
    if (n > 0)
        session->got.len += (size_t)n;
    bool ended = n == 0 || (n < 0 && errno != EAGAIN);
    session->is_over = ended;
    return n > 0 || ended;
}

/* Nothing is left that could come. */
static bool is_done(const struct session *session)
{
    bool has_all = session->sent == session->sends.len && session->got.len >= session->wants.len;
    return session->is_over || (has_all && !session->ends && session->fate != SHUTS);
}

/* --- the handler ----------------------------------------------------------------------------------- */

static size_t some_room(void)
{
    static const size_t rooms[] = { 0, 1, 2, 13, 200, 4000 };
    return one_in(2) ? SIZE_MAX : rooms[below(COUNT_OF(rooms))];
}

/* The client has to take some first; what there is must have been posted then. */
static bool is_over_full(const struct plan_run *run)
{
    if (!output_is_over(&run->exchange->output, rig.config.output_most))
        return false;
    exchange_post(run->exchange);
    return true;
}

/* One step of any call; the oldest that waits begins now and then. */
static bool work(void)
{
    struct exchange *exchange = one_in(3) ? rig_next_call(&rig) : NULL;
    if (exchange) {
        struct plan_run *run = malloc(sizeof(*run));
        assert_non_null(run);
        plan_run_init(run, exchange);
        list_append(&runs, &run->link);
    }
    struct link *link = runs.next;
    for (uint64_t n = below(SESSIONS); n && link != &runs; n--)
        link = link->next;
    if (link == &runs)
        return exchange != NULL;
    struct plan_run *run = CONTAINER_OF(link, struct plan_run, link);
    if (is_over_full(run))
        return exchange != NULL;
    if (plan_run_step(run))
        return true;
    link_remove(&run->link);
    free(run);
    return true;
}

static void finish_calls(void)
{
    while (work() || !list_is_empty(&runs) || !list_is_empty(&rig.calls) || rig_turn(&rig))
        rig_turn(&rig);
}

/* --- the game -------------------------------------------------------------------------------------- */

static bool act(struct session *session)
{
    if (session->stalls) {
        session->stalls--;
        return true;
    }
    if (one_in(100))
        session->stalls = (unsigned)below(300);
    return one_in(2) ? send_piece(session) : read_piece(session);
}

/* `turn` lets the server work; false when it had nothing to do. */
static void play(uint64_t rounds, bool (*turn)(void))
{
    unsigned quiet = 0;
    for (size_t i = 0; i < SESSIONS; i++)
        session_begin(&sessions[i]);
    while (rounds) {
        struct session *session = &sessions[below(SESSIONS)];
        bool moved = act(session);
        moved |= turn();
        quiet = moved ? 0 : quiet + 1;
        if (quiet > QUIET_MOST)
            fail_msg("seed %llu: nothing happens any more: %zu of %zu bytes sent, %zu of %zu received",
                     (unsigned long long)seed, session->sent, session->sends.len, session->got.len,
                     session->wants.len);
        if (is_done(session)) {
            session_end(session);
            session_begin(session);
            rounds--;
        }
    }
    for (size_t i = 0; i < SESSIONS; i++) {
        sessions[i].fate = CLOSES;
        session_end(&sessions[i]);
    }
}

static bool turn_and_work(void)
{
    bool worked = work();
    return rig_turn(&rig) || worked;
}

static uint64_t number_of(const char *name, uint64_t fallback)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : fallback;
}

static bool is_empty(struct rig *unused)
{
    return rig.server.n_conns == 0;
}

static int set_up(void **state)
{
    seed = random_state = number_of("GALLEY_TEST_SEED", 1);
    link_init(&runs);
    rig_init(&rig);
    rig.config.body = (struct body_limits){ .most = BODY_MOST, .in_memory = IN_MEMORY };
    rig.config.output_most = 50000;
    rig_start(&rig);
    return 0;
}

static int tear_down(void **state)
{
    rig_done(&rig);
    return 0;
}

static void answers_every_byte(void **state)
{
    rig_send_room = some_room;
    play(number_of("GALLEY_TEST_ROUNDS", ROUNDS), turn_and_work);
    rig_send_room = NULL;
    finish_calls();
    assert_true(rig_wait(&rig, is_empty));
    assert_int_equal(plan_segments, 0);
}

/* --- with threads ---------------------------------------------------------------------------------- */

enum { THREADS = 2 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t has_jobs = PTHREAD_COND_INITIALIZER;
static struct link jobs;
static bool is_stopping;

static void submit(struct rig *unused, struct exchange *exchange)
{
    pthread_mutex_lock(&lock);
    list_append(&jobs, &exchange->job.link);
    pthread_cond_signal(&has_jobs);
    pthread_mutex_unlock(&lock);
}

static bool take_back(struct rig *unused, struct exchange *exchange)
{
    pthread_mutex_lock(&lock);
    bool waits = link_is_listed(&exchange->job.link);
    link_remove(&exchange->job.link);
    pthread_mutex_unlock(&lock);
    return waits;
}

static struct exchange *take(void)
{
    pthread_mutex_lock(&lock);
    while (list_is_empty(&jobs) && !is_stopping)
        pthread_cond_wait(&has_jobs, &lock);
    struct link *link = list_pop(&jobs);
    pthread_mutex_unlock(&lock);
    return link ? CONTAINER_OF(link, struct exchange, job.link) : NULL;
}

static void *serve(void *unused)
{
    struct exchange *exchange;
    while ((exchange = take())) {
        struct plan_run run;
        plan_run_init(&run, exchange);
        do
            if (is_over_full(&run))
                output_wait(&exchange->output, rig.config.output_most / 2);
        while (plan_run_step(&run));
    }
    return NULL;
}

static bool turn_and_yield(void)
{
    if (rig_turn(&rig))
        return true;
    sched_yield();
    return false;
}

static void answers_every_byte_of_threads(void **state)
{
    pthread_t threads[THREADS];
    link_init(&jobs);
    is_stopping = false;
    rig.answer = submit;
    rig.cancel = take_back;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, serve, NULL), 0);
    play(number_of("GALLEY_TEST_ROUNDS", ROUNDS), turn_and_yield);
    assert_true(rig_wait(&rig, is_empty));
    pthread_mutex_lock(&lock);
    is_stopping = true;
    pthread_cond_broadcast(&has_jobs);
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(plan_segments, 0);
}

static int open_file(void **state)
{
    return plan_open_file() ? 0 : -1;
}

static int close_file(void **state)
{
    plan_close_file();
    return 0;
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(answers_every_byte),
        WITH_RIG(answers_every_byte_of_threads),
    };
    return cmocka_run_group_tests(tests, open_file, close_file);
}
