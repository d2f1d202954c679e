/* SPDX-License-Identifier: MIT */
/* Request bodies and what comes behind them: where one message ends and the next begins must not depend on
 * sizes of buffers or on how the bytes arrive, or else one client's bytes become another one's request. */
#include "unit.h"

#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "conn_rig.h"

enum { IN_MEMORY = 65536, BODY_MOST = 300000 };

static struct rig rig;
static struct buf request, want, got;

/* Answers with the target and the body. */
static void echo(struct rig *unused, struct exchange *exchange)
{
    str target = head_slice(exchange->head, exchange->head->target);
    AUTO_FREE char *body = malloc(BODY_MOST);
    uint64_t len = 0;
    ssize_t n;
    while ((n = body_read(&exchange->body, len, body + len, 10000)) > 0)
        len += (uint64_t)n;
    assert_int_equal(len, exchange->body.len);
    rig_begin(exchange, 200, (int64_t)(target.len + 1 + len));
    output_push_copy(&exchange->output, target);
    output_push_copy(&exchange->output, STR(" "));
    output_push_copy(&exchange->output, str_make(body, len));
    exchange_finish(exchange, true);
}

static int set_up(void **state)
{
    rig_init(&rig);
    rig.config.body = (struct body_limits){ .most = BODY_MOST, .in_memory = IN_MEMORY };
    rig.answer = echo;
    rig_start(&rig);
    return 0;
}

static int tear_down(void **state)
{
    rig_done(&rig);
    buf_done(&request);
    buf_done(&want);
    buf_done(&got);
    return 0;
}

/* --- messages -------------------------------------------------------------------------------------- */

static char byte_at(size_t at)
{
    return (char)('a' + (at * 7 + at / 251) % 26);
}

static void append_body(struct buf *to, size_t len)
{
    char *bytes = buf_reserve(to, len);
    for (size_t i = 0; i < len; i++)
        bytes[i] = byte_at(i);
    to->len += len;
}

static void want_answer(const char *target, size_t body_len)
{
    buf_printf(&want, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s ", strlen(target) + 1 + body_len,
               target);
    append_body(&want, body_len);
}

static void add_get(const char *target)
{
    buf_printf(&request, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", target);
    want_answer(target, 0);
}

/* With a head of exactly `head_len` bytes. */
static void add_sized(const char *target, size_t head_len, size_t body_len)
{
    size_t start = request.len;
    buf_printf(&request, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\nPadding: ", target, body_len);
    assert_true(request.len - start + 4 <= head_len);
    while (request.len - start + 4 < head_len)
        buf_append_char(&request, 'p');
    buf_append(&request, STR("\r\n\r\n"));
    append_body(&request, body_len);
    want_answer(target, body_len);
}

static void add_chunked(const char *target, size_t body_len, size_t chunk)
{
    struct buf body = { 0 };
    append_body(&body, body_len);
    buf_printf(&request, "POST %s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", target);
    for (size_t at = 0; at < body_len; at += chunk) {
        str piece = str_sub(buf_str(&body), at, at + chunk);
        buf_printf(&request, "%zx;ext=\"1\"\r\n", piece.len);
        buf_append(&request, piece);
        buf_append(&request, STR("\r\n"));
    }
    buf_append(&request, STR("0\r\nTrailer: x\r\n\r\n"));
    want_answer(target, body_len);
    buf_done(&body);
}

static void clear(void)
{
    request.len = want.len = got.len = 0;
}

/* --- runs ------------------------------------------------------------------------------------------ */

/* Takes out the fields that are not under test. */
static void drop_fields(struct buf *text)
{
    static const char begin[] = "Server: galley\r\nDate: ";
    enum { LEN = sizeof(begin) - 1 + sizeof("Sun, 06 Nov 1994 08:49:37 GMT") + 1 };
    size_t to = 0;
    for (size_t at = 0; at < text->len;) {
        if (text->p[at] == 'S' && text->len - at > LEN && memcmp(text->p + at, begin, sizeof(begin) - 1) == 0)
            at += LEN;
        else
            text->p[to++] = text->p[at++];
    }
    text->len = to;
}

/* Sends in pieces of the given sizes; the last one is used for the rest. */
static void run(const size_t *sizes, size_t count)
{
    int client = rig_connect(&rig, AF_UNIX);
    str rest = buf_str(&request);
    got.len = 0;
    for (size_t i = 0; rest.len; i += i + 1 < count) {
        str piece = str_sub(rest, 0, sizes[i]);
        rest = str_sub(rest, sizes[i], rest.len);
        rig_send(&rig, client, piece);
        assert_true(rig_receive(client, &got, NULL));
    }
    assert_false(rig_receive_all(&rig, client, &got));
    drop_fields(&got);
    if (!str_eq(buf_str(&got), buf_str(&want)))
        fail_msg("pieces of %zu, %zu: got %zu bytes, not %zu", sizes[0], sizes[count - 1], got.len, want.len);
    close(client);
    rig_settle(&rig);
    assert_int_equal(rig.server.n_conns, 0);
}

static void run_in_pieces_of(size_t size)
{
    run((size_t[]){ size }, 1);
}

static void run_split_at(size_t at)
{
    run((size_t[]){ at, SIZE_MAX }, 2);
}

static void splits_a_pipeline_anywhere(void **state)
{
    add_get("/1");
    add_sized("/2", 80, 0);
    add_sized("/3", 80, 11);
    add_chunked("/4", 10, 3);
    add_get("/5");
    add_chunked("/6", 0, 1);
    add_sized("/7", 80, 30);
    buf_append(&request, STR("\r\n\r\n"));
    add_get("/8");
    for (size_t at = 1; at < request.len; at++)
        run_split_at(at);
    for (size_t size = 1; size < 20; size++)
        run_in_pieces_of(size);
}

/* In the connection's buffer, in memory, in a file: each size around the bounds. */
static void takes_bodies_of_any_size(void **state)
{
    static const size_t bounds[] = { 1, CONN_BUFFER - 300, CONN_BUFFER, IN_MEMORY, SCRATCH_SIZE };
    for (size_t i = 0; i < COUNT_OF(bounds); i++) {
        for (size_t len = bounds[i] - 1; len <= bounds[i] + 1; len++) {
            clear();
            add_sized("/body", 300, len);
            add_get("/behind");
            run_in_pieces_of(SIZE_MAX);
            run_in_pieces_of(4096);
            run_in_pieces_of(16383);
            for (size_t at = 299; at <= 302; at++)
                run_split_at(at);
            for (size_t at = 300 + len - 2; at <= 300 + len + 2; at++)
                run_split_at(at);
        }
    }
}

/* The head fills the buffer, nearly or just: what is left is too little for the body, or for a chunk. */
static void takes_bodies_behind_heads_of_any_size(void **state)
{
    static const size_t bodies[] = { 1, 2, 5000, 70000 };
    for (size_t head_len = CONN_BUFFER - 3; head_len <= CONN_BUFFER + 2; head_len++) {
        for (size_t i = 0; i < COUNT_OF(bodies); i++) {
            clear();
            rig.config.head = (struct h1_limits){ 0 };
            add_sized("/body", head_len, bodies[i]);
            add_sized("/again", head_len, 10);
            add_get("/behind");
            run_in_pieces_of(SIZE_MAX);
            run_split_at(CONN_BUFFER);
            run_split_at(head_len);
            run_in_pieces_of(1000);
        }
    }
}

static void takes_chunked_bodies_of_any_size(void **state)
{
    static const size_t lens[] = { 1, 5000, CONN_BUFFER, IN_MEMORY, IN_MEMORY + 1, 200000 };
    static const size_t chunks[] = { 7, 1000, CONN_BUFFER, 100000 };
    for (size_t i = 0; i < COUNT_OF(lens); i++) {
        for (size_t j = 0; j < COUNT_OF(chunks); j++) {
            clear();
            add_chunked("/body", lens[i], chunks[j]);
            add_get("/behind");
            add_chunked("/again", 10, 10);
            run_in_pieces_of(SIZE_MAX);
            run_in_pieces_of(1009);
            run_split_at(request.len - 100);
        }
    }
}

/* --- mistakes in the middle ------------------------------------------------------------------------ */

static const struct {
    const char *bad;
    const char *status;
} mistakes[] = {
    { "GET / HTTP/1.1\r\nHost: a\r\nBad name: x\r\n\r\n", "400" },
    { "GET / HTTP/1.1\r\nHost: a\n\r\n", "400" },
    { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "400" },
    { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300001\r\n\r\n", "413" },
    { "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcdefg\r\n0\r\n\r\n", "400" },
    { "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n493e1\r\n", "413" },
    { "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", "400" },
    { "POST / HTTP/1.1\r\nHost: a\r\nExpect: a miracle\r\nContent-Length: 5\r\n\r\n12345", "417" },
};

/* One answer to each request up to the mistake, one to that, and nothing more. */
static void stops_at_a_mistake(void **state)
{
    for (size_t i = 0; i < COUNT_OF(mistakes); i++) {
        for (size_t size = 1; size < 100; size = size * 2 + 1) {
            clear();
            add_get("/before");
            add_sized("/sized", 80, 10);
            add_chunked("/chunked", 10, 4);
            size_t good = want.len;
            buf_append(&request, str_of(mistakes[i].bad));
            if (strcmp(mistakes[i].status, "413") == 0)
                append_body(&request, BODY_MOST + 1);
            add_get("/behind");
            int client = rig_connect(&rig, AF_UNIX);
            for (size_t at = 0; at < request.len; at += size)
                rig_send(&rig, client,
                         str_sub(buf_str(&request), at, at < 1000 ? at + size : (size = SIZE_MAX / 2)));
            shutdown(client, SHUT_WR);
            assert_true(rig_receive_all(&rig, client, &got));
            drop_fields(&got);
            buf_text(&got);
            want.p[good] = '\0';
            assert_true(got.len > good);
            assert_memory_equal(got.p, want.p, good);
            assert_memory_equal(got.p + good, "HTTP/1.1 ", 9);
            assert_memory_equal(got.p + good + 9, mistakes[i].status, 3);
            assert_null(strstr(got.p + good, "/behind"));
            assert_null(strstr(got.p + good + 9, "HTTP/1.1"));
            close(client);
        }
    }
}

/* --- what a peer can make us allocate -------------------------------------------------------------- */

/* System calls of this process that write to files. */
static long count_writes(void)
{
    long count = -1;
    FILE *io = fopen("/proc/self/io", "re");
    assert_non_null(io);
    for (char line[64]; fgets(line, sizeof(line), io);)
        if (strncmp(line, "syscw: ", 7) == 0)
            count = strtol(line + 7, NULL, 10);
    fclose(io);
    assert_true(count >= 0);
    return count;
}

static void writes_tiny_chunks_together(void **state)
{
    add_chunked("/body", 150000, 1);
    long before = count_writes();
    run_in_pieces_of(10000);
    assert_true(count_writes() - before < 15000);
}

static void takes_many_fields_in_little_memory(void **state)
{
    enum { FIELDS = 30000, SOME = 64 << 20 };
    rig.config.head = (struct h1_limits){ 0 };
    buf_append(&request, STR("GET /fields HTTP/1.1\r\nHost: a\r\n"));
    for (int i = 0; i < FIELDS; i++)
        buf_append(&request, STR("a:\r\n"));
    buf_append(&request, STR("\r\n"));
    want_answer("/fields", 0);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    long peak = usage.ru_maxrss;
    run_in_pieces_of(50000);
    getrusage(RUSAGE_SELF, &usage);
    assert_true((usage.ru_maxrss - peak) * 1024 < SOME);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(splits_a_pipeline_anywhere),
        WITH_RIG(takes_bodies_of_any_size),
        WITH_RIG(takes_bodies_behind_heads_of_any_size),
        WITH_RIG(takes_chunked_bodies_of_any_size),
        WITH_RIG(stops_at_a_mistake),
        WITH_RIG(writes_tiny_chunks_together),
        WITH_RIG(takes_many_fields_in_little_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
