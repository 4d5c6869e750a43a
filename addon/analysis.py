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


_running: dict[int, Analysis] = {}


def of(tree: bpy.types.NodeTree) -> Analysis | None:
    """The analysis that is under way for a portrait, or None."""
    return _running.get(tree.session_uid)


def start(tree: bpy.types.NodeTree, context: bpy.types.Context, *, complete: bool = False) -> Analysis:
    """Ask the worker. `complete`: make a whole face of the points the artist placed, instead of searching.

    Raises:
        GiocondaError: the portrait has no file the worker could read, the points do not suffice, no worker.
    """
    settings, chosen = tree.gioconda, preferences.preferences(context)
    folder = session.folder() / "analysis"
    folder.mkdir(parents=True, exist_ok=True)
    source = image_file.source_of(settings.image, folder)
    request: dict[str, Any] = {
        "request": "analyse",
        "portrait": str(source.path),
        "colorspace": source.colorspace,
        "ocio": source.ocio,
        "folder": str(folder),
        "face": settings.face or None,
        "models": chosen.models or None,
        "device": chosen.device,
        "threads": chosen.threads or None,
    }
    if complete:
        request["points"] = json.loads(settings.landmarks) if settings.landmarks else None
    if settings.matte is not None:
        request["matte"] = str(image_file.source_of(settings.matte, folder, what="matte").path)
    analysis = Analysis(tree.session_uid)
    session.forget_error(tree)
    _say(tree, "Analysing the portrait", 0.0)
    analysis.request = session.ask(request, lambda message: _heard(analysis, message), tree=tree)
    _running[tree.session_uid] = analysis
    return analysis


def cancel(analysis: Analysis) -> None:
    """Stop it; harmless when it has ended."""
    if analysis.outcome:
        return
    session.worker().ask({"request": "cancel", "which": analysis.request})
    _end(analysis, "cancelled", "The analysis was cancelled.")


def _heard(analysis: Analysis, message: messages.Message) -> None:
    """One message of the answer."""
    tree = session.tree_of(analysis.tree)
    if analysis.outcome or tree is None:
        _end(analysis, "cancelled", "")
    elif isinstance(message, messages.Stage):
        _say(tree, message.text, 0.3 if message.name == "read" else 0.6)
    elif isinstance(message, messages.Progress) and message.total:
        _say(tree, session.state(tree).stage, message.done / message.total)
    elif isinstance(message, messages.Error):
        _refused(analysis, tree, message)
    elif isinstance(message, messages.Result):
        _answered(analysis, tree, message.data)


def _refused(analysis: Analysis, tree: bpy.types.NodeTree, error: messages.Error) -> None:
    if error.code == ExitCode.CANCELLED:
        _end(analysis, "cancelled", "The analysis was cancelled.")
    elif error.code == ExitCode.NO_FACE and not tree.gioconda.face:
        _end(analysis, "nobody", NOBODY.format(name=tree.gioconda.image.name))
        session.fail(tree, analysis.text)
    else:
        _end(analysis, "failed", error.text)
        session.fail(tree, error.text)


def _answered(analysis: Analysis, tree: bpy.types.NodeTree, data: Mapping[str, Any]) -> None:
    try:
        found = store(tree, data)
    except (KeyError, TypeError, ValueError, GiocondaError) as error:
        _end(analysis, "failed", f"The worker's analysis cannot be used ({error}): restart Blender and try again.")
        session.fail(tree, analysis.text)
        return
    count = len(data["faces"])
    if found:
        notes = data.get("notes") or ("The face was found.",)
        _end(analysis, "found", notes[0])
        session.tell(tree, notes[0])
    else:
        _end(analysis, "several", SEVERAL.format(count=count))
        session.tell(tree, analysis.text)


def store(tree: bpy.types.NodeTree, data: Mapping[str, Any]) -> bool:
    """Keep what the worker found (see core's `requests.Analyse`) in the .blend. Returns whether a face was chosen.

    Raises:
        InputError, KeyError, ValueError: this is no analysis.
    """
    settings = tree.gioconda
    boxes = [[round(float(side), 1) for side in face["box"]] for face in data["faces"]]
    by_hand = bool(data.get("hand_placed"))
    if data["landmarks"] is not None:
        size = (int(data["size"][0]), int(data["size"][1]))
        text = json.dumps({"size": size, "landmarks": data["landmarks"]})
        text = lp.to_text(lp.from_text(text))
        settings.landmarks, settings.hand_placed = text, by_hand
        settings.analysed = settings.image.name
        if not by_hand:
            settings.detected = text
        if data.get("face") and len(boxes) > 1:
            settings.face = int(data["face"])
    if not by_hand:
        settings.faces = json.dumps(boxes)
    settings.person = _kept(data.get("matte"), settings.landmarks)
    overlay.forget_tint()
    overlay.redraw()
    return data["landmarks"] is not None


def _kept(matte: str | None, landmarks: str) -> str:
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


def _say(tree: bpy.types.NodeTree, stage: str, progress: float) -> None:
    record = session.state(tree)
    record.stage, record.progress, record.seconds_left = stage, progress, None
    session.redraw()


def _end(analysis: Analysis, outcome: str, text: str) -> None:
    analysis.outcome, analysis.text = analysis.outcome or outcome, analysis.text or text
    _running.pop(analysis.tree, None)
    tree = session.tree_of(analysis.tree)
    if tree is not None:
        record = session.state(tree)
        record.progress, record.stage = None, ""
        session.redraw()
