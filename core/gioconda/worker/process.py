"""A worker process as its parent has it: started, asked, polled, stopped. Standard library only, for the add-on too.

    process = Process([python, core, "serve"], environment)
    number = process.ask({"request": "warm"})
    for request, message in process.poll(): …
    process.stop()

No method waits but `wait`, and none raises for what a process does: what goes wrong becomes `error`, a sentence.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import SettingsError
from .messages import Error, Hello, Message, check_version, from_answer
from .requests import from_plain

Answer = tuple[int | None, Message]  # the id of the request it answers, None for what concerns all

GRACE = 3.0  # seconds between asking a process to end and killing it
NICENESS = 5  # of a process that shall not disturb what its user works with
# The same for Windows; there a console window would open as well.
NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)
BELOW_NORMAL = getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0)
LOG_TAIL = 4000  # bytes of the log that a sentence may quote from
MAIN = "import sys; from gioconda.cli.main import main; sys.exit(main())"


def own_command(*words: str) -> tuple[list[str], dict[str, str]]:
    """`gioconda WORDS` in a Python like this one, which finds what this one finds: command line, environment."""
    path = os.pathsep.join(part for part in sys.path if part)
    return [sys.executable, "-c", MAIN, *words], {**os.environ, "PYTHONPATH": path}


class Process:
    """One worker. Two threads read and write its pipes; its standard error goes to the file `log_path`."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        *,
        log: Path | None = None,
        low_priority: bool = False,
        detached: bool = False,
        news: threading.Event | None = None,
    ) -> None:
        """Start it.

        Args:
            environment: all of it; None: this process's.
            log: where its log goes; None: to a temporary file.
            detached: it outlives this process, with no pipe between them; what it says goes to the log.
            news: set whenever `poll` has something to tell, for whoever waits for several processes.
        """
        self.error = ""  # the sentence for the user, "" while nothing is wrong
        self.ended = False  # it is over, and everything it said has been polled
        self.stopping = False  # it was asked to end
        self.log_path = log or _new_log()
        self._news = news or threading.Event()
        self._greeted = False
        self._silent_since: float | None = None
        self._last_id = 0
        self._received: queue.SimpleQueue[Answer | SettingsError | None] = queue.SimpleQueue()
        self._to_send: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._process = self._start(list(command), environment, low_priority, detached)

    def _start(
        self, command: list[str], environment: Mapping[str, str] | None, low_priority: bool, detached: bool
    ) -> subprocess.Popen[bytes] | None:
        try:
            with _writable(self.log_path) as log:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL if detached else subprocess.PIPE,
                    stdout=log if detached else subprocess.PIPE,
                    stderr=log,
                    env=environment,
                    creationflags=NO_WINDOW | (BELOW_NORMAL if low_priority else 0),
                    start_new_session=True,  # Ctrl-C is for us: we ask it to stop
                )
        except OSError as error:
            self.error, self.ended = self.why_not_started(command[0], error), True
            self._news.set()
            return None
        if low_priority and hasattr(os, "setpriority"):
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
        for work in () if detached else (self._read, self._write):
            threading.Thread(target=work, args=(process,), name="gioconda-pipe", daemon=True).start()
        return process

    @property
    def pid(self) -> int | None:
        """None where it could not be started."""
        return None if self._process is None else self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs, and where it could not be started; negative: the signal that ended it."""
        return None if self._process is None else self._process.poll()

    @property
    def alive(self) -> bool:
        """Whether it can still be asked or is still working."""
        return self._process is not None and not self.ended and not self.stopping and self._process.poll() is None

    def ask(self, request: Mapping[str, Any]) -> int:
        """Ask something of `requests`, without its "id", which is returned. Raises: SettingsError: it is no request."""
        self._last_id += 1
        line = json.dumps({**request, "id": self._last_id}, ensure_ascii=False)
        from_plain(json.loads(line))
        self._to_send.put(line)
        return self._last_id

    def close_input(self) -> None:
        """Nothing more is asked."""
        self._to_send.put(None)

    def poll(self) -> list[Answer]:
        """What was said since the last time, without its greeting. Afterwards `ended` and `error` hold."""
        answers: list[Answer] = []
        pipe_closed = False
        while not self._received.empty():
            received = self._received.get_nowait()
            if received is None:
                pipe_closed = True
            elif not self.error or self._greeted:
                answers += self._checked(received)
        for number, message in answers:
            if number is None and isinstance(message, Error):
                self.error = message.text
        if self._process is not None and not self.ended:
            self._look_for_the_end(pipe_closed)
        return answers

    def _checked(self, received: Answer | SettingsError) -> list[Answer]:
        """A message, unless it is the greeting. A process that cannot be understood is stopped."""
        try:
            if isinstance(received, SettingsError):
                raise received
            if not self._greeted:
                check_version(received[1])
                self._greeted = True
            return [] if isinstance(received[1], Hello) else [received]
        except SettingsError as error:
            self.error = self.error or str(error)
            self.stop()
            return []

    def _look_for_the_end(self, pipe_closed: bool) -> None:
        """Ended: its pipe is closed and it is gone. A grandchild may hold the pipe, so a second later counts too."""
        status = self.exit_code
        if pipe_closed:
            self._silent_since = 0.0
        elif status is not None and self._silent_since is None:
            self._silent_since = time.monotonic()
        if status is None or self._silent_since is None or time.monotonic() - self._silent_since < 1:
            return
        self.ended = True
        if status != 0 and not self.stopping and not self.error:
            self.error = self.why_it_ended(status)

    def why_not_started(self, program: str, error: OSError) -> str:
        """The sentence for a process that could not be started."""
        return f"{program} cannot be started ({error.strerror or error})."

    def why_it_ended(self, status: int) -> str:
        """The sentence for a process that ended by itself without saying why."""
        return f"The worker {how_it_ended(status)}; the log is {self.log_path}."

    def stop(self, grace: float = GRACE) -> None:
        """Ask it to end, and kill it after so many seconds. Returns at once; as often as you like."""
        if self._process is None or self.stopping:
            return
        self.stopping = True
        self.close_input()
        with contextlib.suppress(OSError):
            self._process.terminate()
        timer = threading.Timer(grace, self.kill)
        timer.daemon = True
        timer.start()

    def kill(self) -> None:
        if self._process is not None:
            with contextlib.suppress(OSError):
                self._process.kill()

    def wait(self, seconds: float) -> None:
        """Until it is gone, at most so long."""
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)

    def last_log_line(self) -> str:
        """ "" where it wrote none."""
        try:
            with self.log_path.open("rb") as file:
                file.seek(max(0, self.log_path.stat().st_size - LOG_TAIL))
                lines = file.read().decode("utf-8", "replace").split("\n")
        except OSError:
            return ""
        return next((line.strip()[:200] for line in reversed(lines) if line.strip()), "")

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        with contextlib.suppress(OSError, ValueError), process.stdout:
            for line in process.stdout:
                try:
                    received: Answer | SettingsError | None = from_answer(line.decode("utf-8", "replace"))
                except SettingsError as error:
                    received = error
                if received is not None:
                    self._received.put(received)
                    self._news.set()
        self._received.put(None)
        process.wait()
        self._news.set()

    def _write(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        with contextlib.suppress(OSError, ValueError), process.stdin:  # it may be gone: reading tells
            while (line := self._to_send.get()) is not None:
                process.stdin.write(line.encode() + b"\n")
                process.stdin.flush()


def how_it_ended(status: int | None) -> str:
    """A process's end in words."""
    if status is None:
        return "could not be started"
    if status < 0:
        with contextlib.suppress(ValueError):
            return f"was killed ({signal.Signals(-status).name})"
    return f"ended with status {status}"


def _writable(log: Path) -> BinaryIO:
    """The log, or nowhere: a full disk is no reason not to start."""
    try:
        return log.open("wb")
    except OSError:
        return Path(os.devnull).open("wb")


def _new_log() -> Path:
    with (
        contextlib.suppress(OSError),
        tempfile.NamedTemporaryFile(prefix="gioconda-", suffix=".log", delete=False) as file,
    ):
        return Path(file.name)
    return Path(os.devnull)
