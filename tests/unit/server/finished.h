/* SPDX-License-Identifier: MIT */
/* An exchange as the connection has it when its response has left. */
#pragma once

#include <arpa/inet.h>
#include <assert.h>

#include "base/clock.h"
#include "server/conn.h"

struct finished {
    struct loop loop;
    struct server server;
    struct conn conn;
    struct exchange *exchange;
};

/* Parses as much of `request` as is well formed. */
static inline void finished_set_request(struct finished *f, const char *request)
{
    static const struct h1_limits limits = { 1 << 16, 100, 1 << 16 };
    struct exchange *exchange = f->exchange;
    h1_parser_init(&exchange->parser, &limits, exchange->fields, EXCHANGE_FIELDS);
    enum h1_result result = h1_parse_head(&exchange->parser, request, strlen(request));
    assert(result == H1_DONE || result == H1_BAD);
    (void)result;
    exchange->head = &exchange->parser.head;
}

static inline void finished_set_peer(struct finished *f, int family, const char *address)
{
    f->conn.peer = (union peer_address){ .family = (sa_family_t)family };
    if (family == AF_INET)
        inet_pton(family, address, &f->conn.peer.in.sin_addr);
    if (family == AF_INET6)
        inet_pton(family, address, &f->conn.peer.in6.sin6_addr);
}

static inline void finished_add_field(struct finished *f, str line)
{
    buf_append(&f->exchange->output.fields, line);
    buf_append(&f->exchange->output.fields, STR("\r\n"));
}

/* 200, 31 bytes of body, sent. */
static inline int finished_init(struct finished *f)
{
    *f = (struct finished){ 0 };
    int error = loop_init(&f->loop);
    if (error)
        return error;
    f->server.loop = &f->loop;
    f->conn.server = &f->server;
    f->exchange = exchange_new(&f->server);
    f->exchange->conn = &f->conn;
    f->exchange->start_us = clock_mono_us();
    f->exchange->status = 200;
    f->exchange->body_sent = 31;
    f->exchange->transit.is_begun = true;
    finished_set_peer(f, AF_INET, "127.0.0.1");
    return 0;
}

static inline void finished_done(struct finished *f)
{
    exchange_free(f->exchange);
    loop_done(&f->loop);
}
