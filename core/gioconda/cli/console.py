"""Messages for people: a progress bar on a terminal, plain lines elsewhere. The only file that imports rich."""

from __future__ import annotations

import sys
from typing import Self

from rich.console import Console as Terminal
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table

from ..worker.messages import BatchProgress, Error, Log, Message, Progress, Result, Stage, Warn, clock


class Console:
    """On standard error: stages as lines, progress as a bar. A context, so that the bar is closed whatever happens."""

    def __init__(self, *, quiet: bool = False, notes_only: bool = False) -> None:
        """quiet: nothing but errors; notes_only: notes and the result too."""
        self.quiet, self.notes_only = quiet, notes_only
        self.terminal = Terminal(stderr=True, highlight=False, soft_wrap=True)
        self.bar: Bar | None = None
        self.live: Live | None = None
        self.tenth = -1

    def __call__(self, message: Message) -> None:
        if isinstance(message, Error):
            self.terminal.print(f"[bold red]gioconda:[/] {escape(one_line(message.text))}")
        elif self.quiet:
            return
        elif isinstance(message, Warn):
            self.terminal.print(f"[yellow]note:[/] {escape(one_line(message.text))}")
        elif self.notes_only and not isinstance(message, Result):
            return
        elif isinstance(message, Stage | Log):
            self.terminal.print(escape(one_line(message.text)))
        elif isinstance(message, Progress):
            self._progress(message)
        elif isinstance(message, BatchProgress):
            self._batch_table(message)
        elif isinstance(message, Result):
            self._close()
            text = message.data.get("text")
            if text:
                print(text, flush=True)

    def _is_terminal(self, done: int, total: int, text: str) -> bool:
        """Where there is no terminal, the text becomes a line at every tenth that is done."""
        tenth = 10 * done // max(total, 1)
        if not self.terminal.is_terminal and tenth > self.tenth:
            self.tenth = tenth
            self.terminal.print(escape(text))
        return self.terminal.is_terminal

    def _progress(self, message: Progress) -> None:
        if not self._is_terminal(message.done, message.total, f"{message.done} of {message.total} frames"):
            return
        if self.bar is None:
            columns = (TextColumn("frames"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self.bar = Bar(*columns, console=self.terminal, transient=True)
            self.bar.start()
            self.bar.add_task("frames", total=message.total)
        self.bar.update(self.bar.task_ids[0], completed=message.done, total=message.total)

    def _batch_table(self, progress: BatchProgress) -> None:
        """A table that is redrawn in place on a terminal; a line every tenth elsewhere."""
        if not progress.total or not self._is_terminal(progress.frames, progress.of_frames, batch_line(progress)):
            return
        if self.live is None:
            self.live = Live(console=self.terminal, transient=True, auto_refresh=False)
            self.live.start()
        self.live.update(table(progress), refresh=True)

    def _close(self) -> None:
        if self.live:
            self.live.stop()
            self.live = None
        if self.bar:
            self.bar.stop()
            self.bar = None
        self.tenth = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()
        sys.stderr.flush()


def one_line(text: str) -> str:
    """A text in which a file's name cannot begin a line: engines of farms take some for orders."""
    return " ".join(text.splitlines())


def batch_line(progress: BatchProgress) -> str:
    """A batch's progress in a line."""
    failed = f", {progress.failed} failed" if progress.failed else ""
    left = f", about {clock(progress.seconds_left)} left" if progress.seconds_left is not None else ""
    return f"{progress.done} of {progress.total} items{failed}, {progress.frames} of {progress.of_frames} frames{left}"


def table(progress: BatchProgress) -> Table:
    """What each process is doing, and the batch's progress."""
    shown = Table(caption=batch_line(progress), caption_justify="left", box=None, pad_edge=False)
    for name in ("process", "item", "stage", "frames"):
        shown.add_column(name, justify="right" if name in ("process", "frames") else "left")
    for number, row in progress.rows.items():
        frames = f"{row['done']} of {row['total']}" if row else ""
        shown.add_row(number, escape(row.get("item", "")), row.get("stage", "idle"), frames)
    return shown
