/* SPDX-License-Identifier: MIT */
/* Responses on their way from handlers' threads to the loop, thousands of them: the exchanges are real and
 * come from the server's pool, the connection is played here. It takes what there is, "sends" it in portions
 * as small as it likes, so that handlers must wait, and gives some exchanges up. Each byte must come in
 * order, each segment be released once, and nobody may touch an exchange that was given back. */
#include "unit.h"

#include <stdatomic.h>

#include "base/arena.h"
#include "server/server.h"

enum { HANDLERS = 3, EXCHANGES = 800, IN_FLIGHT = 8, ITEMS_MOST = 12, ITEM_MOST = 3000, QUEUED_MOST = 8000 };

/* One response as the loop sees it. */
struct client {
    struct exchange *exchange; /* NULL: none */
    struct link sending;
    uint64_t received; /* bytes */
    bool is_abandoned, has_news;
};

static struct loop loop;
static struct server server;
static struct client clients[IN_FLIGHT];
static struct timer timer;
static unsigned n_begun, n_ended, n_whole;
static uint64_t loop_random;

/* From the loop to the handlers. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct link jobs;
    bool is_closed;
} queue = { .lock = PTHREAD_MUTEX_INITIALIZER, .filled = PTHREAD_COND_INITIALIZER };

/* Relaxed: they must not order what the output itself should. */
static _Atomic unsigned n_pushed, n_released, n_waits;

static void count(_Atomic unsigned *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static uint64_t draw(uint64_t *random, uint64_t below)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random % below;
}

static char byte_at(uint64_t at)
{
    return (char)(at % 251);
}

/* --- handlers -------------------------------------------------------------------------------------- */

static void free_segment(struct segment *segment)
{
    count(&n_released);
    free(segment);
}

/* The bytes of the response from `at` on. */
static struct segment *new_segment(uint64_t at, size_t len)
{
    struct segment *segment = memory_alloc(sizeof(*segment) + len);
    char *bytes = (char *)(segment + 1);
    for (size_t i = 0; i < len; i++)
        bytes[i] = byte_at(at + i);
    *segment = (struct segment){ .p = bytes, .fd = -1, .len = len, .release = free_segment };
    count(&n_pushed);
    return segment;
}

/* False when the client has gone. */
static bool send_item(struct exchange *exchange, uint64_t *random, uint64_t *at)
{
    size_t len = 1 + (size_t)draw(random, ITEM_MOST);
    if (!output_push(&exchange->output, new_segment(*at, len)))
        return false;
    *at += len;
    if (draw(random, 3))
        exchange_post(exchange);
    if (!output_is_over(&exchange->output, QUEUED_MOST))
        return true;
    exchange_post(exchange);
    count(&n_waits);
    return output_wait(&exchange->output, QUEUED_MOST / 2 + 1);
}

static void respond(struct exchange *exchange, uint64_t *random)
{
    struct output *output = &exchange->output;
    if (!draw(random, 4)) {
        output_hint(output, STR("Link: </style.css>\r\n"));
        exchange_post(exchange);
    }
    output->status = 200;
    buf_append(&output->fields, STR("Content-Type: text/plain\r\n"));
    output_set_head(output);
    uint64_t at = 0;
    bool ok = true;
    for (uint64_t n = draw(random, ITEMS_MOST); ok && n; n--)
        ok = send_item(exchange, random, &at);
    output->length = at; /* for the test alone; nobody reads it before the end */
    exchange_finish(exchange, ok);
}

static struct exchange *take_job(void)
{
    pthread_mutex_lock(&queue.lock);
    while (list_is_empty(&queue.jobs) && !queue.is_closed)
        pthread_cond_wait(&queue.filled, &queue.lock);
    struct link *link = list_pop(&queue.jobs);
    pthread_mutex_unlock(&queue.lock);
    return link ? CONTAINER_OF(link, struct exchange, job.link) : NULL;
}

static void *handler_main(void *arg)
{
    uint64_t random = 88172645463325252u + (uintptr_t)arg;
    struct exchange *exchange;
    while ((exchange = take_job()))
        respond(exchange, &random);
    return NULL;
}

/* --- the loop -------------------------------------------------------------------------------------- */

static void on_news(struct task *task);

static void begin(struct client *client)
{
    *client = (struct client){ .exchange = server_take_exchange(&server) };
    link_init(&client->sending);
    client->exchange->news.run = on_news;
    n_begun++;
    pthread_mutex_lock(&queue.lock);
    list_append(&queue.jobs, &client->exchange->job.link);
    pthread_cond_signal(&queue.filled);
    pthread_mutex_unlock(&queue.lock);
}

static void end(struct client *client, struct output_news news)
{
    if (!client->is_abandoned) {
        assert_false(news.is_failed);
        assert_int_equal(client->received, client->exchange->output.length);
        n_whole++;
    }
    segments_release(&client->sending);
    server_give_exchange(&server, client->exchange);
    client->exchange = NULL;
    n_ended++;
    if (n_begun < EXCHANGES)
        begin(client);
}

/* Some bytes of the first segment. */
static void send_some(struct client *client, struct segment *segment)
{
    uint64_t n = 1 + draw(&loop_random, segment->len);
    for (uint64_t i = 0; i < n; i++)
        assert_int_equal(segment->p[i], byte_at(client->received + i));
    client->received += n;
    segment->p += n;
    segment->len -= n;
    if (!segment->len) {
        struct link one;
        link_init(&one);
        link_remove(&segment->link);
        list_append(&one, &segment->link);
        segments_release(&one);
    }
    output_sent(&client->exchange->output, n);
}

static void abandon(struct client *client)
{
    client->is_abandoned = true;
    segments_release(&client->sending);
    output_abort(&client->exchange->output);
}

static void send_all(struct client *client)
{
    while (!list_is_empty(&client->sending) && draw(&loop_random, 8))
        send_some(client, CONTAINER_OF(client->sending.next, struct segment, link));
    bool is_patient = client == &clients[0] || client == &clients[1];
    if (!is_patient && !client->is_abandoned && !draw(&loop_random, 60))
        abandon(client);
}

static void advance(struct client *client)
{
    struct output *output = &client->exchange->output;
    struct output_news news = output_take(output, &client->sending);
    struct buf hints = { 0 };
    if (news.has_hints)
        output_take_hints(output, &hints);
    assert_int_equal(hints.len, news.has_hints ? strlen("Link: </style.css>\r\n") : 0);
    buf_done(&hints);
    if (news.has_head) {
        assert_int_equal(output->status, 200);
        assert_str_equal(buf_str(&output->fields), STR("Content-Type: text/plain\r\n"));
    }
    if (client->is_abandoned)
        segments_release(&client->sending);
    send_all(client);
    if (news.is_finished && list_is_empty(&client->sending))
        end(client, news);
}

static void on_news(struct task *task)
{
    struct exchange *exchange = CONTAINER_OF(task, struct exchange, news);
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        if (clients[i].exchange != exchange)
            continue;
        clients[i].has_news = true;
        advance(&clients[i]);
        return;
    }
    fail_msg("news of an exchange that was given back");
}

/* Clients that did not take all at once go on now and then. As on a connection, nothing is taken before the
 * first news. */
static void on_tick(struct timer *t)
{
    for (size_t i = 0; i < IN_FLIGHT; i++)
        if (clients[i].exchange && clients[i].has_news)
            advance(&clients[i]);
    timer_set(&loop, t, 1);
}

static void close_queue(void)
{
    pthread_mutex_lock(&queue.lock);
    queue.is_closed = true;
    pthread_cond_broadcast(&queue.filled);
    pthread_mutex_unlock(&queue.lock);
}

static void every_byte_of_every_response_arrives_in_order(void **state)
{
    pthread_t handlers[HANDLERS];
    loop_random = 2463534242u;
    link_init(&queue.jobs);
    assert_int_equal(loop_init(&loop), 0);
    server = (struct server){ .loop = &loop };
    link_init(&server.idle_exchanges);
    for (uintptr_t i = 0; i < HANDLERS; i++)
        assert_int_equal(pthread_create(&handlers[i], NULL, handler_main, (void *)i), 0);
    for (size_t i = 0; i < IN_FLIGHT; i++)
        begin(&clients[i]);
    timer_init(&timer, on_tick);
    timer_set(&loop, &timer, 1);
    while (n_ended < EXCHANGES)
        loop_turn(&loop, -1);
    close_queue();
    for (int i = 0; i < HANDLERS; i++)
        pthread_join(handlers[i], NULL);
    assert_int_equal(n_released, n_pushed);
    assert_true(n_waits > 0);
    assert_true(n_whole > 0 && n_whole < EXCHANGES);
    assert_int_equal(loop.n_posted, 0);
    timer_done(&loop, &timer);
    struct link *link;
    while ((link = list_pop(&server.idle_exchanges)))
        exchange_free(CONTAINER_OF(link, struct exchange, job.link));
    loop_done(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_byte_of_every_response_arrives_in_order) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
