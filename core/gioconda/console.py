"""Messages for people: a progress bar on a terminal, plain lines elsewhere. The only file that imports rich."""

from __future__ import annotations

import sys
from typing import Self

from rich.console import Console as Terminal
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from .protocol import Error, Log, Message, Progress, Result, Stage, Warn


class Console:
    """On standard error: stages as lines, progress as a bar (a line every tenth where there is no terminal).

    A context, so that the bar is taken down whatever happens.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self.terminal = Terminal(stderr=True, highlight=False, soft_wrap=True)
        self.bar: Bar | None = None
        self.told = -1

    def __call__(self, message: Message) -> None:
        if isinstance(message, Error):
            self._line(f"[bold red]gioconda:[/] {escape(message.text)}")
        elif self.quiet:
            return
        elif isinstance(message, Warn):
            self._line(f"[yellow]note:[/] {escape(message.text)}")
        elif isinstance(message, Stage | Log):
            self._line(escape(message.text))
        elif isinstance(message, Progress):
            self._progress(message)
        elif isinstance(message, Result):
            self._take_down()
            text = message.data.get("text")
            if text:
                print(text, flush=True)

    def _line(self, markup: str) -> None:
        self.terminal.print(markup)

    def _progress(self, message: Progress) -> None:
        if not self.terminal.is_terminal:
            tenth = 10 * message.done // max(message.total, 1)
            if tenth > self.told:
                self.told = tenth
                self._line(f"{message.done} of {message.total} frames")
            return
        if self.bar is None:
            columns = (TextColumn("frames"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self.bar = Bar(*columns, console=self.terminal, transient=True)
            self.bar.start()
            self.bar.add_task("frames", total=message.total)
        self.bar.update(self.bar.task_ids[0], completed=message.done, total=message.total)

    def _take_down(self) -> None:
        if self.bar:
            self.bar.stop()
            self.bar = None
        self.told = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._take_down()
        sys.stderr.flush()
