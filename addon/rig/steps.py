"""Work in steps: a generator that yields its progress, so that Blender's window never waits for the whole of it."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import NamedTuple, TypeVar

import bpy

from ...core.gioconda.errors import CancelledError, GiocondaError
from .. import session
from .errors import GONE, RigError

T = TypeVar("T")
PAUSE = 0.02  # seconds between two looks at something that is waited for


class Progress(NamedTuple):
    """How far some work is."""

    stage: str  # what is being done, for people
    share: float  # 0 to 1
    waits: bool = False  # there is nothing to do now but to wait


Steps = Generator[Progress, None, T]


def finish(steps: Steps[T]) -> T:
    """Do all of the work now, waiting where it waits."""
    while True:
        try:
            progress = next(steps)
        except StopIteration as stop:
            return stop.value
        if progress.waits:
            session.listen()
            time.sleep(PAUSE)


def portion(steps: Steps[T], start: float, share: float, stage: str = "") -> Steps[T]:
    """Steps that are a part of some work: from `start`, as `share` of the whole; `stage` instead of their own."""
    while True:
        try:
            progress = next(steps)
        except StopIteration as stop:
            return stop.value
        yield Progress(stage or progress.stage, start + share * progress.share, progress.waits)


def still_there(uid: int, scene: str) -> tuple[bpy.types.NodeTree, bpy.types.Scene]:
    """A portrait and a scene, looked up anew after a step: an undo replaces both.

    Raises: RigError: one of them has gone.
    """
    tree, shot = session.tree_of(uid), bpy.data.scenes.get(scene)
    if tree is None or shot is None:
        raise RigError(GONE)
    return tree, shot


class StepsTask:
    """Work in steps in the background, a `session.Task`. Its result is a sentence.

    Attributes:
        uid: of the portrait.
        outcome: "" while it runs, then "done", "failed" or "cancelled".
        text: how it ended, for people.
    """

    def __init__(self, tree: bpy.types.NodeTree, steps: Steps[str]) -> None:
        self.uid, self.outcome, self.text = tree.session_uid, "", ""
        self._steps = steps
        session.forget_error(tree)

    def step(self) -> bool:
        """A moment of work. Returns whether it has ended."""
        until = time.perf_counter() + session.SLICE_SECONDS
        try:
            while not self.outcome and time.perf_counter() < until:
                progress = next(self._steps)
                self._show(progress)
                if progress.waits:
                    break
        except StopIteration as stop:
            self.end("done", stop.value)
        except CancelledError as stopped:
            self.end("cancelled", str(stopped))
        except GiocondaError as error:
            self.end("failed", str(error))
        return bool(self.outcome)

    def cancel(self, text: str = "Cancelled.") -> None:
        """Stop; harmless twice."""
        if not self.outcome:
            self._steps.close()
            self.end("cancelled", text)

    def abandon(self) -> None:
        """The file is being closed: stop without a word."""
        self.outcome = self.outcome or "cancelled"
        self._steps.close()

    def end(self, outcome: str, text: str) -> None:
        """How it ended, kept for the panel."""
        self.outcome, self.text = outcome, text
        tree = session.tree_of(self.uid)
        if outcome == "failed":
            session.fail(tree, text)
        else:
            session.tell(tree, text)

    def _show(self, progress: Progress) -> None:
        tree = session.tree_of(self.uid)
        if tree is not None:
            record = session.state(tree)
            record.stage, record.progress = progress.stage, progress.share
