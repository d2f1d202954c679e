/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>

#include "io/stream.h"

static int fds[2], file;

static int set_up(void **state)
{
    file = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    bool ok = file >= 0 && write(file, "0123456789", 10) == 10 &&
              socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0;
    signal(SIGPIPE, SIG_DFL);
    return ok ? 0 : -1;
}

static int tear_down(void **state)
{
    close(file);
    close(fds[0]);
    if (fds[1] >= 0)
        close(fds[1]);
    return 0;
}

static void assert_received(const char *want)
{
    char got[64] = "";
    assert_int_equal(stream_recv(fds[1], got, sizeof(got)), strlen(want));
    assert_string_equal(got, want);
}

static void sends_pieces_in_order(void **state)
{
    struct iovec iov[] = { { (char *)"ab", 2 }, { (char *)"", 0 }, { (char *)"cd", 2 } };
    assert_int_equal(stream_sendv(fds[0], iov, 3, false), 4);
    assert_received("abcd");
}

static void sends_a_range_of_a_file(void **state)
{
    assert_int_equal(stream_sendfile(fds[0], file, 3, 4), 4);
    assert_received("3456");
    assert_int_equal(stream_sendfile(fds[0], file, 8, 100), 2);
    assert_int_equal(stream_sendfile(fds[0], file, 10, 1), 0);
    assert_int_equal(lseek(file, 0, SEEK_CUR), 10); /* as it was */
}

static void tells_that_nothing_is_there_yet(void **state)
{
    char got[8];
    assert_int_equal(stream_recv(fds[1], got, sizeof(got)), -EAGAIN);
    close(fds[0]);
    assert_int_equal(stream_recv(fds[1], got, sizeof(got)), 0);
    fds[0] = -1;
}

static void tells_that_the_peer_does_not_drain(void **state)
{
    char block[4096] = { 0 };
    struct iovec iov = { block, sizeof(block) };
    ssize_t n;
    while ((n = stream_sendv(fds[0], &iov, 1, false)) > 0)
        continue;
    assert_int_equal(n, -EAGAIN);
    assert_int_equal(stream_sendfile(fds[0], file, 0, 10), -EAGAIN);
}

/* Whatever the application has made of the signal; and it is not left behind for later. */
static void raises_no_signal_when_the_peer_has_gone(void **state)
{
    struct iovec iov = { (char *)"ab", 2 };
    sigset_t mask, pending;
    close(fds[1]);
    fds[1] = -1;
    assert_int_equal(stream_sendv(fds[0], &iov, 1, false), -EPIPE);
    assert_int_equal(stream_sendfile(fds[0], file, 0, 10), -EPIPE);
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    sigpending(&pending);
    assert_false(sigismember(&mask, SIGPIPE));
    assert_false(sigismember(&pending, SIGPIPE));
}

#define WITH_PAIR(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PAIR(sends_pieces_in_order),
        WITH_PAIR(sends_a_range_of_a_file),
        WITH_PAIR(tells_that_nothing_is_there_yet),
        WITH_PAIR(tells_that_the_peer_does_not_drain),
        WITH_PAIR(raises_no_signal_when_the_peer_has_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
