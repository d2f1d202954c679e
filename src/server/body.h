/* SPDX-License-Identifier: MIT */
/* A request body as it is buffered: in memory first, then in an unlinked temporary file. */
#pragma once

#include "base/str.h"

struct body {
    uint64_t len; /* bytes so far */
    str inplace;  /* the whole body when it lies in the connection's buffer; else STR_NONE */
    char *memory; /* owned */
    size_t cap;   /* of memory */
    int fd;       /* the temporary file once memory is not enough, else -1; owned */
};

struct body_limits {
    uint64_t most;    /* bytes; 0: no limit */
    size_t in_memory; /* bytes kept in memory before a file is used */
    const char *dir;  /* for the file; NULL: the default */
};

void body_init(struct body *body);
void body_done(struct body *body);

/* `expected` is the Content-Length or 0 when unknown. 0, -EMSGSIZE when the body grows past
 * limits->most, or another -errno when the file cannot be written. */
int body_append(struct body *body, str data, uint64_t expected, const struct body_limits *limits) MUST_CHECK;

/* At most `size` bytes from `offset`. Bytes, 0 at the end, or -errno. Any thread, once complete. */
ssize_t body_read(const struct body *body, uint64_t offset, char *to, size_t size);

/* The body when it is in memory, whole; STR_NONE with *out_is_file set when it is not. */
str body_memory(const struct body *body, bool *out_is_file);
