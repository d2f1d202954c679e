/* SPDX-License-Identifier: MIT */
/* Signal delivery as bytes in a pipe. The master runs inside a process whose interpreter has handlers
 * of its own: they are saved and put back. Handlers instead of a signalfd, because a thread that the
 * user's configuration started may not have the signals blocked, and would be killed by the default. */
#include "master/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>

static const int handled[] = {
    SIGHUP, SIGQUIT, SIGINT, SIGTERM, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2, SIGWINCH, SIGCHLD,
};

static struct {
    int write_fd;
    struct sigaction old[COUNT_OF(handled)];
    struct sigaction old_pipe;
    sigset_t old_mask;      /* before signals_init */
    sigset_t mask_at_block; /* before signals_block */
} saved = { .write_fd = -1 };

static const struct {
    int number;
    const char *name;
} names[] = {
#define NAME(signal)                                                                                         \
    {                                                                                                        \
        signal, #signal                                                                                      \
    }
    NAME(SIGHUP),  NAME(SIGINT),   NAME(SIGQUIT),   NAME(SIGILL),  NAME(SIGTRAP), NAME(SIGABRT),
    NAME(SIGBUS),  NAME(SIGFPE),   NAME(SIGKILL),   NAME(SIGUSR1), NAME(SIGSEGV), NAME(SIGUSR2),
    NAME(SIGPIPE), NAME(SIGALRM),  NAME(SIGTERM),   NAME(SIGCHLD), NAME(SIGCONT), NAME(SIGSTOP),
    NAME(SIGTSTP), NAME(SIGTTIN),  NAME(SIGTTOU),   NAME(SIGURG),  NAME(SIGXCPU), NAME(SIGXFSZ),
    NAME(SIGPROF), NAME(SIGWINCH), NAME(SIGVTALRM), NAME(SIGIO),   NAME(SIGPWR),  NAME(SIGSYS),
#undef NAME
};

static void on_signal(int number)
{
    int keep = errno;
    unsigned char byte = (unsigned char)number;
    ssize_t n = write(saved.write_fd, &byte, 1);
    (void)n; /* full: the loop is awake anyway */
    errno = keep;
}

static void handled_set(sigset_t *set)
{
    sigemptyset(set);
    for (size_t i = 0; i < COUNT_OF(handled); i++)
        sigaddset(set, handled[i]);
}

int signals_init(struct signals *signals)
{
    int ends[2];
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0)
        return -errno;
    signals->read_fd = ends[0];
    saved.write_fd = ends[1];
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART | SA_NOCLDSTOP };
    sigfillset(&action.sa_mask);
    for (size_t i = 0; i < COUNT_OF(handled); i++)
        sigaction(handled[i], &action, &saved.old[i]);
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    sigaction(SIGPIPE, &ignore, &saved.old_pipe);
    sigset_t set;
    handled_set(&set);
    pthread_sigmask(SIG_UNBLOCK, &set, &saved.old_mask);
    return 0;
}

static void close_pipe(struct signals *signals)
{
    close(signals->read_fd);
    close(saved.write_fd);
    signals->read_fd = saved.write_fd = -1;
}

void signals_done(struct signals *signals)
{
    for (size_t i = 0; i < COUNT_OF(handled); i++)
        sigaction(handled[i], &saved.old[i], NULL);
    sigaction(SIGPIPE, &saved.old_pipe, NULL);
    pthread_sigmask(SIG_SETMASK, &saved.old_mask, NULL);
    close_pipe(signals);
}

int signals_next(struct signals *signals)
{
    unsigned char byte;
    return read(signals->read_fd, &byte, 1) == 1 ? byte : 0;
}

void signals_wait(struct signals *signals, int other_fd, msec timeout_ms)
{
    struct pollfd fds[] = {
        { .fd = signals->read_fd, .events = POLLIN },
        { .fd = other_fd, .events = POLLIN }, /* poll skips negative ones */
    };
    int timeout = timeout_ms < 0 ? 0 : timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms;
    poll(fds, COUNT_OF(fds), timeout); /* interrupted or not: the caller looks */
}

void signals_block(void)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &saved.mask_at_block);
}

void signals_unblock_parent(void)
{
    pthread_sigmask(SIG_SETMASK, &saved.mask_at_block, NULL);
}

void signals_reset_child(struct signals *signals)
{
    struct sigaction by_default = { .sa_handler = SIG_DFL };
    for (size_t i = 0; i < COUNT_OF(handled); i++)
        sigaction(handled[i], &by_default, NULL);
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    sigaction(SIGUSR1, &ignore, NULL);
    close_pipe(signals);
    sigset_t none;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
}

const char *signal_name(int number)
{
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (names[i].number == number)
            return names[i].name;
    static char unnamed[24];
    snprintf(unnamed, sizeof(unnamed), "signal %d", number);
    return unnamed;
}
