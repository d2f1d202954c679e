/* SPDX-License-Identifier: MIT */
/* One request and its response, whatever carried it and whatever answers it. Made by a connection when
 * a request begins, handed to the handler when the request is complete, ended by the connection when the
 * response has left or failed. While a handler has it, the handler's thread owns the arena. */
#pragma once

#include "base/arena.h"
#include "http/chunked.h"
#include "http/h1_parse.h"
#include "io/address.h"
#include "io/loop.h"
#include "server/body.h"
#include "server/output.h"

struct conn;
struct server;

enum { EXCHANGE_FIELDS = 32 }; /* room for fields before the arena is asked */

/* The response as HTTP/1.1 sends it. The connection's; no other thread looks at it. */
struct transit {
    struct link sending; /* segments on their way, framed */
    struct buf head_bytes;
    struct segment head;  /* over head_bytes */
    struct segment last;  /* the end of a chunked body */
    uint64_t length_left; /* bytes still owed of a declared length */
    bool is_begun;        /* the head is written into `sending` */
    bool is_whole;        /* all that will ever come is in `sending` */
    bool is_cut;          /* … and the client must be able to tell that it is not complete */
    bool is_chunked;
    bool is_bodiless; /* HEAD, 204, 304 … */
};

struct exchange {
    struct server *server;
    struct conn *conn;
    const struct http_head *head; /* complete and at rest once the handler has the exchange */
    struct body body;
    struct output output;
    struct task news; /* posted by the handler whenever `output` has something new */
    struct task job;  /* the handler's: runs it on one of its threads */
    struct arena arena;
    struct buf notes;      /* values of environ variables that the access log wants, NUL terminated each */
    int64_t start_us;      /* first byte of the request, monotonic */
    _Atomic msec begun_ms; /* when the handler began to work on it, monotonic; 0: not yet */
    int64_t body_sent;     /* bytes of response body handed to the kernel */
    int status;            /* of the response that the client gets; 0 before one is begun */
    bool is_handled;       /* the handler owns it until output.is_finished */
    bool is_overdue;       /* its deadline passed while the handler had it */
    bool is_logged;
    struct transit transit;
    struct chunked chunked; /* state of a chunked request body */

    /* how the parser works; `head` points into it */
    struct h1_parser parser;
    struct http_field fields[EXCHANGE_FIELDS];
};

struct exchange *exchange_new(struct server *server);
void exchange_free(struct exchange *exchange);

/* Ready for another request; keeps what is warm. */
void exchange_reset(struct exchange *exchange);

/* Handler: tells the loop that `output` has something new. */
void exchange_post(struct exchange *exchange);

/* Handler: no more will come; `ok` is false when the body is incomplete. The last thing that a handler
 * does with an exchange: from here on it belongs to the loop. */
void exchange_finish(struct exchange *exchange, bool ok);

/* Handler: "127.0.0.1" of the peer, empty for a Unix socket, and its port. */
void exchange_peer(const struct exchange *exchange, char host[ADDRESS_TEXT_MAX], uint16_t *out_port);

/* The listener's number in server->listeners. */
unsigned exchange_listener(const struct exchange *exchange);
