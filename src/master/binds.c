/* SPDX-License-Identifier: MIT */
/* Opening, comparing and closing sets of listeners. Two sets may share sockets while a reload is under
 * way: the descriptor is the identity, and a set is always closed against the one that stays. */
#include "master/binds.h"

#include <errno.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/num.h"

enum { SYSTEMD_FIRST_FD = 3, SYSTEMD_MAX_FDS = 1024 };

static bool has_fd(const struct binds *binds, int fd)
{
    for (int i = 0; binds && i < binds->count; i++)
        if (binds->listeners[i].fd == fd)
            return true;
    return false;
}

static bool same_address(const struct address *a, const struct address *b)
{
    return a->inherited_fd == b->inherited_fd && a->len == b->len && memcmp(&a->sa, &b->sa, a->len) == 0;
}

/* A listener of `old` for this address that the new set does not hold yet (a port 0 may repeat). */
static const struct listener *find_kept(const struct binds *old, const struct binds *taken,
                                        const struct address *address)
{
    for (int i = 0; old && i < old->count; i++)
        if (same_address(&old->wanted[i], address) && !has_fd(taken, old->listeners[i].fd))
            return &old->listeners[i];
    return NULL;
}

static void make_room(struct binds *binds, int count)
{
    *binds = (struct binds){ 0 };
    binds->listeners = memory_zero((size_t)(count + 1) * sizeof(struct listener));
    binds->wanted = memory_zero((size_t)(count + 1) * sizeof(struct address));
}

/* Appends a listener for `address`, the one of `old` if it has one. 0 or -errno. */
static int add(struct binds *binds, const struct address *address, const struct listener_options *options,
               const struct binds *old)
{
    const struct listener *kept = find_kept(old, binds, address);
    struct listener *listener = &binds->listeners[binds->count];
    int err = 0;
    if (kept)
        *listener = *kept;
    else
        err = listener_open(listener, address, options);
    if (err)
        return err;
    binds->wanted[binds->count++] = *address;
    return 0;
}

static struct binds share(const struct binds *old)
{
    struct binds shared;
    make_room(&shared, old->count);
    memcpy(shared.listeners, old->listeners, (size_t)old->count * sizeof(struct listener));
    memcpy(shared.wanted, old->wanted, (size_t)old->count * sizeof(struct address));
    shared.count = old->count;
    shared.by_systemd = old->by_systemd;
    return shared;
}

bool binds_open(struct binds *out, const char *const *texts, const struct listener_options *options,
                const struct binds *old, struct bind_failure *out_failure)
{
    if (old && old->by_systemd) {
        *out = share(old);
        return true;
    }
    int count = 0;
    while (texts[count])
        count++;
    struct binds opened;
    make_room(&opened, count);
    for (int i = 0; i < count; i++) {
        struct address address;
        const char *why = NULL;
        bool is_address = address_parse(str_of(texts[i]), &address, &why);
        int err = is_address ? add(&opened, &address, options, old) : 0;
        if (is_address && !err)
            continue;
        *out_failure = (struct bind_failure){ texts[i], err ? strerror(-err) : why, err };
        binds_close(&opened, old, true);
        return false;
    }
    *out = opened;
    return true;
}

static int env_number(const char *name, uint64_t max)
{
    uint64_t n;
    return num_parse(str_of(getenv(name)), max, &n) ? (int)n : 0;
}

bool binds_open_passed(struct binds *out, const struct listener_options *options,
                       struct bind_failure *out_failure)
{
    int count = env_number("LISTEN_FDS", SYSTEMD_MAX_FDS);
    bool is_ours = env_number("LISTEN_PID", INT32_MAX) == getpid();
    struct binds opened;
    make_room(&opened, is_ours ? count : 0);
    for (int i = 0; is_ours && i < count; i++) {
        struct address address = { .inherited_fd = SYSTEMD_FIRST_FD + i };
        int err = add(&opened, &address, options, NULL);
        if (!err)
            continue;
        *out_failure = (struct bind_failure){ "LISTEN_FDS", strerror(-err), err };
        binds_close(&opened, NULL, false);
        return false;
    }
    opened.by_systemd = opened.count > 0;
    if (is_ours) {
        unsetenv("LISTEN_PID");
        unsetenv("LISTEN_FDS");
        unsetenv("LISTEN_FDNAMES");
    }
    *out = opened;
    return true;
}

void binds_close(struct binds *binds, const struct binds *keep, bool unlink_files)
{
    for (int i = 0; i < binds->count; i++)
        if (!has_fd(keep, binds->listeners[i].fd))
            listener_close(&binds->listeners[i], unlink_files);
    free(binds->listeners);
    free(binds->wanted);
    *binds = (struct binds){ 0 };
}

char *binds_text(const struct binds *binds)
{
    struct buf text = { 0 };
    for (int i = 0; i < binds->count; i++)
        buf_printf(&text, "%s%s", i ? "," : "", binds->listeners[i].url);
    char *copy = str_dup(buf_str(&text));
    buf_done(&text);
    return copy;
}

bool binds_differ(const struct binds *a, const struct binds *b)
{
    for (int i = 0; i < a->count; i++)
        if (!has_fd(b, a->listeners[i].fd))
            return true;
    return a->count != b->count;
}

void bind_format(const char *text, char out[ADDRESS_TEXT_MAX])
{
    struct address address;
    const char *why;
    if (!address_parse(str_of(text), &address, &why) || address.inherited_fd >= 0) {
        snprintf(out, ADDRESS_TEXT_MAX, "%s", text);
        return;
    }
    char host[ADDRESS_TEXT_MAX];
    if (address_is_unix(&address)) {
        address_format_url(&address, host);
        snprintf(out, ADDRESS_TEXT_MAX, "%s", host + strlen("unix:"));
        return;
    }
    address_format_host(&address.sa, host);
    snprintf(out, ADDRESS_TEXT_MAX, "('%.*s', %u)", 64, host, (unsigned)address_port(&address.sa));
}
