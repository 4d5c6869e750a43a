"""Between rendering and writing: one thread that writes while the next rows are rendered. Knows no files, no pixels."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

Task = Callable[[], None]


class Spool:
    """Runs tasks one after another in a thread of its own, in the order they were put.

    A context: leaving it waits until everything is done; leaving it by an exception drops what has not begun. The first
    task that fails ends the spool; its exception is raised by the next `put`, or on leaving.
    """

    def __init__(self, depth: int = 2) -> None:
        """`depth`: how many tasks may wait; it bounds the memory, because tasks hold pixels."""
        self._tasks: queue.Queue[Task | None] = queue.Queue(depth)
        self._error: BaseException | None = None
        self._dropping = False
        self._thread = threading.Thread(target=self._work, name="gioconda-writer", daemon=True)

    def put(self, task: Task) -> None:
        """Hand over a task; waits while the queue is full. Raises what an earlier task raised."""
        self._raise()
        self._tasks.put(task)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            if self._error is None and not self._dropping:
                try:
                    task()
                except BaseException as error:  # carried to the thread that renders, which raises it
                    self._error = error

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._dropping = kind is not None
        self._tasks.put(None)
        self._thread.join()
        if kind is None:
            self._raise()
