/* SPDX-License-Identifier: MIT */
/* A server without threads and without Python, driven turn by turn. Exchanges that the handler holds are
 * linked by their job, as the crew does it, so that they can be cancelled. */
#include "conn_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/clock.h"

enum { TURNS_MOST = 100000, WAIT_MOST_MS = 20000, PIECES_MOST = 64 };

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    perror(what);
    abort();
}

/* --- what the kernel takes ------------------------------------------------------------------------- */

size_t (*rig_send_room)(void);
static bool was_cut; /* since the last turn */

ssize_t __real_stream_sendv(int fd, const struct iovec *iov, int count, bool more);
ssize_t __real_stream_sendfile(int fd, int file_fd, off_t offset, size_t len);
ssize_t __wrap_stream_sendv(int fd, const struct iovec *iov, int count, bool more);
ssize_t __wrap_stream_sendfile(int fd, int file_fd, off_t offset, size_t len);

static size_t room(void)
{
    size_t most = rig_send_room ? rig_send_room() : SIZE_MAX;
    was_cut |= most == 0;
    return most;
}

ssize_t __wrap_stream_sendv(int fd, const struct iovec *iov, int count, bool more)
{
    size_t left = room();
    struct iovec pieces[PIECES_MOST];
    int n = 0;
    if (!left)
        return -EAGAIN;
    must(count <= PIECES_MOST, "too many pieces");
    for (; n < count && left; n++) {
        pieces[n] = (struct iovec){ iov[n].iov_base, size_min(iov[n].iov_len, left) };
        left -= pieces[n].iov_len;
    }
    return __real_stream_sendv(fd, pieces, n, more);
}

ssize_t __wrap_stream_sendfile(int fd, int file_fd, off_t offset, size_t len)
{
    size_t most = room();
    return most ? __real_stream_sendfile(fd, file_fd, offset, size_min(len, most)) : -EAGAIN;
}

/* Edge-triggered: the kernel never says that there is room where there always was. */
static bool unblock(struct rig *rig)
{
    struct link *next;
    if (!was_cut)
        return false;
    was_cut = false;
    for (struct link *link = rig->server.conns.next; link != &rig->server.conns; link = next) {
        struct conn *conn = CONTAINER_OF(link, struct conn, link);
        next = link->next;
        if (conn->is_blocked && conn->watch.fd >= 0)
            conn->watch.on_ready(&conn->watch, EPOLLOUT);
    }
    return true;
}

/* --- the handler ----------------------------------------------------------------------------------- */

static void handle(void *owner, struct exchange *exchange)
{
    struct rig *rig = owner;
    rig->n_calls++;
    if (rig->answer)
        rig->answer(rig, exchange);
    else
        list_append(&rig->calls, &exchange->job.link);
}

static bool cancel(void *owner, struct exchange *exchange)
{
    struct rig *rig = owner;
    if (rig->answer)
        return rig->cancel && rig->cancel(rig, exchange);
    bool waits = link_is_listed(&exchange->job.link);
    link_remove(&exchange->job.link);
    return waits;
}

static void overdue(void *owner, struct exchange *exchange)
{
    ((struct rig *)owner)->n_overdue++;
}

static int idle(void *owner)
{
    return ((struct rig *)owner)->n_idle;
}

static int queued(void *owner)
{
    return 0;
}

static const struct handler handler = { handle, cancel, overdue, idle, queued };

static void on_drained(struct server *server)
{
    ((struct rig *)server->owner)->n_drained++;
}

static void on_requests_most(struct server *server)
{
    ((struct rig *)server->owner)->n_retired++;
}

struct exchange *rig_next_call(struct rig *rig)
{
    struct link *link = list_pop(&rig->calls);
    return link ? CONTAINER_OF(link, struct exchange, job.link) : NULL;
}

void rig_begin(struct exchange *exchange, int status, int64_t length)
{
    struct output *output = &exchange->output;
    output->status = status;
    output->has_length = length >= 0;
    output->length = length >= 0 ? (uint64_t)length : 0;
    output_set_head(output);
}

void rig_push(struct exchange *exchange, str data)
{
    output_push_copy(&exchange->output, data);
    exchange_post(exchange);
}

void rig_answer(struct exchange *exchange, str body)
{
    rig_begin(exchange, 200, (int64_t)body.len);
    output_push_copy(&exchange->output, body);
    exchange_finish(exchange, true);
}

/* --- the server ------------------------------------------------------------------------------------ */

void rig_init(struct rig *rig)
{
    *rig = (struct rig){ .config = { .head = { 4094, 100, 8190 },
                                     .body = { .most = 1 << 20, .in_memory = 1 << 16 },
                                     .output_most = 1 << 20,
                                     .keepalive_ms = 3600000,
                                     .connections_most = 10000,
                                     .server_token = STR("galley") } };
    rig->n_idle = 1;
    link_init(&rig->calls);
    log_init(&rig->log, LOG_CRITICAL);
    rig->listener.fd = -1;
    rig_send_room = NULL;
    was_cut = false;
    rig->nudge_fd = -1;
}

void rig_start(struct rig *rig)
{
    must(loop_init(&rig->loop) == 0, "loop_init");
    rig->all_stats[0] = &rig->stats;
    rig->all_stats[1] = &rig->peer;
    if (!rig->n_stats)
        rig->n_stats = 1;
    rig->server = (struct server){ .loop = &rig->loop,
                                   .log = &rig->log,
                                   .config = &rig->config,
                                   .handler = &handler,
                                   .handler_owner = rig,
                                   .stats = &rig->stats,
                                   .peers = rig->all_stats,
                                   .n_peers = &rig->n_stats,
                                   .nudge_fd = rig->nudge_fd,
                                   .listeners = &rig->listener,
                                   .n_listeners = rig->has_listener,
                                   .on_drained = on_drained,
                                   .on_requests_most = on_requests_most,
                                   .owner = rig };
    server_start(&rig->server);
}

void rig_done(struct rig *rig)
{
    bool is_shut = rig->has_listener && rig->server.is_draining;
    rig_send_room = NULL;
    server_done(&rig->server);
    loop_done(&rig->loop);
    if (rig->listener.fd >= 0 && !is_shut)
        close(rig->listener.fd);
}

/* --- clients --------------------------------------------------------------------------------------- */

static void connect_pair(int fds[2])
{
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0, "socketpair");
}

static void listen_tcp(struct rig *rig)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    rig->listener.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(bind(rig->listener.fd, (struct sockaddr *)&address, sizeof(address)) == 0, "bind");
    must(listen(rig->listener.fd, 1024) == 0, "listen");
}

void rig_listen(struct rig *rig)
{
    listen_tcp(rig);
    must(fcntl(rig->listener.fd, F_SETFL, O_NONBLOCK) == 0, "fcntl");
    rig->has_listener = true;
}

int rig_knock(struct rig *rig)
{
    struct sockaddr_in address;
    socklen_t len = sizeof(address);
    must(getsockname(rig->listener.fd, (struct sockaddr *)&address, &len) == 0, "getsockname");
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(connect(fd, (struct sockaddr *)&address, len) == 0, "connect");
    return fd;
}

static void connect_tcp(struct rig *rig, int fds[2])
{
    if (rig->listener.fd < 0)
        listen_tcp(rig);
    fds[0] = rig_knock(rig);
    fds[1] = accept4(rig->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    must(fds[1] >= 0, "accept");
    for (int i = 0; i < 2; i++)
        setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
}

int rig_connect(struct rig *rig, int family)
{
    int fds[2];
    if (family == AF_UNIX)
        connect_pair(fds);
    else
        connect_tcp(rig, fds);
    conn_open(&rig->server, fds[1], 0, &(union peer_address){ .family = (sa_family_t)family });
    return fds[0];
}

struct conn *rig_conn(struct rig *rig)
{
    struct link *conns = &rig->server.conns;
    return list_is_empty(conns) ? NULL : CONTAINER_OF(conns->prev, struct conn, link);
}

bool rig_turn(struct rig *rig)
{
    bool is_busy = !list_is_empty(&rig->loop.deferred) || atomic_load(&rig->loop.n_posted);
    bool has_events = loop_turn(&rig->loop, 0) > 0;
    return unblock(rig) || has_events || is_busy;
}

void rig_settle(struct rig *rig)
{
    int left = TURNS_MOST;
    while (rig_turn(rig))
        must(--left > 0, "the loop does not come to rest");
}

bool rig_wait(struct rig *rig, bool (*has_come_true)(struct rig *rig))
{
    msec end = clock_mono_ms() + WAIT_MOST_MS;
    while (!has_come_true(rig) && clock_mono_ms() < end) {
        loop_turn(&rig->loop, 10);
        unblock(rig);
    }
    return has_come_true(rig);
}

void rig_send(struct rig *rig, int client, str data)
{
    int left = TURNS_MOST;
    while (data.len) {
        ssize_t n = send(client, data.p, data.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN)
            return; /* the server has closed: what came back tells */
        if (n > 0)
            data = str_make(data.p + n, data.len - (size_t)n);
        rig_turn(rig);
        must(--left > 0, "the server does not read");
    }
}

bool rig_receive(int client, struct buf *to, int *out_error)
{
    enum { PIECE = 65536 };
    for (;;) {
        ssize_t n = recv(client, buf_reserve(to, PIECE), PIECE, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            return true;
        if (n <= 0) {
            if (out_error)
                *out_error = n < 0 ? -errno : 0;
            return false;
        }
        to->len += (size_t)n;
    }
}

bool rig_receive_all(struct rig *rig, int client, struct buf *to)
{
    for (;;) {
        size_t before = to->len;
        rig_settle(rig);
        if (!rig_receive(client, to, NULL))
            return true;
        if (to->len == before)
            return false;
    }
}
