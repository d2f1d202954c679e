/* SPDX-License-Identifier: MIT */
/* Plans. The handler's side uses the server's calls; the client's side is written by the RFC (9112 section 6)
 * and by what the handler says, with printf. */
#include "conn_plan.h"

#include <fcntl.h>
#include <stdio.h>

#include "http/status.h"

enum { PERIOD = 251, FILE_LEN = PERIOD * 512 };

_Atomic long plan_segments;
static int file = -1;

uint64_t plan_random(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15;
    uint64_t n = *state;
    n = (n ^ (n >> 30)) * 0xbf58476d1ce4e5b9;
    n = (n ^ (n >> 27)) * 0x94d049bb133111eb;
    return n ^ (n >> 31);
}

static bool one_in(uint64_t *state, unsigned n)
{
    return plan_random(state) % n == 0;
}

static char text_at(size_t offset)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789\r\n";
    offset %= PERIOD;
    return letters[(offset * offset + 3 * offset) % (sizeof(letters) - 1)];
}

void plan_text(struct buf *to, size_t offset, size_t len)
{
    char *bytes = buf_reserve(to, len);
    for (size_t i = 0; i < len; i++)
        bytes[i] = text_at(offset + i);
    to->len += len;
}

uint64_t plan_digest(uint64_t digest, str bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        digest = (digest ^ (unsigned char)bytes.p[i]) * 0x100000001b3;
    return digest;
}

static uint32_t item_len(uint64_t *state)
{
    static const uint32_t mosts[] = { 1, 2, 20, 300, 300, 3000, 3000, 20000, PLAN_ITEM_MOST };
    return (uint32_t)(plan_random(state) % mosts[plan_random(state) % COUNT_OF(mosts)]);
}

static uint64_t total_len(const struct plan *plan)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < plan->n_items; i++)
        total += plan->items[i].len;
    return total;
}

struct plan plan_make(uint64_t seed)
{
    static const int statuses[] = { 200, 200, 200, 200, 204, 304, 404, 599 };
    uint64_t state = seed;
    struct plan plan = { .seed = seed, .status = statuses[plan_random(&state) % COUNT_OF(statuses)] };
    plan.closes = one_in(&state, 20);
    plan.fails = one_in(&state, 20);
    plan.hints = one_in(&state, 8);
    plan.n_items = (unsigned)(plan_random(&state) % (PLAN_ITEMS + 1));
    for (unsigned i = 0; i < plan.n_items; i++)
        plan.items[i] = (struct plan_item){ item_len(&state), (uint32_t)(plan_random(&state) % PERIOD),
                                            one_in(&state, 4) };
    plan.length = one_in(&state, 3) ? -1 : (int64_t)total_len(&plan);
    if (plan.length > 0 && one_in(&state, 10))
        plan.length = (int64_t)(plan_random(&state) % (uint64_t)(2 * plan.length));
    return plan;
}

/* --- the handler ----------------------------------------------------------------------------------- */

bool plan_open_file(void)
{
    struct buf text = { 0 };
    plan_text(&text, 0, FILE_LEN);
    file = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    bool ok = file >= 0 && write(file, text.p, text.len) == FILE_LEN;
    buf_done(&text);
    return ok;
}

void plan_close_file(void)
{
    close(file);
}

static void release(struct segment *segment)
{
    plan_segments--;
    free(segment);
}

static void push(struct exchange *exchange, const struct plan_item *item)
{
    size_t len = item->is_file ? 0 : item->len;
    struct segment *segment = malloc(sizeof(*segment) + len);
    if (!segment)
        abort();
    *segment = (struct segment){ .fd = -1, .len = item->len, .release = release };
    if (item->is_file) {
        segment->fd = fcntl(file, F_DUPFD_CLOEXEC, 0);
        segment->offset = item->offset;
    } else {
        struct buf text = { 0 };
        plan_text(&text, item->offset, len);
        segment->p = (char *)(segment + 1);
        if (len)
            memcpy(segment + 1, text.p, len);
        buf_done(&text);
    }
    plan_segments++;
    output_push(&exchange->output, segment);
}

static void begin(const struct plan *plan, struct exchange *exchange)
{
    struct output *output = &exchange->output;
    char piece[4096];
    uint64_t at = 0, digest = 0;
    ssize_t n;
    for (; (n = body_read(&exchange->body, at, piece, sizeof(piece))) > 0; at += (uint64_t)n)
        digest = plan_digest(digest, str_make(piece, (size_t)n));
    output->status = plan->status;
    output->closes = plan->closes;
    output->has_length = plan->length >= 0;
    output->length = output->has_length ? (uint64_t)plan->length : 0;
    buf_printf(&output->fields, "X-Body: %llu %llx\r\n", (unsigned long long)at, (unsigned long long)digest);
    output_set_head(output);
}

void plan_run_init(struct plan_run *run, struct exchange *exchange)
{
    str target = head_slice(exchange->head, exchange->head->target);
    char digits[32] = "";
    memcpy(digits, target.p + 1, size_min(target.len - 1, sizeof(digits) - 1));
    *run = (struct plan_run){ .plan = plan_make(strtoull(digits, NULL, 10)), .exchange = exchange };
    link_init(&run->link);
}

/* Some say what they have at once, some wait for the end. */
static bool posts_now(const struct plan_run *run)
{
    return (run->plan.seed >> run->step) & 1;
}

bool plan_run_step(struct plan_run *run)
{
    unsigned step = run->step++;
    struct exchange *exchange = run->exchange;
    if (step == 0 && run->plan.hints) {
        output_hint(&exchange->output, STR("X-Hint: 1\r\n"));
        exchange_post(exchange);
    } else if (step == 1) {
        begin(&run->plan, exchange);
    } else if (step > 1 && step < run->plan.n_items + 2) {
        push(exchange, &run->plan.items[step - 2]);
    } else if (step > 1) {
        exchange_finish(exchange, !run->plan.fails);
        return false;
    }
    if (step && posts_now(run))
        exchange_post(exchange);
    return true;
}

/* --- the client ------------------------------------------------------------------------------------ */

static void expect_head(const struct plan *plan, const struct plan_request *request, bool closes,
                        struct buf *to)
{
    static const char date[] = "Sun, 06 Nov 1994 08:49:37 GMT";
    str reason = status_reason(plan->status);
    buf_printf(to, "HTTP/1.1 %d %.*s\r\nServer: galley\r\nDate: ", plan->status, STR_FMT(reason));
    memset(buf_reserve(to, sizeof(date) - 1), PLAN_ANY, sizeof(date) - 1);
    to->len += sizeof(date) - 1;
    buf_printf(to, "\r\n%sX-Body: %zu %llx\r\n",
               closes                 ? "Connection: close\r\n"
               : request->is_http_1_0 ? "Connection: keep-alive\r\n"
                                      : "",
               request->body_len, (unsigned long long)request->body_digest);
}

static void expect_items(const struct plan *plan, bool is_chunked, struct buf *to)
{
    uint64_t room = plan->length >= 0 ? (uint64_t)plan->length : UINT64_MAX;
    for (unsigned i = 0; i < plan->n_items; i++) {
        const struct plan_item *item = &plan->items[i];
        uint64_t len = item->len < room ? item->len : room;
        room -= len;
        if (!len)
            continue;
        if (is_chunked)
            buf_printf(to, "%llx\r\n", (unsigned long long)len);
        plan_text(to, item->offset, len);
        if (is_chunked)
            buf_append(to, STR("\r\n"));
    }
}

struct plan_response plan_expect(const struct plan_request *request, struct buf *to)
{
    struct plan plan = plan_make(request->seed);
    bool may_have_length = plan.status != 204 && plan.status != 304;
    bool has_body = !request->is_head && may_have_length;
    bool is_chunked = has_body && plan.length < 0 && !request->is_http_1_0;
    bool is_open = has_body && plan.length < 0 && request->is_http_1_0;
    bool closes = plan.closes || is_open || !request->keeps_alive;
    bool is_short = has_body && plan.length > (int64_t)total_len(&plan);
    if (plan.hints && !request->is_http_1_0)
        buf_append(to, STR("HTTP/1.1 103 Early Hints\r\nX-Hint: 1\r\n\r\n"));
    expect_head(&plan, request, closes, to);
    if (plan.length >= 0 && may_have_length)
        buf_printf(to, "Content-Length: %lld\r\n", (long long)plan.length);
    if (is_chunked)
        buf_append(to, STR("Transfer-Encoding: chunked\r\n"));
    buf_append(to, STR("\r\n"));
    if (has_body)
        expect_items(&plan, is_chunked, to);
    if (is_chunked && !plan.fails)
        buf_append(to, STR("0\r\n\r\n"));
    return (struct plan_response){ closes || plan.fails || is_short, is_open && plan.fails };
}
