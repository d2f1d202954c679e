/* SPDX-License-Identifier: MIT */
/* One call of the application, as the server sees it, and how its response is sent. Called with the GIL
 * held. */
#pragma once

#include "app/python_compat.h"
#include "server/exchange.h"

struct crew;
struct drops;

/* The server's side of one call of the application. Lives on the caller's stack. */
struct call {
    struct exchange *exchange;
    struct crew *crew;
    struct drops *drops;
    bool has_response; /* start_response was called */
    bool has_head;     /* the head is handed over: nothing can be taken back */
    bool is_over;      /* start_response_detach has begun */
    unsigned n_inside; /* threads, of whatever kind, that are in write() or early_hints() */
};

/* Hands the head over, with what start_response said. False with an exception when it was not called. */
bool call_send_head(struct call *call);

enum call_progress { CALL_GO_ON, CALL_CLIENT_GONE, CALL_ERROR /* an exception is set */ };

/* One item of the body; it is checked to be bytes. It goes out without waiting for the next one. May
 * block, with the GIL released, while the client does not drain. */
enum call_progress call_send_item(struct call *call, PyObject *bytes);

/* As call_send_item, for an item that the end of the call follows at once: leaves with it. */
enum call_progress call_send_last_item(struct call *call, PyObject *bytes);
