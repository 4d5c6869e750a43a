"""A batch's worker processes: started, heard, stopped, all together. Knows nothing of what they do.

with Pool(command, environment, logs) as pool:
    pool.start().ask({"request": "render", …})
    for worker, request, message in pool.events(timeout=0.5): …
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ..worker.messages import Message
from ..worker.process import Process

GRACE = 10.0  # seconds a worker gets to stop by itself: to finish the frame it is at


class Worker(Process):
    """One process of the pool."""

    def __init__(
        self, number: int, command: Sequence[str], environment: Mapping[str, str], log: Path, news: threading.Event
    ) -> None:
        self.number = number  # of all that were ever started, from 1
        self.item: int | None = None  # what it works on
        self.heard = time.monotonic()  # when it last said something
        super().__init__(command, environment, log=log, news=news)


Event = tuple[Worker, int | None, Message | None]  # who, the id of the request it answers, what; None: it has ended


class Pool:
    """The processes. A context: on leaving none of them is left."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], logs: Path) -> None:
        """`environment`: the whole of it; `logs`: a folder for what the workers write to their standard error."""
        self.command, self.environment, self.logs = command, environment, logs
        self.workers: list[Worker] = []
        self.started = 0
        self._news = threading.Event()

    def start(self, extra: Mapping[str, str] | None = None) -> Worker:
        """One more worker; `extra`: variables of its environment."""
        self.started += 1
        environment, log = {**self.environment, **(extra or {})}, self.logs / f"worker-{self.started:02d}.log"
        worker = Worker(self.started, self.command, environment, log, self._news)
        self.workers.append(worker)
        return worker

    def events(self, timeout: float) -> Iterator[Event]:
        """What has happened; waits up to `timeout` seconds for the first of it."""
        self._news.wait(timeout)
        self._news.clear()
        for worker in list(self.workers):
            for request, message in worker.poll():
                worker.heard = time.monotonic()
                yield worker, request, message
            if worker.ended:
                self.workers.remove(worker)
                yield worker, None, None

    def stop(self) -> None:
        """Ask all to stop, wait a little, then kill them."""
        for worker in self.workers:
            worker.stop(GRACE)
        for worker in self.workers:
            worker.wait(GRACE + 5)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
