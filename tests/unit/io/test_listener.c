/* SPDX-License-Identifier: MIT */
/* Real sockets, in a temporary directory or on ports that the kernel chooses. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "io/listener.h"

static const struct listener_options plain = {
    .backlog = 8,
    .umask = 0077,
    .uid = (uid_t)-1,
    .gid = (gid_t)-1,
};

static char dir[64];
static char path[80];

static int make_dir(void **state)
{
    strcpy(dir, "/tmp/galley-listener-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof(path), "%s/s", dir);
    return 0;
}

static int remove_dir(void **state)
{
    unlink(path);
    return rmdir(dir);
}

static struct address parse(const char *text)
{
    struct address address;
    const char *why = "";
    if (!address_parse(str_of(text), &address, &why))
        fail_msg("%s: %s", text, why);
    return address;
}

static struct address unix_address(void)
{
    char text[100];
    snprintf(text, sizeof(text), "unix:%s", path);
    return parse(text);
}

static bool can_connect(const struct address *address)
{
    AUTO_CLOSE int fd = socket(address->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return connect(fd, (const struct sockaddr *)&address->sa, address->len) == 0;
}

static bool exists(void)
{
    struct stat st;
    return stat(path, &st) == 0;
}

static int get_option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof(value);
    assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

static void opens_tcp_on_a_free_port(void **state)
{
    static const char *const texts[] = { "127.0.0.1:0", "[::1]:0" };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct address address = parse(texts[i]);
        struct listener listener;
        int err = listener_open(&listener, &address, &plain);
        if (i == 1 && (err == -EAFNOSUPPORT || err == -EADDRNOTAVAIL))
            continue; /* a machine without IPv6 */
        assert_int_equal(err, 0);
        assert_true(address_port(&listener.address.sa) > 0);
        char url[ADDRESS_TEXT_MAX];
        address_format_url(&listener.address, url);
        assert_string_equal(listener.url, url);
        assert_true(can_connect(&listener.address));
        assert_true(fcntl(listener.fd, F_GETFL) & O_NONBLOCK);
        assert_true(fcntl(listener.fd, F_GETFD) & FD_CLOEXEC);
        assert_int_equal(get_option(listener.fd, IPPROTO_TCP, TCP_NODELAY), 1);
        assert_int_equal(get_option(listener.fd, SOL_SOCKET, SO_REUSEPORT), 0);
        listener_close(&listener, true);
        assert_int_equal(listener.fd, -1);
        listener_close(&listener, true);
    }
}

static void reports_a_port_in_use(void **state)
{
    struct address address = parse("127.0.0.1:0");
    struct listener first, second = { .fd = -1 };
    assert_int_equal(listener_open(&first, &address, &plain), 0);
    assert_int_equal(listener_open(&second, &first.address, &plain), -EADDRINUSE);
    assert_int_equal(second.fd, -1);
    listener_close(&first, true);
}

static void shares_a_port_when_asked(void **state)
{
    struct listener_options options = plain;
    options.reuse_port = true;
    struct address address = parse("127.0.0.1:0");
    struct listener first, second;
    assert_int_equal(listener_open(&first, &address, &options), 0);
    first.address.inherited_fd = -1;
    assert_int_equal(listener_open(&second, &first.address, &options), 0);
    listener_close(&first, true);
    listener_close(&second, true);
}

static void reports_an_address_that_is_not_ours(void **state)
{
    struct address address = parse("192.0.2.1:0");
    struct listener listener;
    assert_int_equal(listener_open(&listener, &address, &plain), -EADDRNOTAVAIL);
}

static void makes_and_removes_the_socket_file(void **state)
{
    struct address address = unix_address();
    struct listener listener;
    assert_int_equal(listener_open(&listener, &address, &plain), 0);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_true(can_connect(&address));
    listener_close(&listener, false);
    assert_true(exists());
}

static void restores_the_umask(void **state)
{
    mode_t mine = umask(0022);
    struct address address = unix_address();
    struct listener listener;
    assert_int_equal(listener_open(&listener, &address, &plain), 0);
    assert_int_equal(umask(mine), 0022);
    listener_close(&listener, true);
    assert_false(exists());
}

static void replaces_a_stale_socket_file(void **state)
{
    struct address address = unix_address();
    struct listener listener;
    assert_int_equal(listener_open(&listener, &address, &plain), 0);
    listener_close(&listener, false);
    assert_true(exists());
    assert_false(can_connect(&address));
    assert_int_equal(listener_open(&listener, &address, &plain), 0);
    assert_true(can_connect(&address));
    listener_close(&listener, true);
    assert_false(exists());
}

static void leaves_a_live_socket_alone(void **state)
{
    struct address address = unix_address();
    struct listener first, second;
    assert_int_equal(listener_open(&first, &address, &plain), 0);
    assert_int_equal(listener_open(&second, &address, &plain), -EADDRINUSE);
    assert_true(can_connect(&address));
    listener_close(&first, true);
}

static void leaves_a_live_socket_alone_when_its_backlog_is_full(void **state)
{
    struct listener_options options = plain;
    options.backlog = 0;
    struct address address = unix_address();
    struct listener first, second;
    assert_int_equal(listener_open(&first, &address, &options), 0);
    int clients[4];
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        int n = connect(clients[i], (const struct sockaddr *)&address.sa, address.len);
        (void)n;
    }
    assert_int_equal(listener_open(&second, &address, &options), -EADDRINUSE);
    for (size_t i = 0; i < COUNT_OF(clients); i++)
        close(clients[i]);
    listener_close(&first, true);
}

static void refuses_a_file_that_is_no_socket(void **state)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    struct address address = unix_address();
    struct listener listener;
    assert_int_equal(listener_open(&listener, &address, &plain), -ENOTSOCK);
    assert_true(exists());
}

static void leaves_a_file_that_is_not_its_own_any_more(void **state)
{
    struct address address = unix_address();
    struct listener first, second;
    assert_int_equal(listener_open(&first, &address, &plain), 0);
    unlink(path);
    assert_int_equal(listener_open(&second, &address, &plain), 0);
    listener_close(&first, true);
    assert_true(exists());
    assert_true(can_connect(&address));
    listener_close(&second, true);
    assert_false(exists());
}

static void needs_no_file_for_an_abstract_name(void **state)
{
    char text[64];
    snprintf(text, sizeof(text), "unix:@galley-test-%d", (int)getpid());
    struct address address = parse(text);
    struct listener listener;
    assert_int_equal(listener_open(&listener, &address, &plain), 0);
    assert_string_equal(listener.url, text);
    assert_true(can_connect(&address));
    listener_close(&listener, true);
}

/* Root is not refused by permissions, so a child without privileges tries. */
static void reports_a_directory_without_permission(void **state)
{
    struct address address = unix_address();
    assert_int_equal(chmod(dir, 0500), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        if (geteuid() == 0 && setuid(65534) < 0)
            _exit(99);
        struct listener listener;
        _exit(-listener_open(&listener, &address, &plain));
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), EACCES);
    assert_int_equal(chmod(dir, 0700), 0);
}

static void gives_the_file_to_its_owner(void **state)
{
    if (geteuid() != 0)
        skip();
    struct listener_options options = plain;
    options.uid = 1234;
    options.gid = 4321;
    struct address address = unix_address();
    struct listener listener;
    assert_int_equal(listener_open(&listener, &address, &options), 0);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_uid, 1234);
    assert_int_equal(st.st_gid, 4321);
    listener_close(&listener, true);
}

static void takes_over_an_inherited_socket(void **state)
{
    struct address address = unix_address();
    struct listener made, inherited;
    assert_int_equal(listener_open(&made, &address, &plain), 0);
    char text[32];
    snprintf(text, sizeof(text), "fd://%d", made.fd);
    struct address by_fd = parse(text);
    assert_int_equal(listener_open(&inherited, &by_fd, &plain), 0);
    assert_true(inherited.is_inherited);
    assert_string_equal(inherited.url, made.url);
    listener_close(&inherited, true);
    assert_true(exists()); /* not its file */
}

static void listens_on_an_inherited_socket_that_is_only_bound(void **state)
{
    struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
    struct address address = { .inherited_fd = fd };
    struct listener listener;
    assert_int_equal(listener_open(&listener, &address, &plain), 0);
    assert_true(can_connect(&listener.address));
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    listener_close(&listener, true);
}

static void refuses_an_inherited_descriptor_of_another_kind(void **state)
{
    AUTO_CLOSE int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    AUTO_CLOSE int datagram = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const struct {
        int fd, err;
    } cases[] = { { file, -ENOTSOCK }, { datagram, -EPROTOTYPE }, { 1000000, -EBADF } };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct address address = { .inherited_fd = cases[i].fd };
        struct listener listener;
        assert_int_equal(listener_open(&listener, &address, &plain), cases[i].err);
    }
    assert_true(fcntl(file, F_GETFD) >= 0); /* still the caller's */
}

int main(void)
{
#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_tcp_on_a_free_port),
        cmocka_unit_test(reports_a_port_in_use),
        cmocka_unit_test(shares_a_port_when_asked),
        cmocka_unit_test(reports_an_address_that_is_not_ours),
        IN_DIR(makes_and_removes_the_socket_file),
        IN_DIR(restores_the_umask),
        IN_DIR(replaces_a_stale_socket_file),
        IN_DIR(leaves_a_live_socket_alone),
        IN_DIR(leaves_a_live_socket_alone_when_its_backlog_is_full),
        IN_DIR(refuses_a_file_that_is_no_socket),
        IN_DIR(leaves_a_file_that_is_not_its_own_any_more),
        IN_DIR(reports_a_directory_without_permission),
        IN_DIR(gives_the_file_to_its_owner),
        IN_DIR(takes_over_an_inherited_socket),
        cmocka_unit_test(needs_no_file_for_an_abstract_name),
        cmocka_unit_test(listens_on_an_inherited_socket_that_is_only_bound),
        cmocka_unit_test(refuses_an_inherited_descriptor_of_another_kind),
    };
#undef IN_DIR
    return cmocka_run_group_tests(tests, NULL, NULL);
}
