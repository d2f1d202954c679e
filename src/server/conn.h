/* SPDX-License-Identifier: MIT */
/* One client connection speaking HTTP/1.1. Idle, it is this structure and a descriptor: the buffer and
 * the exchange come from the server's pools when bytes arrive. */
#pragma once

#include <netinet/in.h>

#include "io/loop.h"
#include "server/server.h"

enum conn_state {
    CONN_IDLE,   /* between requests */
    CONN_HEAD,   /* a request head is arriving */
    CONN_BODY,   /* its body is arriving */
    CONN_CALL,   /* the handler has the exchange; the response may be under way already */
    CONN_SEND,   /* the response is complete and drains */
    CONN_LINGER, /* nothing more to say; what the client still sends is read and dropped */
    CONN_GONE,   /* closed, but the handler has not let go of the exchange yet */
    CONN_CLOSED, /* freed at the end of this turn */
};

/* The peer's address, as small as it gets. */
union peer_address {
    sa_family_t family;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

struct conn {
    struct watch watch;
    struct timer timer;
    struct link link;  /* server->conns */
    struct task later; /* reads or sends on in the next turn; frees when closed */
    struct server *server;
    struct exchange *exchange;
    char *in; /* received bytes: in[0] is the first of the present request */
    uint32_t in_len;
    uint32_t in_cap;
    struct link claim; /* gate->claims */
    msec claimed_at;
    union peer_address peer;
    uint16_t listener;
    uint8_t state;    /* enum conn_state */
    bool is_fresh;    /* no request yet */
    bool is_readable; /* the kernel may have more for us */
    bool is_ending;   /* the peer has shut down its side; end of stream comes behind the data */
    bool is_blocked;  /* the kernel takes no more now, EPOLLOUT will tell */
    bool sends_later; /* the kernel might take more, but it is the turn of others */
    bool watches_out;
    bool closes;  /* after this exchange */
    bool lingers; /* … and reads on for a while, because the client is likely to be sending still */
};

/* Takes over `fd`, which is non-blocking, and reads from it at once. */
void conn_open(struct server *server, int fd, unsigned listener, const union peer_address *peer);

/* Draining: closes at once if no request is under way, else after the present one. */
void conn_drain(struct conn *conn);

/* At once, whatever is under way. */
void conn_abort(struct conn *conn);

/* The task behind exchange->news. */
void conn_on_news(struct task *task);
