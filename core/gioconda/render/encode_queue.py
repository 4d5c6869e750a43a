"""Between rendering and writing: threads that encode and write while the next rows are rendered. Knows no pixels."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Self

from ..machine import cores

Piece = Callable[[], Any]
Task = Callable[..., object]


class EncodeQueue:
    """Runs tasks one after another in a thread of its own, in the order they were put; their pieces beforehand.

    A task's pieces run side by side on worker threads, in any order; the task then gets what they returned. So costly
    work that needs no order (compressing) uses every core, and what needs it (writing) keeps it.

    A context: leaving it waits until everything is done; leaving it by an exception drops what has not begun. The first
    task or piece that fails ends the queue; its exception is raised by the next `put`, or on leaving.
    """

    def __init__(self, depth: int = 4, *, workers: int | None = None) -> None:
        """`depth`: how many tasks may be unfinished; it bounds the memory, because tasks and pieces hold pixels.
        `workers`: threads for pieces; by default as many as there are cores."""
        self._tasks: queue.SimpleQueue[tuple[Task, list[Future[Any]]] | None] = queue.SimpleQueue()
        self._room = threading.Semaphore(depth)
        self._error: BaseException | None = None
        self._dropping = False
        self._workers = ThreadPoolExecutor(workers or cores(), thread_name_prefix="gioconda-encoder")
        self._thread = threading.Thread(target=self._work, name="gioconda-writer", daemon=True)

    def put(self, task: Task, *pieces: Piece) -> None:
        """Hand over `task(*what the pieces return)`; waits for room. Raises what an earlier task or piece raised."""
        self._room.acquire()
        if self._error is not None:
            self._room.release()
            raise self._error
        self._tasks.put((task, [self._workers.submit(piece) for piece in pieces]))

    def _work(self) -> None:
        while (item := self._tasks.get()) is not None:
            task, pieces = item
            try:
                if self._error is None and not self._dropping:
                    task(*[piece.result() for piece in pieces])
            except BaseException as error:  # carried to the thread that renders, which raises it
                self._error = error
            for piece in pieces:
                piece.cancel()
            del item, task, pieces  # their pixels, before there is room for others
            self._room.release()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._dropping = kind is not None
        self._tasks.put(None)
        self._thread.join()
        self._workers.shutdown(cancel_futures=True)
        if kind is None and self._error is not None:
            raise self._error
