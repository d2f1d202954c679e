/* SPDX-License-Identifier: MIT */
/* Running what changes a whole process in a child of the test. */
#pragma once

#include "unit.h"

#include <stdio.h>
#include <sys/wait.h>

/* Runs `body` in a forked child; returns its exit code, or 1000 plus the signal that ended it. */
static inline int run_in_child(int (*body)(void))
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(body());
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* In a child: what does not hold is named on standard error and ends the child with 99. */
#define CHILD_CHECK(condition)                                                                               \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);                        \
            _exit(99);                                                                                       \
        }                                                                                                    \
    } while (0)
