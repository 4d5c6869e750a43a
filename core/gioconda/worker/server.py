"""A worker that stays: takes requests, has them answered one after another, newest preview first. No pictures in here.

    server = Server(say)
    server.listen(lines)                        # on a thread of its own
    server.work({Warm: answer_warm, Preview: answer_preview, …})   # until the end

A request's mistake is an answer, never the end.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from os import read
from typing import Any

from ..errors import CancelledError, ExitCode, SettingsError
from .messages import Error, Message, Report, Result
from .requests import Cancel, Preview, Quit, Request, from_line, id_of

Say = Callable[[Message, int | None], None]
Answer = Callable[[Any, Report], Mapping[str, Any]]  # a request, whom to tell how it goes → the result's data
GRACE = 2.0  # seconds from the end's beginning to its end, at most
UNWANTED = Error(int(ExitCode.CANCELLED), "Nobody waits for this any more.")


@dataclass
class Task:
    """A request that waits or is being worked on."""

    request: Request
    unwanted: threading.Event = field(default_factory=threading.Event)

    def is_replaced_by(self, other: Request) -> bool:
        ours = self.request
        return isinstance(ours, Preview) and isinstance(other, Preview) and ours.subject == other.subject


class Server:
    """Requests in, answers out. `listen` and `finish` may be called from any thread, `work` from one."""

    def __init__(self, say: Say, *, explain: Callable[[Exception], Error], at_end: Callable[[], None] | None = None):
        """`say`: where messages go; `explain`: an exception's sentence; `at_end`: called once when the end begins."""
        self._say, self._explain, self._at_end = say, explain, at_end
        self._saying = threading.Lock()
        self._changed = threading.Condition(threading.RLock())
        self._waiting: list[Task] = []
        self._current: Task | None = None
        self._over = False

    def listen(self, lines: Iterable[str]) -> None:
        """Take requests, one a line, until there are no more; then the end begins."""
        thread = threading.Thread(target=self._listen, args=(lines,), name="gioconda-requests", daemon=True)
        thread.start()

    def _listen(self, lines: Iterable[str]) -> None:
        for line in lines:
            try:
                self.take(from_line(line))
            except SettingsError as error:
                self._tell(Error(int(error.exit_code), str(error)), id_of(line))
        self.finish()

    def take(self, request: Request) -> None:
        """One request. A newer preview of a subject takes the older ones' place."""
        if isinstance(request, Quit):
            self.finish()
            return
        with self._changed:
            if isinstance(request, Cancel):
                dropped = self._dropped(lambda task: task.request.id == request.which)
            else:
                dropped = self._dropped(lambda task: task.is_replaced_by(request))
                self._waiting.append(Task(request))
                self._changed.notify()
        for task in dropped:
            self._tell(UNWANTED, task.request.id)

    def finish(self) -> None:
        """Begin to end: nothing more is taken, what runs stops at its next step. Safe in a signal handler."""
        with self._changed:
            begins, self._over = not self._over, True
            if self._current:
                self._current.unwanted.set()
            self._changed.notify()
        if begins and self._at_end:
            self._at_end()

    def _dropped(self, which: Callable[[Task], bool]) -> list[Task]:
        """Take out those that wait, stop the one that runs. Returns those taken out, to be told."""
        dropped = [task for task in self._waiting if which(task)]
        self._waiting = [task for task in self._waiting if not which(task)]
        if self._current and which(self._current):
            self._current.unwanted.set()
        return dropped

    def work(self, answers: Mapping[type, Answer]) -> None:
        """Answer requests until the end."""
        while (task := self._next()) is not None:
            self._tell(self._answered(task, answers), task.request.id)

    def report(self, message: Message) -> None:
        """A message about whatever is being worked on. Raises: CancelledError when nobody wants that any more."""
        task = self._current
        self._tell(message, task.request.id if task else None)
        if self._over or (task and task.unwanted.is_set()):
            raise CancelledError(UNWANTED.text)

    def check(self) -> None:
        """Raises: CancelledError when nobody wants what is being worked on. Costs nothing."""
        if self._over or (self._current and self._current.unwanted.is_set()):
            raise CancelledError(UNWANTED.text)

    def _next(self) -> Task | None:
        with self._changed:
            self._current = None
            while not self._waiting and not self._over:
                self._changed.wait()
            self._current = self._waiting.pop(0) if self._waiting and not self._over else None
            return self._current

    def _answered(self, task: Task, answers: Mapping[type, Answer]) -> Message:
        request = task.request
        try:
            return Result(request.request, answers[type(request)](request, self.report))
        except CancelledError:
            return UNWANTED
        except Exception as error:  # an edge: whatever it is, the next request shall be answered
            return UNWANTED if task.unwanted.is_set() else self._explain(error)

    def _tell(self, message: Message, request: int | None) -> None:
        try:
            with self._saying:
                self._say(message, request)
        except (BrokenPipeError, ValueError):  # whoever listened has gone
            if not self._over:
                self.finish()


def lines_of(descriptor: int) -> Iterator[str]:
    """Lines of a pipe as they come. Not `sys.stdin`: a thread that waits in it would hold its lock when Python ends."""
    rest = b""
    while chunk := read(descriptor, 1 << 16):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line.decode("utf-8", "replace") for line in whole if line.strip())
