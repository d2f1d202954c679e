/* SPDX-License-Identifier: MIT */
/* A request head, whatever protocol it came by. All slices are offsets from `base`, so that the bytes
 * may move while a head is still arriving; the owner sets `base` when they rest. */
#pragma once

#include "http/fields.h"

struct http_slice {
    uint32_t at;
    uint32_t len;
};

struct http_field {
    uint32_t name_at;
    uint32_t value_at;
    uint32_t value_len; /* without surrounding white space */
    uint16_t name_len;
    uint16_t id; /* enum field_id */
};

enum http_version { HTTP_1_0 = 10, HTTP_1_1 = 11 };

enum http_method {
    METHOD_OTHER,
    METHOD_GET,
    METHOD_HEAD,
    METHOD_POST,
    METHOD_PUT,
    METHOD_DELETE,
    METHOD_PATCH,
    METHOD_OPTIONS,
    METHOD_CONNECT,
    METHOD_TRACE,
};

struct http_head {
    const char *base;
    struct http_slice method_name;
    struct http_slice target; /* as received */
    struct http_slice path;   /* before '?', of an absolute target without scheme and authority */
    struct http_slice query;  /* behind '?', empty without one */
    struct http_field *fields;
    uint32_t n_fields;
    uint32_t cap_fields;
    uint16_t known[FIELD_COUNT]; /* index + 1 of the first field with that id; 0: absent */
    uint8_t method;              /* enum http_method */
    uint8_t version;             /* enum http_version */
    bool has_length;
    bool is_chunked;
    bool keep_alive; /* what the version and Connection ask for */
    bool expects_continue;
    uint64_t content_length; /* 0 unless has_length */
};

static inline str head_slice(const struct http_head *head, struct http_slice s)
{
    return str_make(head->base + s.at, s.len);
}

static inline str head_field_name(const struct http_head *head, const struct http_field *field)
{
    return str_make(head->base + field->name_at, field->name_len);
}

static inline str head_field_value(const struct http_head *head, const struct http_field *field)
{
    return str_make(head->base + field->value_at, field->value_len);
}

/* The value of the first field with that id, or STR_NONE. */
static inline str head_known(const struct http_head *head, enum field_id id)
{
    return head->known[id] ? head_field_value(head, &head->fields[head->known[id] - 1]) : STR_NONE;
}

/* The value of the first field of that name, in any case, or STR_NONE. */
str head_find(const struct http_head *head, str name);
