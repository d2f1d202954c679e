/* SPDX-License-Identifier: MIT */
/* For tests: what a handler does with a request, made from a number that the request carries in its target,
 * and the bytes that the client must get for it. The two know nothing of each other. */
#pragma once

#include "server/exchange.h"

enum { PLAN_ITEMS = 6, PLAN_ITEM_MOST = 60000 };

struct plan {
    uint64_t seed;
    int status;
    int64_t length; /* declared; -1: not */
    bool closes, fails, hints;
    unsigned n_items;
    struct plan_item {
        uint32_t len;
        uint32_t offset; /* in the endless text that all items are cut from */
        bool is_file;
    } items[PLAN_ITEMS];
};

struct plan plan_make(uint64_t seed);

/* The generator behind all of this: another number each time. */
uint64_t plan_random(uint64_t *state);

/* The text: `len` bytes from `offset`. */
void plan_text(struct buf *to, size_t offset, size_t len);

/* One byte after the other, in any pieces; begins with 0. */
uint64_t plan_digest(uint64_t digest, str bytes);

/* The handler's side: one exchange, whose target is "/" and a number, step by step. */
struct plan_run {
    struct link link; /* the caller's */
    struct plan plan;
    struct exchange *exchange;
    unsigned step;
};

void plan_run_init(struct plan_run *run, struct exchange *exchange);

/* False when that was the last step: the exchange is not touched any more. */
bool plan_run_step(struct plan_run *run);

/* Segments that were pushed and are not released yet. */
extern _Atomic long plan_segments;

/* The file of the items that are files; once before all runs. */
bool plan_open_file(void);
void plan_close_file(void);

/* The client's side. */
struct plan_request {
    uint64_t seed;
    bool is_head, is_http_1_0, keeps_alive;
    size_t body_len;
    uint64_t body_digest;
};

struct plan_response {
    bool ends;    /* the connection, behind it */
    bool is_open; /* only that tells where the body ends, and it is cut: a reset may take some of it away */
};

/* PLAN_ANY stands for a byte that may be any (the date). */
enum { PLAN_ANY = '\1' };
struct plan_response plan_expect(const struct plan_request *request, struct buf *to);
