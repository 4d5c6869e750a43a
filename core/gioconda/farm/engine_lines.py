"""Messages as the engines of Open Job Description read them in a task's output: progress, status, failure.

https://github.com/OpenJobDescription/openjd-specifications/wiki/How-Jobs-Are-Run . A text of ours never begins a line
that an engine would obey: line breaks in names become spaces.
"""

from __future__ import annotations

import time
from typing import TextIO

from ..errors import printable
from ..worker.messages import Error, Log, Message, Progress, Result, Stage, Warn

SECONDS = 1.0  # between two lines of progress


class EngineLines:
    """Writes messages to a stream, each at once."""

    def __init__(self, stream: TextIO, *, quiet: bool = False) -> None:
        self.stream, self.quiet = stream, quiet
        self._told = -SECONDS

    def __call__(self, message: Message) -> None:
        if isinstance(message, Progress):
            self._progress(message)
        elif isinstance(message, Stage):
            self._line(f"openjd_status: {message.text}")
        elif isinstance(message, Error):
            self._line(f"openjd_fail: {message.text}")
        elif isinstance(message, Log | Warn) and not self.quiet:
            self._line(harmless(("note: " if isinstance(message, Warn) else "") + message.text))
        elif isinstance(message, Result) and not self.quiet:
            for line in str(message.data.get("text", "")).splitlines():
                self._line(harmless(line))

    def _progress(self, message: Progress) -> None:
        now = time.monotonic()
        if message.total and (message.done >= message.total or now - self._told >= SECONDS):
            self._told = now
            self._line(f"openjd_progress: {100 * min(message.done, message.total) / message.total:.1f}")

    def _line(self, text: str) -> None:
        self.stream.write(" ".join(printable(text).split()) + "\n")
        self.stream.flush()


def harmless(text: str) -> str:
    """A text that no engine takes for an order."""
    return f"said: {text}" if text.lstrip().lower().startswith("openjd_") else text
