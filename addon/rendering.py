"""One rendering of a portrait: read the rig, write the job, run the core, let frames appear in the node.

It never waits, so that Blender's window stays responsive; an operator in background waits in a loop.
"""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import bpy

from ..core.gioconda.errors import CancelledError, GiocondaError, SettingsError
from ..core.gioconda.job.job import Job
from ..core.gioconda.worker import messages
from . import expression, interpreter, job, rig, session
from .compositing import nodes
from .rig.steps import Progress, Steps, StepsTask
from .worker import Run, rendering_of

REFRESH_SECONDS = 1.0  # between two refreshes of the node
GONE = "The portrait was deleted while it was being rendered; frames that were finished stay."


class Rendering(StepsTask):
    """Renders a portrait's frame range in the background."""

    def __init__(self, tree: bpy.types.NodeTree, scene: bpy.types.Scene) -> None:
        """Check what can be checked at once, and say which frames will come.

        Raises: GiocondaError: a setting that cannot be used.
        """
        super().__init__(tree, self._work())
        self.scene = scene.name
        self.folder = session.folder() / f"render-{self.uid}"
        self._run: Run | None = None
        self.first, self.last = job.frame_range(tree, scene)
        still = job.still_job(tree, folder=self.folder, output=job.output_of(tree), consent=job.consent_of(tree))
        self.still = replace(still, rest=nodes.expect(tree, self.first, self.last))
        self.record = session.state(tree)
        self.record.show("Waiting for another rendering", 0.0)

    def cancel(self) -> None:
        """Stop; frames that are finished stay. Harmless twice."""
        if self._run is not None:
            self._run.cancel()
        else:
            super().cancel("Rendering was stopped before its first frame.")

    def abandon(self) -> None:
        """The file is being closed: end the core, touch nothing of Blender's."""
        if self._run is not None:
            self._run.cancel()
        super().abandon()

    def end(self, outcome: str, text: str) -> None:
        super().end(outcome, text)
        if (tree := session.tree_of(self.uid)) is not None:
            nodes.refresh(tree)

    def _work(self) -> Steps[str]:
        made = yield from self._with_motion()
        result = yield from self._render(made)
        return str(result.get("text", "The frames are rendered."))

    def _with_motion(self) -> Steps[Job]:
        """The rig's motion, saved by a thread: compressing a long one takes a moment."""
        tree, scene = self._tree(), bpy.data.scenes.get(self.scene)
        if scene is None:
            raise SettingsError(f"The scene “{self.scene}” is gone; nothing was rendered.")
        rows = yield from expression.rows_steps(tree, scene, self.first, self.last)
        tree, scene = self._tree(), bpy.data.scenes[self.scene]
        still = job.with_curves(self.still, rows, folder=self.folder)
        if rig.from_file(tree):
            return job.with_motion_file(still, tree, scene, self.first, self.last)
        if rows and not rig.has_rig(tree):
            return job.at_rest(still, scene, self.first, self.last)
        steps = rig.bake_steps(tree, scene, range(self.first, self.last + 1))
        del tree, scene  # either may be gone after a yield
        motion = yield from steps
        pool = ThreadPoolExecutor(1, "gioconda-write")
        made = pool.submit(job.with_motion, still, motion, self.first, self.last, folder=self.folder)
        pool.shutdown(wait=False)
        while not made.done():
            yield Progress("Reading the rig", 1.0, waits=True)
        return made.result()

    def _render(self, what: Job) -> Steps[Mapping[str, Any]]:
        """Run the core on a job. Returns its result's data."""
        path = job.write(what, self.folder)
        self._run = run = Run(*interpreter.command(), rendering_of(path), log=self.folder / "render.log")
        self.record.log_path = str(run.log_path)
        self.record.note = ""
        self.record.show("Starting", 0.0)
        refreshed, news = time.monotonic(), False
        while run.state == "running":
            for _, message in run.poll():
                self._on_message(message)
                news |= isinstance(message, messages.Progress | messages.Stage)
            if news and time.monotonic() - refreshed > REFRESH_SECONDS:
                nodes.refresh(self._tree())
                refreshed, news = time.monotonic(), False
            yield Progress(self.record.stage, self.record.progress, waits=True)
        if run.state == "cancelled":
            raise CancelledError("Rendering was stopped; frames that were finished stay.")
        if run.state == "failed":
            raise GiocondaError(run.error)
        return run.result or {}

    def _on_message(self, message: messages.Message) -> None:
        if isinstance(message, messages.Stage):
            self.record.stage = "Rendering" if message.name == "render" else message.text
        elif isinstance(message, messages.Progress) and message.frame is not None:
            self.record.progress = message.done / max(message.total, 1)
            self.record.seconds_left = message.seconds_left
            self.record.stage = f"Rendering {message.done} of {message.total}"
        elif isinstance(message, messages.Warn):
            self.record.note = f"{self.record.note} {message.text}".strip()

    def _tree(self) -> bpy.types.NodeTree:
        tree = session.tree_of(self.uid)
        if tree is None:
            if self._run is not None:
                self._run.cancel()
            raise SettingsError(GONE)
        return tree


def render(tree: bpy.types.NodeTree, scene: bpy.types.Scene) -> Rendering:
    """Begin to render; `session.pump` carries it on.

    Raises: GiocondaError: it is being rendered already, or a setting cannot be used.
    """
    if session.task_of(tree) is not None:
        raise SettingsError(f"“{tree.name}” is being rendered already: wait, or cancel that first.")
    if tree.library is not None:
        raise SettingsError(f"“{tree.name}” is linked from {tree.library.filepath}: render it there, or make it local.")
    others = [other for s in bpy.data.scenes for other in nodes.portraits(s)]
    other = job.overlapping(tree, others)
    if other is not None:
        raise SettingsError(f"“{other.name}” writes to the same files: choose another output for “{tree.name}”.")
    task = Rendering(tree, scene)
    session.start(task)
    return task
