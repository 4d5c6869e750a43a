"""The core's process: `Worker` stays and answers requests, `Run` renders one job. No bpy.

Neither ever waits or raises: what goes wrong becomes a state and a sentence. `poll()` is called from time to time, by a
timer or in a loop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core.gioconda.errors import ExitCode
from ..core.gioconda.worker.messages import Error, Result
from ..core.gioconda.worker.process import Answer, Process

OUT_OF_MEMORY = (-9, 128 + 9)  # what the exit status says when the system takes a process out


class CoreProcess(Process):
    """A process of the core, whose troubles are told in the add-on's words."""

    def why_not_started(self, program: str, error: OSError) -> str:
        return (
            f"The Python {program} cannot be started ({error.strerror or error}): "
            "choose another in the add-on's preferences."
        )

    def why_it_ended(self, status: int) -> str:
        last = self.last_log_line()
        if status in OUT_OF_MEMORY or "MemoryError" in last:
            return (
                "The worker was killed, most likely because memory ran out: "
                "close other programs or use a smaller portrait."
            )
        if status < 0 or status >= 0xC0000000:
            number = f"signal {-status}" if status < 0 else f"status {status:#x}"
            return f"The worker crashed ({number}); try again, and report it with the log {self.log_path}."
        if status == ExitCode.USAGE:
            return f"The worker did not understand the add-on ({last}): install the add-on again and restart Blender."
        return (
            f"The worker ended unexpectedly (exit status {status}{': ' if last else ''}{last}); "
            f"the log is {self.log_path}."
        )


class Worker(CoreProcess):
    """`gioconda serve`: stays, keeps nets and portraits in memory, answers requests.

    Every request gets its answers, at last a Result or an Error, also when the worker ends before.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str] | None = None, *, log: Path | None = None
    ) -> None:
        """`command` runs the core: ["python", "-s", "-P", ".../core"]."""
        self._waiting: set[int] = set()
        super().__init__([*command, "serve", "--json"], environment, log=log, low_priority=True)

    def ask(self, request: Mapping[str, Any]) -> int:
        number = super().ask(request)
        if request["request"] not in ("cancel", "quit"):
            self._waiting.add(number)
        return number

    def poll(self) -> list[Answer]:
        answers = super().poll()
        self._waiting -= {number for number, message in answers if number and isinstance(message, Result | Error)}
        if self.ended and self._waiting:
            stopped = self.stopping and not self.error
            code = ExitCode.CANCELLED if stopped else ExitCode.FAILED
            text = self.error or ("The worker was stopped." if stopped else "The worker has ended.")
            answers += [(number, Error(int(code), text)) for number in sorted(self._waiting)]
            self._waiting.clear()
        return answers


def rendering_of(job_file: Path | str) -> list[str]:
    """The words for `Run` that render a job which the add-on wrote itself, and go on where it was stopped."""
    return ["job", str(job_file), "--json", "--resume", "--allow-outside"]


class Run(CoreProcess):
    """One command of the core, from its beginning to its end: see `rendering_of`.

    Attributes:
        state: "running", "done", "failed", "cancelled".
        result: the last message's data once it is done.
        code: the `ExitCode` of the last error that was told, 0 for none.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None,
        words: Sequence[str],
        *,
        log: Path | None = None,
    ) -> None:
        """`command` as for `Worker`; words: the core's command and its options, with --json."""
        self.state, self.code = "running", 0
        self.result: Mapping[str, Any] | None = None
        self._cancelled = False
        super().__init__([*command, *words], environment, log=log, low_priority=True)
        self.close_input()
        self._settle()

    def poll(self) -> list[Answer]:
        answers = super().poll()
        for _, message in answers:
            if isinstance(message, Result):
                self.result = message.data
            elif isinstance(message, Error):
                self.code = message.code
                self._cancelled |= message.code == ExitCode.CANCELLED
        self._settle()
        return answers

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
            self.error = self.error or f"The work ended without a result; the log is {self.log_path}."
