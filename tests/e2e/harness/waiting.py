# SPDX-License-Identifier: MIT
"""Conditions that come true in a while, and things that happen at the same time."""

import time
from concurrent.futures import ThreadPoolExecutor

PATIENCE = 30  # seconds: only a broken server ever takes so long


def eventually(condition, what="the condition", timeout=PATIENCE):
    """Returns the first true value of `condition()`; fails when there is none in time."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {timeout} s")
        time.sleep(0.01)


def in_parallel(function, items):
    """The results of `function(item)` for all items, each in a thread of its own. Fails as the first does."""
    items = list(items)
    with ThreadPoolExecutor(max(1, len(items))) as pool:
        return list(pool.map(function, items))


class Background:
    """One call in a thread of its own: `result()` waits for it and returns, or raises, what it did."""

    def __init__(self, function, *args, **kwargs):
        self._pool = ThreadPoolExecutor(1)
        self._future = self._pool.submit(function, *args, **kwargs)
        self._pool.shutdown(wait=False)

    def result(self, timeout=PATIENCE):
        return self._future.result(timeout)

    def is_done(self):
        return self._future.done()
