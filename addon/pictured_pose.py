"""The expression sliders from a picture of any face: found by the warm worker, told in what the sliders move."""

import json
import math
from typing import Any

import bpy
import numpy as np
import numpy.typing as npt

from ..core.gioconda.errors import ExitCode, GiocondaError
from ..core.gioconda.landmarks import ARKIT, template
from ..core.gioconda.motion import regions
from ..core.gioconda.motion.blendshapes import fit_channels
from ..core.gioconda.motion.curves import TURNS
from ..core.gioconda.pose import euler_degrees, head_pose
from ..core.gioconda.worker import messages
from . import preferences, session
from .expression import GROUPS, SLIDERS

Float = npt.NDArray[np.float64]
LEAST = 0.05  # what a slider has at least: less is the noise of finding a face
NOBODY = "No face was found in {name}: choose a picture that shows one larger."


def sliders_of(landmarks: Float, portrait: Float | None = None) -> dict[str, float]:
    """Slider → value for a face, (478, 3) pixels; how much more it does than the portrait's own face, if that is known.

    The sounds are left at 0: jaw, smile and pucker tell what the mouth does. Lids are told by how far they are open:
    whether eyes are small or half shut, a fit cannot know.
    """
    channels, rotation = _explained(landmarks)
    if portrait is not None:
        own, own_rotation = _explained(portrait)
        channels, rotation = channels - own, rotation @ own_rotation.T
    left = dict(zip(ARKIT, channels.tolist(), strict=True))
    turns = dict(zip(TURNS, euler_degrees(rotation), strict=True))
    values = dict.fromkeys(SLIDERS, 0.0)
    for title, group in GROUPS.items():
        for name, slider in group.items():
            if slider.angle:
                values[name] = round(math.radians(sum(turns[column] * w for column, w in slider.up.items())), 4)
            elif title != "Sounds":
                value = _share(left, slider.up) - (_share(left, slider.down) if slider.down else 0.0)
                value = min(max(value, -1.0 if slider.down else 0.0), 1.0)
                if abs(value) >= LEAST:
                    values[name] = round(value, 3)
                    moved = slider.up if value > 0 else slider.down
                    left |= {column: left[column] - abs(value) * weight for column, weight in moved.items()}
    for name, side in (("lid_right", "right"), ("lid_left", "left")):
        closed = 1 - _openness(landmarks, side) / _openness(template() if portrait is None else portrait, side)
        values[name] = round(min(max(closed, -1.0), 1.0), 3) if abs(closed) >= LEAST else 0.0
    return values


def _openness(landmarks: Float, side: str) -> float:
    """How far an eye is open, head units."""
    return max(float(regions.openness(head_pose(landmarks).to_head(landmarks), side)), 1e-3)


def _explained(landmarks: Float) -> tuple[Float, Float]:
    """ARKit channels (52,) of a face, and its head's rotation (3, 3)."""
    pose = head_pose(landmarks)
    channels, _ = fit_channels(pose.to_head(landmarks))
    return channels, pose.rotation


def _share(channels: dict[str, float], moves: dict[str, float]) -> float:
    """How much of what a slider moves is in the channels, by least squares."""
    return sum(channels[column] * weight for column, weight in moves.items()) / sum(w * w for w in moves.values())


class PicturedPose:
    """One picture being looked at, in the background.

    Attributes:
        outcome: "" while it runs, then "done", "failed" or "cancelled"; text: how it ended, for people.
    """

    def __init__(self, tree: bpy.types.NodeTree, path: str) -> None:
        """Raises: GiocondaError: there is no worker."""
        self._uid, self._name, self.outcome, self.text = tree.session_uid, bpy.path.basename(path), "", ""
        folder = session.folder() / "pictured"
        folder.mkdir(parents=True, exist_ok=True)
        request = {"request": "analyse", "portrait": path, "folder": str(folder), "face": "largest"}
        session.forget_error(tree)
        session.state(tree).show("Looking at the picture", 0.5)
        self._request = session.ask(request | preferences.for_worker(bpy.context), self._on_message, tree=tree)

    def cancel(self) -> None:
        """Stop it; harmless when it has ended."""
        if not self.outcome:
            session.worker().ask({"request": "cancel", "which": self._request})
            self._end("cancelled", "The sliders are as they were.")

    def _on_message(self, message: messages.Message) -> None:
        tree = session.tree_of(self._uid)
        if self.outcome or not isinstance(message, messages.Result | messages.Error):
            return
        if tree is None:
            self._end("cancelled", "")
        elif isinstance(message, messages.Error):
            nobody = message.code == ExitCode.NO_FACE
            self._end("failed", NOBODY.format(name=self._name) if nobody else message.text)
        else:
            self._take(tree, message.data["landmarks"])

    def _take(self, tree: bpy.types.NodeTree, landmarks: Any) -> None:
        settings = tree.gioconda
        try:
            portrait = json.loads(settings.landmarks)["landmarks"] if settings.landmarks else None
            known = None if portrait is None else np.array(portrait, np.float64)
            values = sliders_of(np.array(landmarks, np.float64), known)
        except (GiocondaError, KeyError, TypeError, ValueError) as error:
            self._end("failed", f"The face in {self._name} cannot be used ({error}): choose another picture.")
            return
        for name, value in values.items():
            setattr(settings.expression, name, value)
        if not bpy.app.background:
            bpy.ops.ed.undo_push(message="Pose from Picture")
        self._end("done", f"The sliders show the face of {self._name}; key them to keep it.")

    def _end(self, outcome: str, text: str) -> None:
        self.outcome, self.text = outcome, text
        tree = session.tree_of(self._uid)
        if tree is None:
            return
        session.state(tree).show()
        if outcome == "failed":
            session.fail(tree, text)
        elif text:
            session.tell(tree, text)
