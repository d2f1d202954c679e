/* SPDX-License-Identifier: MIT */
/* Who accepts, and when: nothing that knocks may be forgotten, whatever the gate waits for. */
#include "unit.h"

#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "conn_rig.h"

enum { MOST = 8, KNOCKS = 30 };

static struct rig rig;
static struct rlimit files;
static int clients[KNOCKS];

static void answer_ok(struct rig *unused, struct exchange *exchange)
{
    rig_answer(exchange, STR("ok"));
}

static int set_up(void **state)
{
    rig_init(&rig);
    rig_listen(&rig);
    rig.config.connections_most = MOST;
    rig.answer = answer_ok;
    for (int i = 0; i < KNOCKS; i++)
        clients[i] = -1;
    getrlimit(RLIMIT_NOFILE, &files);
    return 0;
}

static int tear_down(void **state)
{
    setrlimit(RLIMIT_NOFILE, &files);
    for (int i = 0; i < KNOCKS; i++)
        if (clients[i] >= 0)
            close(clients[i]);
    rig_done(&rig);
    return 0;
}

static void leave(int i)
{
    close(clients[i]);
    clients[i] = -1;
}

static void knock_and_ask(int i)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    clients[i] = rig_knock(&rig);
    assert_int_equal(send(clients[i], request, sizeof(request) - 1, 0), sizeof(request) - 1);
}

static bool is_answered(int i)
{
    char text[512];
    return recv(clients[i], text, sizeof(text), MSG_DONTWAIT | MSG_PEEK) > 0;
}

/* Turns for so long, though nothing may come of it. */
static void turn_for(msec ms)
{
    for (msec end = clock_mono_ms() + ms; clock_mono_ms() < end;)
        loop_turn(&rig.loop, 1);
}

/* A peer that holds nothing and has all threads free. */
static void show_better_peer(unsigned connections)
{
    rig.n_stats = 2;
    rig.peer.is_accepting = true;
    rig.peer.free_threads = 1;
    rig.peer.connections = connections;
}

static void accepts_and_answers(void **state)
{
    rig_start(&rig);
    rig_turn(&rig);
    knock_and_ask(0);
    rig_settle(&rig);
    assert_true(is_answered(0));
}

/* All of them are served in the end, never more than that at a time. */
static void holds_its_most_connections_at_a_time(void **state)
{
    rig_start(&rig);
    for (int i = 0; i < KNOCKS; i++)
        knock_and_ask(i);
    for (int i = 0; i < KNOCKS; i++) {
        rig_settle(&rig);
        assert_true(rig.server.n_conns <= MOST);
        assert_true(is_answered(i));
        leave(i);
    }
    rig_settle(&rig);
    assert_int_equal(rig.server.n_conns, 0);
}

static void leaves_connections_to_a_better_peer(void **state)
{
    rig.config.connections_most = 1000;
    rig_start(&rig);
    for (int i = 0; i < 20; i++)
        knock_and_ask(i);
    rig_settle(&rig);
    show_better_peer(1);
    rig_turn(&rig);
    knock_and_ask(20);
    turn_for(20);
    assert_false(is_answered(20));
    rig.peer.free_threads = 0;
    turn_for(20);
    assert_true(is_answered(20));
}

/* The kernel wakes one worker for a connection: if that one declines, nobody else hears of it. */
static void accepts_what_it_was_woken_for(void **state)
{
    rig.config.connections_most = 1000;
    rig_start(&rig);
    for (int i = 0; i < 20; i++)
        knock_and_ask(i);
    rig_settle(&rig);
    rig.server.loop->before_wait(rig.server.loop->owner); /* the gate is open, the wait begins … */
    assert_true(rig.server.gate.is_open);
    void (*before_wait)(void *owner) = rig.loop.before_wait;
    rig.loop.before_wait = NULL;
    show_better_peer(0); /* … and meanwhile the peer loses all of its connections */
    knock_and_ask(20);
    loop_turn(&rig.loop, 0);
    rig.loop.before_wait = before_wait;
    assert_int_equal(rig.server.n_conns, 21);
}

static uint64_t nudges(void)
{
    uint64_t count = 0;
    return read(rig.nudge_fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

/* The wait of a turn, without the look at the gate before it. */
static void wait_with_gate_open(void)
{
    rig.loop.before_wait(rig.loop.owner);
    assert_true(rig.server.gate.is_open);
    rig.loop.before_wait = NULL;
}

/* The turn that brought the connection brought other work too. */
static void nudges_others_when_it_cannot_take_what_it_was_woken_for(void **state)
{
    rig.nudge_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    rig_start(&rig);
    rig_settle(&rig);
    wait_with_gate_open();
    rig.n_idle = 0;
    knock_and_ask(0);
    loop_turn(&rig.loop, 0);
    assert_int_equal(rig.server.n_conns, 0);
    assert_int_equal(nudges(), 1);
    close(rig.nudge_fd);
}

/* The kernel woke another worker. */
static void takes_what_it_is_nudged_for(void **state)
{
    rig.nudge_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    rig_start(&rig);
    rig_settle(&rig);
    wait_with_gate_open();
    assert_int_equal(epoll_ctl(rig.loop.epoll_fd, EPOLL_CTL_DEL, rig.listener.fd, NULL), 0);
    knock_and_ask(0);
    loop_turn(&rig.loop, 0);
    assert_int_equal(rig.server.n_conns, 0);
    uint64_t one = 1;
    assert_int_equal(write(rig.nudge_fd, &one, sizeof(one)), sizeof(one));
    loop_turn(&rig.loop, 0);
    assert_int_equal(rig.server.n_conns, 1);
    assert_int_equal(nudges(), 0);
    close(rig.nudge_fd);
}

/* So many more descriptors can be had: the limit is the number that comes after those. */
static void leave_room_for(int more)
{
    int fds[KNOCKS];
    for (int i = 0; i <= more; i++)
        fds[i] = dup(0);
    struct rlimit limit = { (rlim_t)fds[more], files.rlim_max };
    for (int i = 0; i <= more; i++)
        close(fds[i]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* Nobody who knocked is forgotten, and the loop sleeps meanwhile. */
static void waits_when_there_are_no_descriptors(void **state)
{
    rig.config.connections_most = 1000;
    rig_start(&rig);
    for (int i = 0; i < KNOCKS; i++)
        knock_and_ask(i);
    leave_room_for(5);
    rig_settle(&rig);
    assert_int_equal(rig.server.n_conns, 5);
    int turns = 0;
    for (msec end = clock_mono_ms() + 300; clock_mono_ms() < end; turns++)
        loop_turn(&rig.loop, 1000);
    assert_in_range(turns, 1, 20);
    assert_int_equal(rig.server.n_conns, 5);
    setrlimit(RLIMIT_NOFILE, &files);
    turn_for(300);
    for (int i = 0; i < KNOCKS; i++)
        assert_true(is_answered(i));
}

/* Also when connections of the same turn make it look at the gate again soon. */
static void pauses_although_threads_are_claimed(void **state)
{
    rig.config.connections_most = 1000;
    rig.n_idle = 100;
    rig.n_stats = 2;
    rig_start(&rig);
    for (int i = 0; i < KNOCKS; i++)
        clients[i] = rig_knock(&rig);
    leave_room_for(5);
    rig_settle(&rig);
    assert_int_equal(rig.server.n_conns, 5);
    assert_true(rig.server.gate.is_paused);
    int pauses = 0;
    for (msec end = clock_mono_ms() + 300; clock_mono_ms() < end;) {
        loop_turn(&rig.loop, 1000);
        pauses += !rig.server.gate.is_paused;
    }
    assert_in_range(pauses, 0, 8);
}

/* A connection that says nothing speaks for a thread, but not for long. */
static void serves_others_beside_silent_connections(void **state)
{
    rig.config.connections_most = 1000;
    rig.n_stats = 2;
    rig_start(&rig);
    for (int i = 0; i < KNOCKS - 1; i++)
        clients[i] = rig_knock(&rig);
    knock_and_ask(KNOCKS - 1);
    msec start = clock_mono_ms();
    while (!is_answered(KNOCKS - 1) && clock_mono_ms() < start + 10000)
        loop_turn(&rig.loop, 10);
    assert_true(is_answered(KNOCKS - 1));
    assert_int_equal(rig.server.n_conns, KNOCKS);
    turn_for(20);
    assert_int_equal(rig.server.gate.n_claims, 0);
}

static void takes_along_what_waits_when_it_drains(void **state)
{
    rig.config.connections_most = 1000;
    rig_start(&rig);
    for (int i = 0; i < KNOCKS; i++)
        knock_and_ask(i);
    server_drain(&rig.server);
    rig_settle(&rig);
    for (int i = 0; i < KNOCKS; i++)
        assert_true(is_answered(i));
    assert_true(rig.n_drained >= 1);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(accepts_and_answers),
        WITH_RIG(holds_its_most_connections_at_a_time),
        WITH_RIG(leaves_connections_to_a_better_peer),
        WITH_RIG(accepts_what_it_was_woken_for),
        WITH_RIG(nudges_others_when_it_cannot_take_what_it_was_woken_for),
        WITH_RIG(takes_what_it_is_nudged_for),
        WITH_RIG(waits_when_there_are_no_descriptors),
        WITH_RIG(pauses_although_threads_are_claimed),
        WITH_RIG(serves_others_beside_silent_connections),
        WITH_RIG(takes_along_what_waits_when_it_drains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
