"""Work over the rows of a picture, spread over threads."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from ..machine import cores

VARIABLE = "GIOCONDA_THREADS"
_SHARES = 4  # bands per thread: one that is done early takes another
_lock = threading.Lock()
_threads = 0
_pool: ThreadPoolExecutor | None = None


def set_threads(count: int | None) -> None:
    """How many threads kernels use from now on; None: $GIOCONDA_THREADS, or as many as there are cores."""
    global _threads, _pool
    with _lock:
        named = os.environ.get(VARIABLE, "")
        _threads = max(1, count or (int(named) if named.isdecimal() else 0) or cores())
        _pool = ThreadPoolExecutor(_threads - 1, "kernels") if _threads > 1 else None


def in_bands(call: Callable[[int, int], object], first: int, last: int, *, least: int = 8) -> None:
    """call(begin, end) for bands that together are the rows first … last - 1, in any order, on several threads.

    least: rows below which a band is not worth a thread.
    """
    if _threads == 0:
        set_threads(None)
    pool, rows = _pool, last - first
    if pool is None or rows < 2 * least:
        if rows > 0:
            call(first, last)
        return
    step = max(least, -(-rows // (_SHARES * _threads)))
    begins = iter(range(first, last, step))

    def work() -> None:
        for begin in begins:
            call(begin, min(begin + step, last))

    helpers = [pool.submit(work) for _ in range(min(_threads, -(-rows // step)) - 1)]
    work()
    for helper in helpers:
        # one that has not begun has nothing left to do, and within another call's band it would be waited for in vain
        if not helper.cancel():
            helper.result()
