"""Finding the face: ask the warm worker, keep its answer in the .blend. One analysis a portrait at a time.

The landmarks are stored in the hand-placed points format (`landmark_points`), the boxes of all faces beside them.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from ..core.gioconda.errors import ExitCode, GiocondaError
from ..core.gioconda.worker import messages
from . import preferences, session
from .compositing import nodes
from .landmark_editor import landmark_points as lp
from .landmark_editor import overlay
from .pictures import image_file

NOBODY = "No face was found in {name}: place a few points by hand (Image Editor, sidebar, Gioconda tab)."
CANCELLED = "The analysis was cancelled."
SEVERAL = "{count} faces were found: click the one to animate in the Image Editor, or choose its number."


@dataclass
class Analysis:
    """One analysis under way, or just finished.

    Attributes:
        tree: session_uid of the portrait's node tree.
        request: the worker's number for it.
        outcome: "" while it runs, then "found", "several", "nobody", "failed" or "cancelled".
        text: what to tell the artist when it has ended.
    """

    tree: int
    request: int = 0
    outcome: str = ""
    text: str = ""

    def cancel(self) -> None:
        """Stop it; harmless when it has ended."""
        if not self.outcome:
            session.worker().ask({"request": "cancel", "which": self.request})
            self.end("cancelled", CANCELLED)

    def end(self, outcome: str, text: str) -> None:
        """What came of it; a failure is kept for the panel, else the text is told there."""
        self.outcome, self.text = outcome, text
        _running.pop(self.tree, None)
        tree = session.tree_of(self.tree)
        if tree is None:
            return
        session.state(tree).show()
        if outcome in ("failed", "nobody"):
            session.fail(tree, text)
        elif outcome != "cancelled":
            session.tell(tree, text)


_running: dict[int, Analysis] = {}


def of(tree: bpy.types.NodeTree) -> Analysis | None:
    """The analysis that is under way for a portrait, or None."""
    return _running.get(tree.session_uid)


def start(tree: bpy.types.NodeTree, context: bpy.types.Context, *, complete: bool = False) -> Analysis:
    """Ask the worker. `complete`: make a whole face of the points the artist placed, instead of searching.

    Raises: GiocondaError: the portrait has no file the worker could read, the points do not suffice, no worker.
    """
    settings = tree.gioconda
    folder = session.folder() / "analysis"
    folder.mkdir(parents=True, exist_ok=True)
    source = image_file.source_of(settings.image, folder)
    request: dict[str, Any] = {
        "request": "analyse",
        "portrait": str(source.path),
        "colorspace": source.colorspace,
        "ocio": source.ocio,
        "layer": settings.layer or None,
        "folder": str(folder),
        "face": settings.face or None,
        **preferences.for_worker(context),
    }
    if complete:
        request["points"] = json.loads(settings.landmarks) if settings.landmarks else None
    if settings.matte is not None:
        request["matte"] = str(image_file.source_of(settings.matte, folder, what="matte").path)
    analysis = Analysis(tree.session_uid)
    session.forget_error(tree)
    session.state(tree).show("Analysing the portrait", 0.0)
    analysis.request = session.ask(request, lambda message: _on_message(analysis, message), tree=tree)
    _running[tree.session_uid] = analysis
    return analysis


def _on_message(analysis: Analysis, message: messages.Message) -> None:
    """One message of the answer."""
    tree = session.tree_of(analysis.tree)
    if analysis.outcome:
        return
    match message:
        case _ if tree is None:
            analysis.end("cancelled", "")
        case messages.Stage():
            session.state(tree).show(message.text, 0.3 if message.name == "read" else 0.6)
        case messages.Progress() if message.total:
            session.state(tree).show(session.state(tree).stage, message.done / message.total)
        case messages.Error(code=ExitCode.CANCELLED):
            analysis.end("cancelled", CANCELLED)
        case messages.Error(code=ExitCode.NO_FACE) if not tree.gioconda.face:
            analysis.end("nobody", NOBODY.format(name=tree.gioconda.image.name))
        case messages.Error():
            analysis.end("failed", message.text)
        case messages.Result():
            analysis.end(*_outcome(tree, message.data))


def _outcome(tree: bpy.types.NodeTree, data: Mapping[str, Any]) -> tuple[str, str]:
    """Store what the worker found; what came of it, and what to tell."""
    try:
        if not store(tree, data):
            return "several", SEVERAL.format(count=len(data["faces"]))
    except (KeyError, TypeError, ValueError, GiocondaError) as error:
        return "failed", f"The worker's analysis cannot be used ({error}): restart Blender and try again."
    return "found", (data.get("notes") or ("The face was found.",))[0]


def store(tree: bpy.types.NodeTree, data: Mapping[str, Any]) -> bool:
    """Keep what the worker found (see core's `requests.Analyse`) in the .blend. Returns whether a face was chosen.

    Raises: InputError, KeyError, ValueError: this is no analysis.
    """
    settings = tree.gioconda
    boxes = [[round(float(side), 1) for side in face["box"]] for face in data["faces"]]
    by_hand = bool(data.get("hand_placed"))
    if data["landmarks"] is not None:
        size = (int(data["size"][0]), int(data["size"][1]))
        text = lp.to_text(lp.from_text(json.dumps({"size": size, "landmarks": data["landmarks"]})))
        settings.landmarks, settings.hand_placed = text, by_hand
        settings.analysed = settings.image.name
        if not by_hand:
            settings.detected = text
        if data.get("face") and len(boxes) > 1:
            settings.face = int(data["face"])
    if not by_hand:
        settings.faces = json.dumps(boxes)
    settings.person = _renamed(data.get("matte"), settings.landmarks)
    overlay.forget_tint()
    overlay.redraw()
    return data["landmarks"] is not None


def _renamed(matte: str | None, landmarks: str) -> str:
    """The worker's file under a name that it will not use again for another portrait; "" where there is none."""
    if not matte:
        return ""
    own = Path(matte).with_name(f"matte {hashlib.sha256(landmarks.encode()).hexdigest()[:16]}.png")
    try:
        return str(Path(matte).replace(own))
    except OSError:
        return ""


def picture_changed(settings: bpy.types.PropertyGroup, context: bpy.types.Context) -> None:
    """The artist chose a picture: what was found in another one is forgotten; points placed by hand stay where the
    new one has the same size, such as a retouched version."""
    image = settings.image
    if image is not None and settings.landmarks and image.name != settings.analysed:
        if not (settings.hand_placed and _size_of(settings.landmarks) == tuple(image.size)):
            forget(settings)
        settings.analysed = image.name
    nodes.setting_changed(settings, context)


def _size_of(landmarks: str) -> tuple[int, int] | None:
    try:
        points = lp.from_text(landmarks)
    except GiocondaError:
        return None
    return points.size if points else None


def forget(settings: bpy.types.PropertyGroup) -> None:
    """Another picture: what was found in the last one says nothing about it."""
    for name in ("landmarks", "detected", "faces", "person"):
        setattr(settings, name, "")
    settings.hand_placed = False
    settings.face = 0
    overlay.forget_tint()
