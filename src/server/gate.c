/* SPDX-License-Identifier: MIT */
/* Fair accept. All workers wait on the same listening sockets with EPOLLEXCLUSIVE; a worker that should
 * not get the next connection takes itself out of that race. It does so when all its threads are busy or
 * spoken for, when it holds its most connections, or when another worker has a free thread and far fewer
 * connections. What the others have is read from the scoreboard, so then the gate is looked at again after
 * RECHECK_MS. A new connection speaks for a thread for CLAIM_MS, as its request is likely on its way.
 *
 * The kernel wakes one worker for a connection. When that one turns out to be unable to take it, because the
 * same turn brought it other work, it nudges the others, or the client would wait until somebody else knocks.
 */
#include "server/gate.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "server/conn.h"

enum {
    CLAIM_MS = 5,
    RECHECK_MS = 5,
    ACCEPTS_A_TURN = 16,
    SHARE_SLACK = 16,
    PAUSE_MS = 100,
    COMPLAIN_MS = 10000,
    BACKLOG_MOST = 2048
};

struct listener_watch {
    struct watch watch;
    struct server *server;
};

/* Counts what waits before what is idle: a thread that takes a job in between then counts twice, never not
 * at all. */
static int free_threads(const struct server *server)
{
    int queued = server->handler->queued(server->handler_owner);
    int idle = server->handler->idle(server->handler_owner);
    return idle - queued - (int)server->gate.n_claims;
}

/* Another worker that accepts, has a free thread and at most `connections` connections. */
static bool has_better_peer(const struct server *server, unsigned connections)
{
    int n_peers = atomic_load_explicit(server->n_peers, memory_order_relaxed);
    for (int i = 0; i < n_peers; i++) {
        const struct worker_stats *peer = server->peers[i];
        if (peer != server->stats && atomic_load_explicit(&peer->is_accepting, memory_order_relaxed) &&
            atomic_load_explicit(&peer->free_threads, memory_order_relaxed) > 0 &&
            atomic_load_explicit(&peer->connections, memory_order_relaxed) <= connections)
            return true;
    }
    return false;
}

/* Whether this worker could take a connection at all. What changes that is an event of its own loop. */
static bool is_able(const struct server *server)
{
    return !server->is_draining && server->n_conns < server->config->connections_most &&
           free_threads(server) > 0;
}
/* Whether it should leave the next connection to a worker that has far fewer. */
static bool should_yield(const struct server *server)
{
    return server->n_conns >= SHARE_SLACK && has_better_peer(server, (server->n_conns - SHARE_SLACK) / 2);
}

static void publish(struct server *server)
{
    struct worker_stats *stats = server->stats;
    int idle = free_threads(server);
    atomic_store_explicit(&stats->free_threads, idle > 0 ? (uint32_t)idle : 0, memory_order_relaxed);
    atomic_store_explicit(&stats->connections, server->n_conns, memory_order_relaxed);
    atomic_store_explicit(&stats->is_accepting, server->gate.is_open, memory_order_relaxed);
}

static void watch_shared(struct server *server, struct watch *watch, int fd, const char *name)
{
    watch->fd = fd;
    int error = loop_watch(server->loop, watch, EPOLLIN | EPOLLEXCLUSIVE);
    if (error)
        log_write(server->log, LOG_ERROR, "cannot watch %s: %s", name, strerror(-error));
}

static void open_gate(struct server *server)
{
    for (unsigned i = 0; i < server->n_listeners; i++)
        watch_shared(server, &server->gate.watches[i].watch, server->listeners[i].fd,
                     server->listeners[i].url);
    if (server->nudge_fd >= 0)
        watch_shared(server, &server->gate.nudge, server->nudge_fd, "the other workers");
    server->gate.is_open = true;
}

static void close_gate(struct server *server)
{
    for (unsigned i = 0; i < server->n_listeners; i++)
        loop_unwatch(server->loop, &server->gate.watches[i].watch);
    loop_unwatch(server->loop, &server->gate.nudge);
    server->gate.is_open = false;
}

static void set_gate(struct server *server, bool open)
{
    if (open && !server->gate.is_open)
        open_gate(server);
    else if (!open && server->gate.is_open)
        close_gate(server);
}

void gate_update(struct server *server)
{
    bool able = is_able(server) && !server->gate.is_paused;
    bool yields = able && should_yield(server);
    set_gate(server, able && !yields);
    if (yields)
        timer_set(server->loop, &server->gate.recheck, RECHECK_MS);
    publish(server);
}

static void expire_claims(struct server *server)
{
    struct gate *gate = &server->gate;
    while (!list_is_empty(&gate->claims)) {
        struct conn *conn = CONTAINER_OF(gate->claims.next, struct conn, claim);
        if (conn->claimed_at + CLAIM_MS > server->loop->now)
            break;
        gate_unclaim(server, conn);
    }
    if (gate->n_claims)
        timer_set(server->loop, &gate->recheck, CLAIM_MS);
}

/* The gate itself is looked at again before the next wait. */
static void on_recheck(struct timer *timer)
{
    struct gate *gate = CONTAINER_OF(timer, struct gate, recheck);
    struct server *server = CONTAINER_OF(gate, struct server, gate);
    gate->is_paused = false;
    expire_claims(server);
}

void gate_claim(struct server *server, struct conn *conn)
{
    struct gate *gate = &server->gate;
    if (atomic_load_explicit(server->n_peers, memory_order_relaxed) < 2)
        return;
    conn->claimed_at = server->loop->now;
    list_append(&gate->claims, &conn->claim);
    if (!gate->n_claims++)
        timer_set(server->loop, &gate->recheck, CLAIM_MS);
}

void gate_unclaim(struct server *server, struct conn *conn)
{
    if (!link_is_listed(&conn->claim))
        return;
    link_remove(&conn->claim);
    server->gate.n_claims--;
}

/* No descriptors or no memory left: more would only spin, so the gate stays shut for a while. */
static void pause_accepting(struct server *server, int error)
{
    struct gate *gate = &server->gate;
    if (!gate->complained_at || server->loop->now - gate->complained_at >= COMPLAIN_MS) {
        log_write(server->log, LOG_ERROR, "cannot accept a connection: %s; pausing", strerror(error));
        gate->complained_at = server->loop->now;
    }
    set_gate(server, false);
    server->gate.is_paused = true;
    timer_set(server->loop, &server->gate.recheck, PAUSE_MS);
}

static bool is_transient(int error)
{
    return error == ECONNABORTED || error == EINTR || error == EPROTO || error == EPERM;
}

/* False when there is nothing more to accept now. */
static bool accept_one(struct server *server, const struct listener_watch *listener)
{
    struct sockaddr_storage sa = { 0 };
    socklen_t len = sizeof(sa);
    int fd = accept4(listener->watch.fd, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno != EAGAIN && !is_transient(errno))
            pause_accepting(server, errno);
        return is_transient(errno);
    }
    union peer_address peer = { .family = sa.ss_family };
    if (sa.ss_family == AF_INET || sa.ss_family == AF_INET6) {
        memcpy(&peer, &sa, sizeof(peer));
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
    }
    conn_open(server, fd, (unsigned)(listener - server->gate.watches), &peer);
    return true;
}

static void nudge_others(const struct server *server)
{
    uint64_t one = 1;
    ssize_t n = server->nudge_fd < 0 ? 0 : write(server->nudge_fd, &one, sizeof(one));
    (void)n; /* full: they have been nudged often enough */
}

/* The first is taken although another worker might do better by now, for the same reason. */
static void accept_some(struct server *server, struct listener_watch *listener)
{
    for (int i = 0; i < ACCEPTS_A_TURN && is_able(server) && !(i && should_yield(server)); i++)
        if (!accept_one(server, listener) || listener->watch.fd < 0)
            break;
}

static void on_listener_ready(struct watch *watch, uint32_t events)
{
    struct listener_watch *listener = CONTAINER_OF(watch, struct listener_watch, watch);
    if (is_able(listener->server))
        accept_some(listener->server, listener);
    else
        nudge_others(listener->server);
}

static void on_nudge(struct watch *watch, uint32_t events)
{
    struct gate *gate = CONTAINER_OF(watch, struct gate, nudge);
    struct server *server = CONTAINER_OF(gate, struct server, gate);
    uint64_t count;
    if (read(watch->fd, &count, sizeof(count)) != sizeof(count))
        return; /* another one was faster */
    if (!is_able(server))
        nudge_others(server);
    for (unsigned i = 0; i < server->n_listeners && watch->fd >= 0; i++)
        accept_some(server, &gate->watches[i]);
}

/* What the kernel has queued already is taken along, if there is a thread for it. */
static void take_backlog(struct server *server, struct listener_watch *listener)
{
    if (server->handler->idle(server->handler_owner) == 0)
        return;
    for (int i = 0; i < BACKLOG_MOST && accept_one(server, listener); i++)
        continue;
}

void gate_shut(struct server *server)
{
    set_gate(server, false);
    for (unsigned i = 0; i < server->n_listeners; i++) {
        struct listener_watch *listener = &server->gate.watches[i];
        listener->watch.fd = server->listeners[i].fd;
        take_backlog(server, listener);
        listener->watch.fd = -1;
        close(server->listeners[i].fd);
    }
    nudge_others(server); /* of what is left in the backlog, if others listen there */
    publish(server);
}

void gate_init(struct server *server)
{
    struct gate *gate = &server->gate;
    link_init(&gate->claims);
    timer_init(&gate->recheck, on_recheck);
    gate->nudge = (struct watch){ -1, on_nudge };
    gate->watches = memory_zero(server->n_listeners * sizeof(*gate->watches));
    for (unsigned i = 0; i < server->n_listeners; i++)
        gate->watches[i] = (struct listener_watch){ { -1, on_listener_ready }, server };
}

void gate_done(struct server *server)
{
    if (server->gate.is_open)
        close_gate(server);
    timer_done(server->loop, &server->gate.recheck);
    free(server->gate.watches);
    server->gate.watches = NULL;
}
