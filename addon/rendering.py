"""One rendering of a portrait: read the rig, write the job, run the core, let frames appear in the node.

A `session.Task`: it never waits, so that Blender's window stays responsive; an operator in background waits in a loop.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import bpy

from ..core.gioconda.errors import CancelledError, GiocondaError, SettingsError
from ..core.gioconda.job.job import Job
from ..core.gioconda.worker import messages
from . import interpreter, job, rig, session
from .compositing import nodes
from .worker import Run

REFRESH_SECONDS = 1.0  # between two looks of the node at the files
GONE = "The portrait was deleted while it was being rendered; frames that were finished stay."


class Rendering:
    """Renders a portrait's frame range in the background.

    Attributes:
        uid: of the portrait.
        outcome: "" while it runs, then "done", "failed" or "cancelled".
        text: how it ended, for people.
    """

    def __init__(self, tree: bpy.types.NodeTree, scene: bpy.types.Scene) -> None:
        """Check what can be checked at once, and say which frames will come.

        Raises:
            GiocondaError: a setting that cannot be used.
        """
        self.uid, self.scene = tree.session_uid, scene.name
        self.outcome = self.text = ""
        self.folder = session.folder() / f"render-{self.uid}"
        self._cancelled = False
        self._run: Run | None = None
        self.first, self.last = job.frame_range(tree, scene)
        still = job.still_job(tree, folder=self.folder, output=job.output_of(tree), consent=job.consent_of(tree))
        self.still = replace(still, rest=nodes.expect(tree, self.first, self.last))
        self.record = session.state(tree)
        self.record.stage, self.record.progress = "Waiting for another rendering", 0.0
        self.record.last_error = ""
        self._work = self._steps()

    def step(self) -> bool:
        """A moment of work; see `session.Task`."""
        until = time.perf_counter() + session.SLICE_SECONDS
        try:
            while time.perf_counter() < until:
                waits = next(self._work)
                if waits:
                    return False
        except StopIteration:
            self._end("done", self.text)
        except CancelledError as stopped:
            self._end("cancelled", str(stopped))
        except GiocondaError as error:
            self._end("failed", str(error))
        return bool(self.outcome)

    def cancel(self) -> None:
        """Stop; frames that are finished stay. Harmless twice."""
        self._cancelled = True
        if self._run is not None:
            self._run.cancel()

    def abandon(self) -> None:
        """The file is being closed: end the core, touch nothing of Blender's."""
        self.cancel()
        self.outcome = "cancelled"
        self._work.close()

    def _end(self, outcome: str, text: str) -> None:
        self.outcome, self.text = outcome, text
        tree = session.tree_of(self.uid)
        if tree is None:
            return
        nodes.refresh(tree)
        if outcome == "failed":
            session.fail(tree, text)
        else:
            session.tell(tree, text)

    # --- the steps: each yields whether it only waits ---------------------------------------------------------------

    def _steps(self) -> Iterator[bool]:
        motion_job = yield from self._bake()
        result = yield from self._render(motion_job)
        self.text = str(result.get("text", "The frames are rendered."))

    def _bake(self) -> Iterator[bool]:
        """The rig's motion, saved by a thread: compressing a long one takes a moment."""
        tree, scene = self._tree(), bpy.data.scenes.get(self.scene)
        if scene is None:
            raise SettingsError(f"The scene “{self.scene}” is gone; nothing was rendered.")
        if rig.from_file(tree):
            return job.with_motion_file(self.still, tree, scene, self.first, self.last)
        steps = rig.bake_steps(tree, scene, range(self.first, self.last + 1))
        del tree, scene  # either may be gone after a yield
        self.record.stage = "Reading the rig"
        while True:
            self._stop_if_asked()
            try:
                progress = next(steps)
            except StopIteration as end:
                motion = end.value
                break
            self.record.stage, self.record.progress = progress.stage, progress.share
            yield progress.waits
        made: list[Job] = []
        thread = _Thread(
            lambda: made.append(job.with_motion(self.still, motion, self.first, self.last, folder=self.folder))
        )
        while thread.is_alive():
            yield True
        thread.raise_error()
        return made[0]

    def _render(self, what: Job) -> Iterator[bool]:
        """Run the core on a job. Returns its result's data."""
        self._stop_if_asked()
        command, environment = interpreter.command()
        path = job.write(what, self.folder)
        self._run = run = Run(command, environment, path, log=self.folder / "render.log")
        self.record.log_path = str(run.log_path)
        self.record.stage, self.record.progress = "Starting", 0.0
        refreshed, news = time.monotonic(), False
        while run.state == "running":
            for _, message in run.poll():
                self._on_message(message)
                news |= isinstance(message, messages.Progress | messages.Stage)
            if news and time.monotonic() - refreshed > REFRESH_SECONDS:
                nodes.refresh(self._tree())
                refreshed, news = time.monotonic(), False
            yield True
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
            self.record.note = message.text

    def _tree(self) -> bpy.types.NodeTree:
        tree = session.tree_of(self.uid)
        if tree is None:
            self.cancel()
            raise SettingsError(GONE)
        return tree

    def _stop_if_asked(self) -> None:
        if self._cancelled:
            raise CancelledError("Rendering was stopped before its first frame.")


class _Thread(threading.Thread):
    """Does one thing beside Blender's main thread; what it raises is raised by `raise_error`."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__(name="gioconda-write", daemon=True)
        self._work, self._error = work, None
        self.start()

    def run(self) -> None:
        try:
            self._work()
        except GiocondaError as error:
            self._error = error

    def raise_error(self) -> None:
        if self._error is not None:
            raise self._error


def render(tree: bpy.types.NodeTree, scene: bpy.types.Scene) -> Rendering:
    """Begin to render; `session.pump` carries it on.

    Raises:
        GiocondaError: it is being rendered already, or a setting cannot be used.
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
