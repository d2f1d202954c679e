/* SPDX-License-Identifier: MIT */
/* Chunked bodies: the first bytes choose split points, the rest is the message. Pieces must give the
 * outcome of the whole, and a payload that was accepted must survive being chunked again. */
#include "base/buf.h"
#include "fuzz.h"
#include "http/chunked.h"

enum { MESSAGE_MOST = 65536 };

struct outcome {
    enum chunked_result result;
    struct chunked state;
    struct buf payload;
    size_t used;
};

/* Takes what can be taken of the bytes that came. */
static void feed(struct outcome *outcome, str bytes)
{
    char *copy = copy_of(bytes);
    str in = str_make(copy, bytes.len), out;
    while ((outcome->result = chunked_next(&outcome->state, &in, &out)) == CHUNKED_DATA) {
        CHECK(out.len > 0 && out.p >= copy && out.p + out.len <= copy + bytes.len, "payload inside");
        CHECK(out.p + out.len == in.p, "payload before the rest");
        buf_append(&outcome->payload, out);
    }
    CHECK(outcome->result != CHUNKED_MORE || in.len == 0, "all used up");
    CHECK((outcome->result == CHUNKED_BAD) == (outcome->state.reason != NULL), "reason");
    outcome->used += bytes.len - in.len;
    free(copy);
}

static struct outcome decode(str message, struct pieces pieces)
{
    struct outcome outcome = { .result = CHUNKED_MORE };
    for (size_t at = 0; at < message.len && outcome.result == CHUNKED_MORE;) {
        str piece = str_sub(message, at, at + next_piece(&pieces));
        feed(&outcome, piece);
        at += piece.len;
    }
    return outcome;
}

static void check_same(const struct outcome *a, const struct outcome *b, const char *about)
{
    CHECK(a->result == b->result && a->used == b->used, about);
    CHECK(str_eq(buf_str(&a->payload), buf_str(&b->payload)), about);
    CHECK(a->state.reason == b->state.reason && a->state.left == b->state.left, about);
    CHECK(a->state.overhead == b->state.overhead && a->state.step == b->state.step, about);
}

static void encode(struct buf *out, str payload, struct pieces pieces)
{
    char head[CHUNKED_HEAD_MAX];
    for (size_t at = 0; at < payload.len;) {
        str chunk = str_sub(payload, at, at + next_piece(&pieces));
        buf_append(out, str_make(head, chunked_head(head, chunk.len)));
        buf_append(out, chunk);
        buf_append(out, STR("\r\n"));
        at += chunk.len;
    }
    buf_append(out, STR("0\r\n\r\n"));
}

static void check_again(const struct outcome *outcome, struct pieces pieces)
{
    struct buf again = { 0 };
    encode(&again, buf_str(&outcome->payload), pieces);
    struct outcome decoded = decode(buf_str(&again), pieces);
    CHECK(decoded.result == CHUNKED_DONE && decoded.used == again.len, "decoded again");
    CHECK(str_eq(buf_str(&decoded.payload), buf_str(&outcome->payload)), "same payload");
    buf_done(&decoded.payload);
    buf_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str input = str_make((const char *)data, size);
    struct pieces pieces = take_pieces(&input);
    str message = str_sub(input, 0, MESSAGE_MOST);
    struct outcome whole = { .result = CHUNKED_MORE };
    feed(&whole, message);
    struct outcome pieced = decode(message, pieces);
    struct outcome bytes = decode(message, (struct pieces){ .count = 1 });
    check_same(&whole, &pieced, "pieces");
    check_same(&whole, &bytes, "bytes");
    if (whole.result == CHUNKED_DONE)
        check_again(&whole, pieces);
    buf_done(&whole.payload);
    buf_done(&pieced.payload);
    buf_done(&bytes.payload);
    return 0;
}
