/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "server/body.h"

static struct body body;

static int set_up(void **state)
{
    body_init(&body);
    return 0;
}

static int tear_down(void **state)
{
    body_done(&body);
    return 0;
}

/* A byte that tells its place. */
static char byte_at(uint64_t offset)
{
    return (char)(offset * 7 + offset / 251);
}

/* Appends `len` bytes that go on where the body ends. */
static int append(size_t len, uint64_t expected, const struct body_limits *limits)
{
    AUTO_FREE char *data = malloc(len + 1);
    for (size_t i = 0; i < len; i++)
        data[i] = byte_at(body.len + i);
    return body_append(&body, str_make(data, len), expected, limits);
}

/* Reads all of it in pieces of `step`. */
static void assert_content(size_t step)
{
    AUTO_FREE char *piece = malloc(step);
    uint64_t at = 0;
    ssize_t n;
    while ((n = body_read(&body, at, piece, step)) > 0) {
        for (ssize_t i = 0; i < n; i++)
            assert_int_equal(piece[i], byte_at(at + (uint64_t)i));
        at += (uint64_t)n;
    }
    assert_int_equal(n, 0);
    assert_int_equal(at, body.len);
}

static void begins_empty(void **state)
{
    char to[4];
    bool is_file = true;
    assert_int_equal(body_read(&body, 0, to, sizeof(to)), 0);
    assert_int_equal(body_memory(&body, &is_file).len, 0);
    assert_false(is_file);
    struct body_limits limits = { .in_memory = 100 };
    assert_int_equal(body_append(&body, STR_NONE, 0, &limits), 0);
    assert_int_equal(body.len, 0);
}

static void stays_in_memory_up_to_its_limit(void **state)
{
    struct body_limits limits = { .in_memory = 10000 };
    bool is_file;
    for (int i = 0; i < 10; i++)
        assert_int_equal(append(1000, 0, &limits), 0);
    assert_int_equal(body_memory(&body, &is_file).len, 10000);
    assert_false(is_file);
    assert_true(body.cap <= 10000);
    assert_content(1);
    assert_content(333);
}

static void moves_to_a_file_beyond(void **state)
{
    struct body_limits limits = { .in_memory = 10000 };
    bool is_file = false;
    assert_int_equal(append(10000, 0, &limits), 0);
    assert_int_equal(append(1, 0, &limits), 0);
    assert_null(body_memory(&body, &is_file).p);
    assert_true(is_file);
    assert_null(body.memory);
    for (int i = 0; i < 20; i++)
        assert_int_equal(append(5000, 0, &limits), 0);
    assert_int_equal(body.len, 110001);
    assert_content(4096);
    struct stat st;
    assert_int_equal(fstat(body.fd, &st), 0);
    assert_int_equal(st.st_nlink, 0);
    assert_int_equal(st.st_size, 110001);
}

static void goes_to_a_file_at_once_when_much_is_announced(void **state)
{
    struct body_limits limits = { .in_memory = 10000 };
    assert_int_equal(append(10, 10001, &limits), 0);
    assert_true(body.fd >= 0);
    assert_null(body.memory);
    assert_content(7);
}

/* What a client announces must not make us allocate more than the limit. */
static void takes_no_more_memory_than_it_needs(void **state)
{
    struct body_limits limits = { .in_memory = 100000 };
    assert_int_equal(append(1, 50000, &limits), 0);
    assert_int_equal(body.cap, 50000);
    assert_int_equal(append(49999, 50000, &limits), 0);
    assert_int_equal(body.cap, 50000);
    body_done(&body);
    limits.in_memory = 5000;
    assert_int_equal(append(4500, 0, &limits), 0);
    assert_int_equal(append(500, 0, &limits), 0);
    assert_true(body.cap <= 5000);
    assert_content(100);
}

static void refuses_what_is_too_large(void **state)
{
    struct body_limits limits = { .most = 100, .in_memory = 10 };
    assert_int_equal(append(60, 0, &limits), 0);
    assert_int_equal(append(41, 0, &limits), -EMSGSIZE);
    assert_int_equal(body.len, 60);
    assert_int_equal(append(40, 0, &limits), 0);
    assert_content(64);
    limits.most = 0;
    assert_int_equal(append(1000, 0, &limits), 0);
}

static void refuses_lengths_that_overflow(void **state)
{
    struct body_limits limits = { .in_memory = 10 };
    body.len = UINT64_MAX;
    assert_int_equal(body_append(&body, STR("x"), 0, &limits), -EMSGSIZE);
    body.len = 0;
}

static void says_when_there_is_no_room_for_the_file(void **state)
{
    struct body_limits limits = { .in_memory = 10, .dir = "/nonexistent/directory" };
    assert_int_equal(append(10, 0, &limits), 0);
    assert_int_equal(append(10, 0, &limits), -ENOENT);
    assert_int_equal(body.len, 10);
}

static void reads_at_any_offset(void **state)
{
    for (int in_file = 0; in_file < 2; in_file++) {
        struct body_limits limits = { .in_memory = in_file ? 0 : 10000 };
        char to[64];
        body_done(&body);
        assert_int_equal(append(1000, 0, &limits), 0);
        assert_int_equal(body.fd >= 0, in_file);
        assert_int_equal(body_read(&body, 990, to, sizeof(to)), 10);
        assert_int_equal(to[9], byte_at(999));
        assert_int_equal(body_read(&body, 1000, to, sizeof(to)), 0);
        assert_int_equal(body_read(&body, UINT64_MAX, to, sizeof(to)), 0);
        assert_int_equal(body_read(&body, 5, to, 0), 0);
    }
}

static void borrows_the_connections_bytes(void **state)
{
    static const char bytes[] = "hello";
    bool is_file = true;
    char to[8];
    body.inplace = str_make(bytes, 5);
    body.len = 5;
    assert_ptr_equal(body_memory(&body, &is_file).p, bytes);
    assert_false(is_file);
    assert_int_equal(body_read(&body, 1, to, sizeof(to)), 4);
    assert_memory_equal(to, "ello", 4);
}

static void leaves_no_descriptor_behind(void **state)
{
    struct body_limits limits = { .in_memory = 0 };
    assert_int_equal(append(100, 0, &limits), 0);
    int fd = body.fd;
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    body_done(&body);
    assert_int_equal(fstat(fd, &st), -1);
    assert_int_equal(body.fd, -1);
    body_done(&body);
}

#define WITH_BODY(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BODY(begins_empty),
        WITH_BODY(stays_in_memory_up_to_its_limit),
        WITH_BODY(moves_to_a_file_beyond),
        WITH_BODY(goes_to_a_file_at_once_when_much_is_announced),
        WITH_BODY(takes_no_more_memory_than_it_needs),
        WITH_BODY(refuses_what_is_too_large),
        WITH_BODY(refuses_lengths_that_overflow),
        WITH_BODY(says_when_there_is_no_room_for_the_file),
        WITH_BODY(reads_at_any_offset),
        WITH_BODY(borrows_the_connections_bytes),
        WITH_BODY(leaves_no_descriptor_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
