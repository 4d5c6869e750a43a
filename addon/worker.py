"""Start, poll and stop the core's process: `Worker` stays and answers requests, `Run` renders one job. No bpy.

Neither ever waits or raises: what goes wrong becomes a state and a sentence. `poll()` is called from time to time, by a
timer or in a loop; threads of their own read and write the pipes.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from ..core.gioconda.errors import ExitCode, SettingsError
from ..core.gioconda.worker.messages import Error, Hello, Message, Progress, Result, Stage, check_version, from_answer
from ..core.gioconda.worker.requests import from_plain

Answer = tuple[int | None, Message]  # the id of the request it answers, None for what concerns all

GRACE = 3.0  # seconds between asking a process to end and ending it
BEHIND = 5  # niceness: Blender's window comes first, on every core
# The same for Windows, where a console window would open as well.
QUIETLY = getattr(subprocess, "CREATE_NO_WINDOW", 0) | getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0)
LOG_TAIL = 4000  # bytes of the log that a sentence may quote from
TOO_LITTLE_MEMORY = -9  # what the exit status says when the system takes a process out


class Process:
    """One process of ours: its messages come out of `poll`, its standard error goes to the file `log_path`.

    Attributes:
        error: the sentence for the user, "" while nothing is wrong.
        log_path: what the process had to say for people.
        ended: it is over, and everything it said has been polled.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str] | None = None, *, log: Path | None = None
    ) -> None:
        """`command`: the whole command line; `environment`: its whole environment; `log`: where the log goes."""
        self.error = ""
        self.ended = False
        self.log_path = log or _new_log()
        self._greeted = False
        self._stopping = False
        self._silent_since: float | None = None
        self._said: queue.SimpleQueue[Answer | SettingsError | None] = queue.SimpleQueue()
        self._asked: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._process = self._start(list(command), environment)

    def _start(self, command: list[str], environment: Mapping[str, str] | None) -> subprocess.Popen[bytes] | None:
        try:
            with _writable(self.log_path) as log:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env=environment,
                    creationflags=QUIETLY,
                )
        except OSError as error:
            self.error = (
                f"The Python {command[0]} cannot be started ({error.strerror or error}): "
                "choose another in the add-on's preferences."
            )
            self.ended = True
            return None
        if hasattr(os, "setpriority"):
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, process.pid, BEHIND)
        for work, pipe in ((self._read, process.stdout), (self._write, process.stdin)):
            threading.Thread(target=work, args=(pipe,), name="gioconda-pipe", daemon=True).start()
        return process

    @property
    def alive(self) -> bool:
        """Whether it can still be asked or is still working."""
        return self._process is not None and not self.ended and not self._stopping and self._process.poll() is None

    def _poll(self) -> list[Answer]:
        """What was said since the last time, without its greeting. Never waits. Afterwards `ended` and `error` hold."""
        answers: list[Answer] = []
        over = False
        while not self._said.empty():
            said = self._said.get_nowait()
            if said is None:
                over = True
            elif not self.error or self._greeted:
                answers += self._heard(said)
        if self._process is not None and not self.ended:
            self._look_for_the_end(over)
        return answers

    def _heard(self, said: Answer | SettingsError) -> list[Answer]:
        """A message, unless it is the greeting. A process that cannot be understood is stopped."""
        try:
            if isinstance(said, SettingsError):
                raise said
            if not self._greeted:
                check_version(said[1])
                self._greeted = True
            return [] if isinstance(said[1], Hello) else [said]
        except SettingsError as error:
            self.error = self.error or str(error)
            self.stop()
            return []

    def _look_for_the_end(self, over: bool) -> None:
        """Ended: its pipe is closed and it is gone. A grandchild may hold the pipe, so a second later counts too."""
        assert self._process is not None
        status = self._process.poll()
        if over:
            self._silent_since = 0.0
        elif status is not None and self._silent_since is None:
            self._silent_since = time.monotonic()
        if status is None or self._silent_since is None or time.monotonic() - self._silent_since < 1:
            return
        self.ended = True
        if status != 0 and not self._stopping and not self.error:
            self.error = _why(status, self.log_path)

    def stop(self) -> None:
        """Ask it to end, and end it after a grace period. Returns at once; as often as you like."""
        if self._process is None or self._stopping:
            return
        self._stopping = True
        self._asked.put(None)  # closes its standard input
        with contextlib.suppress(OSError):
            self._process.terminate()
        timer = threading.Timer(GRACE, _kill, [self._process])
        timer.daemon = True
        timer.start()

    def wait(self, seconds: float) -> None:
        """Until it is gone, at most so long. For the end of a session and for scripts."""
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)

    def _read(self, pipe: Any) -> None:
        with pipe:
            for line in pipe:
                try:
                    answer = from_answer(line.decode("utf-8", "replace"))
                except SettingsError as error:
                    self._said.put(error)
                else:
                    if answer is not None:
                        self._said.put(answer)
        self._said.put(None)

    def _write(self, pipe: Any) -> None:
        with contextlib.suppress(OSError, ValueError), pipe:  # it may be gone: reading tells
            while (line := self._asked.get()) is not None:
                pipe.write(line.encode() + b"\n")
                pipe.flush()


class Worker(Process):
    """`gioconda serve`: stays, keeps nets and portraits warm, answers requests.

    Every request gets its answers, at last a Result or an Error, also when the worker ends before.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str] | None = None, *, log: Path | None = None
    ) -> None:
        """`command` runs the core: ["python", "-s", "-P", ".../core"]."""
        self._waiting: set[int] = set()
        self._last_id = 0
        super().__init__([*command, "serve", "--json"], environment, log=log)

    def send(self, request: Mapping[str, Any]) -> int:
        """Ask something of `core.gioconda.worker.requests`, without its "id", which is returned. Never waits.

        Raises:
            SettingsError: there is no such request, or it cannot be asked like that.
        """
        self._last_id += 1
        data = {**request, "id": self._last_id}
        line = json.dumps(data, ensure_ascii=False)
        from_plain(json.loads(line))
        if request["request"] not in ("cancel", "quit"):
            self._waiting.add(self._last_id)
        self._asked.put(line)
        return self._last_id

    def poll(self) -> list[Answer]:
        """(id, message) for everything said since the last time. Never waits."""
        answers = self._poll()
        self._waiting -= {number for number, said in answers if number and isinstance(said, Result | Error)}
        self.error = next(
            (said.text for number, said in answers if number is None and isinstance(said, Error)), self.error
        )
        if self.ended and self._waiting:
            stopped = self._stopping and not self.error
            code = ExitCode.CANCELLED if stopped else ExitCode.FAILED
            text = self.error or ("The worker was stopped." if stopped else "The worker has ended.")
            answers += [(number, Error(int(code), text)) for number in sorted(self._waiting)]
            self._waiting.clear()
        return answers


class Run(Process):
    """One rendering: `gioconda job FILE --resume`, of a job that the add-on wrote itself.

    Attributes:
        state: "running", "done", "failed", "cancelled".
        done, total: frames; total is 0 until it is known.
        seconds_left: None until it is known.
        stage, stage_text: what it is at: a name of `messages.Stage`, and the sentence.
        result: the last message's data once it is done.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None,
        job_file: Path | str,
        *,
        log: Path | None = None,
    ) -> None:
        """`command` as for `Worker`."""
        self.state = "running"
        self.done = self.total = 0
        self.seconds_left: float | None = None
        self.stage = self.stage_text = ""
        self.result: Mapping[str, Any] | None = None
        self._cancelled = False
        super().__init__(
            [*command, "job", str(job_file), "--json", "--resume", "--allow-outside"], environment, log=log
        )
        self._asked.put(None)  # it reads nothing
        self._settle()

    def poll(self) -> list[Message]:
        """What was said since the last time. Never waits."""
        messages = [said for _, said in self._poll()]
        for message in messages:
            if isinstance(message, Progress):
                self.done, self.total, self.seconds_left = message.done, message.total, message.seconds_left
            elif isinstance(message, Stage):
                self.stage, self.stage_text = message.name, message.text
            elif isinstance(message, Result):
                self.result = message.data
            elif isinstance(message, Error):
                self.error = message.text
                self._cancelled |= message.code == ExitCode.CANCELLED
        self._settle()
        return messages

    def cancel(self) -> None:
        """Stop it; frames that are finished stay. The state becomes "cancelled" once it is gone. Harmless twice."""
        if self.state == "running":
            self._cancelled = True
            self.stop()

    def _settle(self) -> None:
        if not self.ended or self.state != "running":
            return
        if self._cancelled:
            self.state, self.error = "cancelled", ""
        elif self.result is not None and not self.error:
            self.state = "done"
        else:
            self.state = "failed"
            self.error = self.error or f"The rendering ended without a result; the log is {self.log_path}."
        self.seconds_left = None


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        process.kill()


def _writable(log: Path) -> BinaryIO:
    """The log, or nowhere: a full disk is no reason not to start."""
    try:
        return log.open("wb")
    except OSError:
        return Path(os.devnull).open("wb")


def _new_log() -> Path:
    try:
        number, name = tempfile.mkstemp(prefix="gioconda-", suffix=".log")
    except OSError:
        return Path(os.devnull)
    os.close(number)
    return Path(name)


def _why(status: int, log: Path) -> str:
    """The sentence for a process that ended by itself without saying why."""
    last = _last_line(log)
    if status in (TOO_LITTLE_MEMORY, 128 - TOO_LITTLE_MEMORY) or "MemoryError" in last:
        return (
            "The worker was killed, most likely because memory ran out: close other programs or use a smaller portrait."
        )
    if status < 0 or status >= 0xC0000000:
        number = f"signal {-status}" if status < 0 else f"status {status:#x}"
        return f"The worker crashed ({number}); try again, and report it with the log {log}."
    if status == ExitCode.USAGE:
        return f"The worker did not understand the add-on ({last}): install the add-on again and restart Blender."
    return f"The worker ended unexpectedly (exit status {status}{': ' if last else ''}{last}); the log is {log}."


def _last_line(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - LOG_TAIL))
            lines = file.read().decode("utf-8", "replace").split("\n")
    except OSError:
        return ""
    return next((line.strip()[:200] for line in reversed(lines) if line.strip()), "")
