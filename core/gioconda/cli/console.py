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

from ..worker.messages import BatchProgress, Error, Log, Message, Progress, Result, Stage, Warn


class Console:
    """On standard error: stages as lines, progress as a bar (a line every tenth where there is no terminal).

    A context, so that the bar is taken down whatever happens.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self.terminal = Terminal(stderr=True, highlight=False, soft_wrap=True)
        self.bar: Bar | None = None
        self.live: Live | None = None
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
        elif isinstance(message, BatchProgress):
            self._board(message)
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

    def _board(self, board: BatchProgress) -> None:
        """A table that stays in place on a terminal; a line every tenth elsewhere."""
        if not board.total:
            return
        if not self.terminal.is_terminal:
            tenth = 10 * board.frames // max(board.of_frames, 1)
            if tenth > self.told:
                self.told = tenth
                self._line(escape(standing(board)))
            return
        if self.live is None:
            self.live = Live(console=self.terminal, transient=True, auto_refresh=False)
            self.live.start()
        self.live.update(table(board), refresh=True)

    def _take_down(self) -> None:
        if self.live:
            self.live.stop()
            self.live = None
        if self.bar:
            self.bar.stop()
            self.bar = None
        self.told = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._take_down()
        sys.stderr.flush()


def standing(board: BatchProgress) -> str:
    """How a batch stands, in a line."""
    failed = f", {board.failed} failed" if board.failed else ""
    left = f", about {_time(board.seconds_left)} left" if board.seconds_left is not None else ""
    return f"{board.done} of {board.total} items{failed}, {board.frames} of {board.of_frames} frames{left}"


def table(board: BatchProgress) -> Table:
    """What each process is doing, and how the batch stands."""
    shown = Table(caption=standing(board), caption_justify="left", box=None, pad_edge=False)
    for name in ("process", "item", "stage", "frames"):
        shown.add_column(name, justify="right" if name in ("process", "frames") else "left")
    for number, row in board.rows.items():
        frames = f"{row['done']} of {row['total']}" if row else ""
        shown.add_row(number, escape(row.get("item", "")), row.get("stage", "idle"), frames)
    return shown


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
