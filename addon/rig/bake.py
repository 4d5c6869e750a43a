"""A portrait's rig → Motion: mapped first if nobody has mapped it, then read frame by frame. Or its motion file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy

from ...core.gioconda.motion.files import is_sound, is_video, load_motion
from ...core.gioconda.motion.motion import Motion
from .errors import RigError
from .map import automap
from .read.plan import chosen_kind, make_plan
from .read.sample import sample_steps
from .steps import Steps, finish, portion, still_there


def bake(tree: bpy.types.NodeTree, scene: bpy.types.Scene, frames: Sequence[float]) -> Motion:
    """The rig's motion in these frames.

    Index 0 of the result is an extra, neutral frame (the bind pose), numbered one before the first frame; it is
    `Motion.neutral`, so that one frame baked alone gives the same pose as in a range. Fractional frames are numbered
    in substeps: with provenance "substeps" k, a frame f has the number f · k, and fps is k times the scene's.

    Args:
        frames: scene frames, ascending, fractions allowed.

    Raises: RigError: no rig, a row names something that is gone, nothing drives the portrait.
    """
    return finish(bake_steps(tree, scene, frames))


def bake_steps(tree: bpy.types.NodeTree, scene: bpy.types.Scene, frames: Sequence[float]) -> Steps[Motion]:
    """`bake` in steps of about 30 ms.

    The scene may be changed, undone or closed between two steps; then the next one raises RigError. Closing the
    generator early removes the temporary scene.

    Raises: RigError: as `bake`.
    """
    if not len(frames):
        raise RigError("There are no frames to read from the rig.")
    uid, scene_name = tree.session_uid, scene.name
    yield from portion(automap.ensure_steps(tree, scene), 0.0, 0.0)
    tree, scene = still_there(uid, scene_name)
    rig = tree.gioconda.rig
    notes = {"source": "rig", "kind": chosen_kind(rig), "rig": rig.target.name if rig.target else ""}
    return (yield from sample_steps(make_plan(tree), scene, frames, notes))


def has_rig(tree: bpy.types.NodeTree) -> bool:
    """Whether something of the scene drives the portrait: not a file, not nothing yet."""
    rig = tree.gioconda.rig
    return rig.kind != "FILE" and (rig.target is not None or rig.collection is not None)


def from_file(tree: bpy.types.NodeTree) -> bool:
    """Whether a motion file drives the portrait, instead of something in the scene."""
    return chosen_kind(tree.gioconda.rig) == "FILE"


def motion_file(tree: bpy.types.NodeTree) -> Path:
    """The motion file or video that the artist chose. Raises: RigError: none chosen, or it is not there."""
    rig = tree.gioconda.rig
    if not rig.file:
        raise RigError("Choose a motion file: a Live Link Face CSV, .npz, .json, .bvh, a video or a voice.")
    path = Path(bpy.path.abspath(rig.file, library=tree.library))
    if not path.is_file():
        raise RigError(f"There is no motion file {path}.")
    return path


def voice_of(tree: bpy.types.NodeTree) -> dict[str, str | None]:
    """Fields of `Job`: what the sound says that drives the portrait; none for another motion file.

    Raises: RigError: no file was chosen, or its text is not there.
    """
    rig = tree.gioconda.rig
    if not is_sound(motion_file(tree)):
        return {}
    text = bpy.path.abspath(rig.text, library=tree.library) if rig.text else None
    if text is not None and not Path(text).is_file():
        raise RigError(f"There is no text {text}: choose it again, or leave Spoken Text empty.")
    return {"text": text, "language": rig.language or None}


def read_motion_file(tree: bpy.types.NodeTree, scene: bpy.types.Scene) -> Motion:
    """The motion file, at the scene's rate and numbered by the scene's frames.

    Raises: RigError: no such file, a video or a sound. MotionError: it cannot be read.
    """
    path = motion_file(tree)
    if is_video(path):
        raise RigError(f"{path.name} is a video: its face is tracked when the portrait is previewed or rendered.")
    if is_sound(path):
        raise RigError(f"{path.name} is a sound: its motion is made when the portrait is previewed or rendered.")
    return load_motion(path).retimed(scene.render.fps / scene.render.fps_base, tree.gioconda.rig.file_start)


def retarget_settings(tree: bpy.types.NodeTree) -> dict[str, Any]:
    """Fields of `RetargetSettings` that suit the rig: exact values need no smoothing and no dead band."""
    return {} if from_file(tree) else {"smoothing": "none", "dead_band": 0.0, "lid_floor": 0.0}
