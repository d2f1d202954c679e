/* SPDX-License-Identifier: MIT */
/* For tests and fuzz targets: a request head parsed in pieces, and whether two such runs ended alike. */
#pragma once

#include <stdio.h>

#include "http/h1_parse.h"

enum { H1_RUN_FIELDS = 256, H1_RUN_ROOM = 2 };

struct h1_run {
    enum h1_result result;
    struct h1_parser parser;
    struct http_field fields[H1_RUN_FIELDS];
    struct http_field few[H1_RUN_ROOM]; /* the room there is before the parser asks for more */
    int n_grows;
};

static inline void h1_run_begin(struct h1_run *run, const struct h1_limits *limits)
{
    run->n_grows = 0;
    run->result = H1_MORE;
    h1_parser_init(&run->parser, limits, run->few, H1_RUN_ROOM);
}

/* The first `len` bytes are there now. */
static inline enum h1_result h1_run_feed(struct h1_run *run, const char *bytes, size_t len)
{
    run->result = h1_parse_head(&run->parser, bytes, len);
    if (run->result == H1_GROW) {
        memcpy(run->fields, run->few, sizeof(run->few));
        run->parser.head.fields = run->fields;
        run->parser.head.cap_fields = H1_RUN_FIELDS;
        run->n_grows++;
        run->result = h1_parse_head(&run->parser, bytes, len);
    }
    return run->result;
}

static inline bool slice_is_same(struct http_slice a, struct http_slice b)
{
    return a.at == b.at && a.len == b.len;
}

static inline bool field_is_same(const struct http_field *a, const struct http_field *b)
{
    return a->name_at == b->name_at && a->name_len == b->name_len && a->value_at == b->value_at &&
           a->value_len == b->value_len && a->id == b->id;
}

static inline bool head_is_same(const struct http_head *a, const struct http_head *b)
{
    if (a->n_fields != b->n_fields || memcmp(a->known, b->known, sizeof(a->known)) != 0)
        return false;
    for (uint32_t i = 0; i < a->n_fields; i++)
        if (!field_is_same(&a->fields[i], &b->fields[i]))
            return false;
    return slice_is_same(a->method_name, b->method_name) && slice_is_same(a->target, b->target) &&
           slice_is_same(a->path, b->path) && slice_is_same(a->query, b->query) && a->method == b->method &&
           a->version == b->version && a->has_length == b->has_length && a->is_chunked == b->is_chunked &&
           a->keep_alive == b->keep_alive && a->expects_continue == b->expects_continue &&
           a->content_length == b->content_length;
}

/* Everything that a caller can see, and where the parser stands. */
static inline bool h1_run_is_same(const struct h1_run *a, const struct h1_run *b)
{
    const struct h1_parser *p = &a->parser, *q = &b->parser;
    return a->result == b->result && a->n_grows == b->n_grows && head_is_same(&p->head, &q->head) &&
           p->head_len == q->head_len && p->status == q->status && p->reason == q->reason &&
           p->line_at == q->line_at && p->scanned_to == q->scanned_to && p->step == q->step;
}
