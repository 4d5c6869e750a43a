"""Worker processes: started, asked, heard, stopped. Knows nothing of what they do, except the protocol's messages.

with Pool(command) as pool:
    worker = pool.start()
    worker.send(line)
    for event in pool.events(timeout=0.5): …
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from ..errors import GiocondaError
from ..worker.messages import Message, from_line

PATIENCE = 10.0  # seconds a worker gets to stop by itself


@dataclass
class Worker:
    """One process. `number` counts all that were ever started, from 1."""

    number: int
    process: subprocess.Popen[str]
    log: IO[str]
    item: int | None = None  # what it works on
    heard: float = field(default_factory=time.monotonic)  # when it last said something
    asked_to_stop: bool = False

    def send(self, line: str) -> bool:
        """Whether it could be sent; if not, the worker has died, and an event will say so."""
        try:
            _there(self.process.stdin).write(line)
            _there(self.process.stdin).flush()
        except (OSError, ValueError):
            return False
        return True

    def finish(self) -> None:
        """Nothing more comes: it ends after what it is doing."""
        with contextlib.suppress(OSError, ValueError):
            _there(self.process.stdin).close()

    def stop(self) -> None:
        """Ask it to leave off: frames that are finished stay."""
        self.asked_to_stop = True
        with contextlib.suppress(OSError):
            self.process.terminate()
        self.finish()

    def kill(self) -> None:
        with contextlib.suppress(OSError):
            self.process.kill()


def _there(pipe: IO[str] | None) -> IO[str]:
    """A pipe that was asked for."""
    if pipe is None:
        raise ValueError("the process was started without this pipe")
    return pipe


@dataclass(frozen=True)
class Event:
    """A worker said something, or (message None) has ended."""

    worker: Worker
    message: Message | None


class Pool:
    """The processes. A context: on leaving none of them is left."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], logs: Path) -> None:
        """`logs`: a folder for what the workers write to their standard error."""
        self.command, self.environment, self.logs = list(command), dict(environment), logs
        self.workers: list[Worker] = []
        self._events: queue.Queue[Event] = queue.Queue()
        self.started = 0

    def start(self, extra: Mapping[str, str] | None = None) -> Worker:
        """One more worker; `extra`: variables of its environment.

        Raises:
            OSError: the system gives no further process.
        """
        self.started += 1
        log = (self.logs / f"worker-{self.started:02d}.log").open("a", encoding="utf-8")
        process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, **self.environment, **(extra or {})},
            start_new_session=True,  # Ctrl-C is for us: we ask them
        )
        worker = Worker(self.started, process, log)
        self.workers.append(worker)
        threading.Thread(target=self._listen, args=(worker,), name=f"worker-{worker.number}", daemon=True).start()
        return worker

    def _listen(self, worker: Worker) -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in _there(worker.process.stdout):
                try:
                    message = from_line(line)
                except GiocondaError:
                    continue  # of another version: its result will be missed, not misunderstood
                if message is not None:
                    self._events.put(Event(worker, message))
        worker.process.wait()
        self._events.put(Event(worker, None))

    def events(self, timeout: float) -> Iterator[Event]:
        """What has happened; waits up to `timeout` seconds for the first of it."""
        wait: float | None = timeout
        while True:
            try:
                event = self._events.get(timeout=wait) if wait else self._events.get_nowait()
            except queue.Empty:
                return
            wait = None
            event.worker.heard = time.monotonic()
            if event.message is None:
                self.workers.remove(event.worker)
                event.worker.log.close()
            yield event

    def stop(self) -> None:
        """Ask all to stop, wait a little, then end them."""
        for worker in self.workers:
            worker.stop()
        end = time.monotonic() + PATIENCE
        for worker in self.workers:
            try:
                worker.process.wait(max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.process.wait()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        for worker in self.workers:
            worker.log.close()


def how_it_ended(code: int | None) -> str:
    """A process's end in words."""
    if code is None:
        return "is still there"
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"was killed ({signal.Signals(-code).name})"
    return f"ended with status {code}"
