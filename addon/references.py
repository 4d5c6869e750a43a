"""Few-shot learning in Blender: from pictures of the person to the file that the networks know them by."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import bpy

from ..core.gioconda.errors import CancelledError, ExitCode, GiocondaError, SettingsError
from ..core.gioconda.worker import messages
from . import interpreter, session
from .pictures import image_file
from .rig.steps import Progress, Steps, StepsTask
from .worker import Run

SUFFIX = ".identity.npz"
NO_TORCH = (
    "Learning needs PyTorch, which the Python that renders does not have. In a Python of your own run "
    "`pip install gioconda[train]`, and choose it as *Python* in the add-on's preferences."
)


def paths_of(tree: bpy.types.NodeTree) -> list[str]:
    """The reference pictures and clips, absolute. Raises: SettingsError: there are none, or one is not there."""
    paths = [bpy.path.abspath(one.path, library=tree.library) for one in tree.gioconda.references]
    if not paths:
        raise SettingsError("Add pictures of the person first: three to seven with other expressions, or a clip.")
    for path in paths:
        if not Path(path).is_file():
            raise SettingsError(f"There is no reference {path}: remove it, or put it back.")
    return paths


def output_of(tree: bpy.types.NodeTree) -> Path:
    """Where what is learned goes: beside the .blend. Raises: SettingsError: it was never saved."""
    if not bpy.data.filepath:
        raise SettingsError("Save the .blend first: what is learned is kept beside it.")
    return Path(bpy.data.filepath).parent / f"{bpy.path.clean_name(tree.name)}{SUFFIX}"


class Learning(StepsTask):
    """Learns a portrait's person in the background."""

    def __init__(self, tree: bpy.types.NodeTree) -> None:
        """Raises: GiocondaError: references or the portrait cannot be used."""
        folder = session.folder() / f"references-{tree.session_uid}"
        folder.mkdir(parents=True, exist_ok=True)
        pictures, self.output = paths_of(tree), output_of(tree)
        source = image_file.source_of(tree.gioconda.image, folder)
        words = ["personalise", str(source.path), *pictures, "-o", str(self.output), "--json"]
        super().__init__(tree, self._work(words))
        self._log = folder / "learning.log"
        self._run: Run | None = None
        self.record = session.state(tree)
        self.record.show("Learning the person", 0.0)

    def cancel(self, text: str = "Learning was stopped; nothing was changed.") -> None:
        """Stop; harmless twice."""
        if self._run is not None:
            self._run.cancel()
        else:
            super().cancel(text)

    def abandon(self) -> None:
        """The file is being closed."""
        if self._run is not None:
            self._run.cancel()
        super().abandon()

    def _work(self, words: list[str]) -> Steps[str]:
        command, environment = interpreter.command()
        self._run = run = Run(command, environment, words, log=self._log)
        self.record.log_path = str(run.log_path)
        said = ""
        while run.state == "running":
            for _, message in run.poll():
                if isinstance(message, messages.Progress):
                    self.record.progress = message.done / max(message.total, 1)
                elif isinstance(message, messages.Stage):
                    self.record.stage = message.text
                elif isinstance(message, messages.Warn):
                    said = f"{said}{message.text} "
            yield Progress(self.record.stage, self.record.progress or 0.0, waits=True)
        if run.state == "cancelled":
            raise CancelledError("Learning was stopped; nothing was changed.")
        if run.state == "failed":
            raise GiocondaError(NO_TORCH if run.code == ExitCode.DEVICE else run.error)
        return said + self._taken(run.result or {})

    def _taken(self, result: Mapping[str, Any]) -> str:
        """The portrait knows the person from now on. Returns what to tell."""
        tree = session.tree_of(self.uid)
        if tree is None:
            raise SettingsError(f"The portrait was deleted meanwhile; what was learned is in {self.output}.")
        settings = tree.gioconda
        settings.identity = bpy.path.relpath(str(self.output))
        if settings.neural == "off":
            settings.neural = "auto"
        before, after = float(result.get("before", 1)), float(result.get("after", 1))
        if not result.get("steps"):
            return "The pictures taught the networks nothing new: add other expressions, and other turns of the head."
        return f"The networks know the person: what they miss fell by {100 * (1 - after / max(before, 1e-9)):.0f} %."
