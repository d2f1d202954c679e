/* SPDX-License-Identifier: MIT */
/* What the three files of a connection (conn.c, conn_read.c, conn_write.c) share. */
#pragma once

#include "server/conn.h"

/* Every change of state goes through here; sets the state's deadline. */
void conn_enter(struct conn *conn, enum conn_state state);

/* The peer is gone or not worth waiting for. Closes now; the structure stays until the handler has let
 * go of the exchange. */
void conn_close(struct conn *conn);

/* Answers a request that never reaches the handler, then closes. `reason` is for the log. */
void conn_refuse(struct conn *conn, int status, const char *reason);

/* The response has left: access log, then the next request or the end. */
void conn_finish_exchange(struct conn *conn);

/* conn_read.c: reads and acts on what came, as far as the state allows. */
void conn_read(struct conn *conn);

/* conn_read.c: acts on bytes that are in the buffer already (pipelining). */
void conn_parse(struct conn *conn);

/* conn_write.c: sends `bytes` ahead of the response, what the kernel does not take now included. May close.
 */
void conn_send_ahead(struct conn *conn, str bytes);

/* conn_write.c: sends what there is. May finish the exchange or close. */
void conn_flush(struct conn *conn);

/* conn_write.c: one attempt to send a whole error response past the handler that still holds the
 * exchange. */
void conn_write_past_handler(struct conn *conn, int status);

/* The request line for the log: "GET /path", cut. */
str conn_request_text(const struct conn *conn, char *to, size_t size);
