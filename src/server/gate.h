/* SPDX-License-Identifier: MIT */
/* The accept gate: whether this worker takes new connections now. */
#pragma once

#include "base/defs.h"

struct server;
struct conn;

void gate_init(struct server *server);
void gate_done(struct server *server);

/* Opens or closes the gate as things stand; called before each wait of the loop. */
void gate_update(struct server *server);

/* Draining: closes this process's listening sockets. The kernel refuses newcomers once no process has them
 * open. */
void gate_shut(struct server *server);

/* A new connection claims a thread for the moment that its first request needs to arrive … */
void gate_claim(struct server *server, struct conn *conn);
/* … until that request is complete, the connection has gone, or the moment is over. */
void gate_unclaim(struct server *server, struct conn *conn);
