/* SPDX-License-Identifier: MIT */
/* Body buffering. The connection appends on the loop; when the body is complete the application
 * reads it from its thread, so nothing here is ever used by two threads at once. A slow upload thus
 * costs no application thread, and a large one no memory. */
#include "server/body.h"

#include <errno.h>

#include "base/arena.h"
#include "io/tempfile.h"

void body_init(struct body *body)
{
    *body = (struct body){ .fd = -1 };
}

void body_done(struct body *body)
{
    free(body->memory);
    if (body->fd >= 0)
        close(body->fd);
    body_init(body);
}

static int write_all(int fd, str data)
{
    while (data.len) {
        ssize_t n = write(fd, data.p, data.len);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0)
            data = str_make(data.p + n, data.len - (size_t)n);
    }
    return 0;
}

static int spill(struct body *body, const char *dir)
{
    int fd = tempfile_open(dir);
    if (fd < 0)
        return fd;
    body->fd = fd;
    int error = write_all(fd, str_make(body->memory, body->len));
    free(body->memory);
    body->memory = NULL;
    body->cap = 0;
    return error;
}

static void grow(struct body *body, size_t need, size_t expected, size_t most)
{
    size_t cap = size_max(size_max(need, body->cap * 2), 4096);
    if (expected)
        cap = size_max(need, expected);
    body->cap = size_max(need, size_min(cap, most));
    body->memory = memory_resize(body->memory, body->cap);
}

static int append_memory(struct body *body, str data, uint64_t expected, size_t most)
{
    size_t need = (size_t)body->len + data.len;
    if (need > body->cap)
        grow(body, need, expected < most ? (size_t)expected : 0, most);
    if (data.len)
        memcpy(body->memory + body->len, data.p, data.len);
    body->len = need;
    return 0;
}

int body_append(struct body *body, str data, uint64_t expected, const struct body_limits *limits)
{
    uint64_t need;
    if (__builtin_add_overflow(body->len, data.len, &need) || (limits->most && need > limits->most))
        return -EMSGSIZE;
    bool fits = body->fd < 0 && need <= limits->in_memory && expected <= limits->in_memory;
    if (fits)
        return append_memory(body, data, expected, limits->in_memory);
    int error = body->fd < 0 ? spill(body, limits->dir) : 0;
    if (!error)
        error = write_all(body->fd, data);
    if (!error)
        body->len = need;
    return error;
}

str body_memory(const struct body *body, bool *out_is_file)
{
    *out_is_file = body->fd >= 0;
    if (body->fd >= 0)
        return STR_NONE;
    return body->inplace.p ? body->inplace : str_make(body->memory, (size_t)body->len);
}

ssize_t body_read(const struct body *body, uint64_t offset, char *to, size_t size)
{
    if (offset >= body->len)
        return 0;
    size = (size_t)(body->len - offset < size ? body->len - offset : size);
    if (body->fd < 0) {
        bool is_file;
        memcpy(to, body_memory(body, &is_file).p + offset, size);
        return (ssize_t)size;
    }
    ssize_t n;
    do
        n = pread(body->fd, to, size, (off_t)offset);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}
