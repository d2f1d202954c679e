/* SPDX-License-Identifier: MIT */
/* A response on its way from a handler's thread to the loop: head, then body in segments, with flow
 * control. The handler's side is called by one thread, the loop's side by the loop's owner. */
#pragma once

#include <pthread.h>

#include "base/buf.h"
#include "base/list.h"

enum { SEGMENT_PREFIX = 24 };

/* A piece of a response: memory or a range of a file. */
struct segment {
    struct link link;
    const char *p; /* NULL: a file */
    int fd;        /* owned; -1 for memory */
    bool is_frame; /* the loop's own bytes (the head), no part of the body */
    /* The protocol's framing around the bytes: a chunk head before, a line end behind. The loop's. */
    uint8_t prefix_len, prefix_at, suffix_left;
    char prefix[SEGMENT_PREFIX];
    off_t offset;
    uint64_t len; /* still to be sent */
    /* Gives the segment back to its maker; called on the loop, once, when it is sent or dropped. */
    void (*release)(struct segment *segment);
};

struct output {
    pthread_mutex_t lock;
    pthread_cond_t drained;
    struct link segments; /* not yet taken by the loop */
    uint64_t queued;      /* body bytes that the loop has not sent yet */
    bool has_head;        /* the fields below are set and will not change */
    bool is_finished;     /* the handler will not touch the exchange again */
    bool is_failed;       /* finished early: the client must be able to tell */
    bool is_streamed;     /* posted before it was finished */
    bool is_aborted;      /* the loop gave up on it: what the handler still writes is dropped */

    struct buf hints; /* fields of a 103 response that goes ahead; taken by the loop, under lock */

    int status;
    struct buf reason; /* empty: the registered one */
    struct buf fields; /* "Name: value\r\n" lines, checked */
    bool closes;       /* the connection ends with this response */
    bool has_length;
    uint64_t length; /* declared Content-Length */
};

/* Once for each object; output_reset makes it ready for the next exchange. */
void output_init(struct output *output);
void output_done(struct output *output);
void output_reset(struct output *output);

/* Handler: "Name: value\r\n" lines for a 103 (Early Hints) response ahead of the head (RFC 8297). */
void output_hint(struct output *output, str fields);

/* Handler: the head is complete (status, reason, fields, length were set before). */
void output_set_head(struct output *output);

/* Handler: takes over `segment`. False when the exchange was aborted; the segment is released. */
bool output_push(struct output *output, struct segment *segment);

/* Handler: a copy of `data` as a segment of its own. */
bool output_push_copy(struct output *output, str data);

/* Loop: a whole response of the server's own; no handler is involved. */
void output_finish(struct output *output);

/* Handler: whether at least `most` bytes wait for the client. */
bool output_is_over(struct output *output, uint64_t most);

/* Handler: blocks until less than `least` bytes wait or the exchange is aborted; false when aborted. */
bool output_wait(struct output *output, uint64_t least);

bool output_is_aborted(struct output *output);

/* Loop: whether the handler has finished, though the news may not have been taken yet. */
bool output_is_finished(struct output *output);

/* Loop: moves the new segments to `to` and tells what is known; one lock. */
struct output_news {
    bool has_head, is_finished, is_failed, has_hints;
};
struct output_news output_take(struct output *output, struct link *to);

/* Loop: moves the hints to `to`. */
void output_take_hints(struct output *output, struct buf *to);

/* Loop: `n` body bytes have gone to the client. Wakes the handler when it waits. */
void output_sent(struct output *output, uint64_t n);

/* Loop: drops what is queued and lets the handler know. */
void output_abort(struct output *output);

/* Loop: releases all segments of a list. */
void segments_release(struct link *segments);
