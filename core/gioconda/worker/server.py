"""The worker's side: takes requests, has them answered one after another, newest preview first. Knows no pictures.

    server = Server(say, explain=…)
    server.listen(lines_of(0))                  # or `accept(listener)`; each on a thread of its own
    server.work({Warm: answer_warm, Preview: answer_preview, …})   # until the end

A request's mistake is an answer, never the end.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, Listener
from os import read
from typing import Any

from ..errors import CancelledError, ExitCode, SettingsError
from .messages import Error, Message, Report, Result, to_line
from .requests import Cancel, Preview, Quit, Render, Request, from_line, id_of

Say = Callable[[Message, int | None], None]  # a message, the id of the request it is about
Answer = Callable[[Any, Report], Mapping[str, Any]]  # a request, where to report progress → the result's data
GRACE = 2.0  # seconds from the beginning of the end to the process's end, at most
RENDER_GRACE = 10.0  # the same while a job is rendered: the frame at hand is finished or taken away
UNWANTED = Error(int(ExitCode.CANCELLED), "Nobody waits for this any more.")


@dataclass
class Task:
    """A request that waits or is being worked on."""

    request: Request
    say: Say  # to the client that asked
    unwanted: threading.Event = field(default_factory=threading.Event)

    def is_replaced_by(self, other: Task) -> bool:
        ours, theirs = self.request, other.request
        return (
            isinstance(ours, Preview)
            and isinstance(theirs, Preview)
            and (ours.subject, self.say) == (theirs.subject, other.say)
        )


class Server:
    """Requests in, answers out. `work` is for one thread, all else for any."""

    def __init__(
        self,
        say: Say,
        *,
        explain: Callable[[Exception], Error],
        at_end: Callable[[float], object] | None = None,
        idle_seconds: float | None = None,
    ) -> None:
        """
        Args:
            say: where messages go that answer no client of `accept`.
            explain: the sentence for an exception.
            at_end: called once when the end begins, with the seconds it may take.
            idle_seconds: the end begins when nothing was asked for so long.
        """
        self._say, self._explain, self._at_end, self._idle_seconds = say, explain, at_end, idle_seconds
        self._saying = threading.Lock()
        self._changed = threading.Condition(threading.RLock())
        self._waiting: list[Task] = []
        self._current: Task | None = None
        self._over = False

    def listen(self, lines: Iterable[str]) -> None:
        """Take requests, one a line, until there are no more; then the end begins."""

        def work() -> None:
            self._take_lines(lines, self._say)
            self.finish()

        threading.Thread(target=work, name="gioconda-requests", daemon=True).start()

    def accept(self, listener: Listener) -> None:
        """Take requests from whoever connects, a message each; what a client asked for is given up when it goes."""

        def work() -> None:
            while not self._over:
                try:
                    connection = listener.accept()
                except (OSError, EOFError, AuthenticationError):  # closed; a client that left at once, or has no key
                    continue
                threading.Thread(target=self._serve, args=(connection,), name="gioconda-client", daemon=True).start()

        threading.Thread(target=work, name="gioconda-clients", daemon=True).start()

    def _serve(self, connection: Connection[Any, Any]) -> None:
        def say(message: Message, request: int | None) -> None:
            connection.send_bytes(to_line(message, request).encode())

        self._take_lines(lines_of_connection(connection), say)
        with self._changed:
            self._drop(lambda task: task.say is say)

    def _take_lines(self, lines: Iterable[str], say: Say) -> None:
        for line in lines:
            try:
                self.take(from_line(line), say)
            except SettingsError as error:
                self._tell(say, Error(int(error.exit_code), str(error)), id_of(line))

    def take(self, request: Request, say: Say | None = None) -> None:
        """One request, answered by `say`. A newer preview of a subject takes the older ones' place."""
        task = Task(request, say or self._say)
        if isinstance(request, Quit):
            self.finish()
            return
        with self._changed:
            if isinstance(request, Cancel):
                dropped = self._drop(lambda other: (other.request.id, other.say) == (request.which, task.say))
            else:
                dropped = self._drop(lambda other: other.is_replaced_by(task))
                self._waiting.append(task)
                self._changed.notify()
        for other in dropped:
            self._tell(other.say, UNWANTED, other.request.id)

    def finish(self) -> None:
        """Begin to end: nothing more is taken, what runs stops at its next step. Safe in a signal handler."""
        with self._changed:
            begins, self._over = not self._over, True
            renders = self._current is not None and isinstance(self._current.request, Render)
            if self._current:
                self._current.unwanted.set()
            self._changed.notify()
        if begins and self._at_end:
            self._at_end(RENDER_GRACE if renders else GRACE)

    def _drop(self, which: Callable[[Task], bool]) -> list[Task]:
        """Take out those that wait, stop the one that runs. Returns those taken out, to be told."""
        dropped = [task for task in self._waiting if which(task)]
        self._waiting = [task for task in self._waiting if not which(task)]
        if self._current and which(self._current):
            self._current.unwanted.set()
        return dropped

    def work(self, answers: Mapping[type, Answer]) -> None:
        """Answer requests until the end."""
        while (task := self._next()) is not None:
            self._tell(task.say, self._answered(task, answers), task.request.id)

    def report(self, message: Message) -> None:
        """A message about whatever is being worked on. Raises: CancelledError when nobody wants that any more."""
        task = self._current
        self._tell(task.say if task else self._say, message, task.request.id if task else None)
        self.check()

    def check(self) -> None:
        """Raises: CancelledError when nobody wants what is being worked on."""
        if self._over or (self._current and self._current.unwanted.is_set()):
            raise CancelledError(UNWANTED.text)

    def _next(self) -> Task | None:
        with self._changed:
            self._current = None
            while not self._waiting and not self._over:
                if not self._changed.wait(self._idle_seconds):
                    self.finish()
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

    def _tell(self, say: Say, message: Message, request: int | None) -> None:
        try:
            with self._saying:
                say(message, request)
        except (OSError, ValueError):  # whoever listened has gone
            if say is self._say:
                self.finish()


def lines_of(descriptor: int) -> Iterator[str]:
    """Lines of a pipe as they come. Not `sys.stdin`: a thread that waits in it would hold its lock when Python ends."""
    begun: list[bytes] = []  # of the line that is not over yet: joined once, however long it gets
    while chunk := read(descriptor, 1 << 16):
        *whole, rest = chunk.split(b"\n")
        if whole:
            whole[0] = b"".join((*begun, whole[0]))
            begun = []
        begun.append(rest)
        yield from (line.decode("utf-8", "replace") for line in whole if line.strip())


def lines_of_connection(connection: Connection[Any, Any]) -> Iterator[str]:
    """Messages of a connection until its other end is closed."""
    try:
        while True:
            yield connection.recv_bytes().decode("utf-8", "replace")
    except (OSError, EOFError):
        return
