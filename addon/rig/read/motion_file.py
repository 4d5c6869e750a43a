"""A motion file as the source: brought to the scene's rate and numbered by the scene's frames."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ....core.gioconda.motion.files import load_motion
from ....core.gioconda.motion.motion import Motion
from ..errors import RigError

PLAIN = {".npz", ".json", ".csv", ".txt", ".tsv"}


def motion_path(rig: bpy.types.PropertyGroup) -> Path:
    """The file the artist chose.

    Raises:
        RigError: none chosen, or it is not there.
    """
    if not rig.file:
        raise RigError("Choose a motion file: a Live Link Face CSV, .npz, .json or a video.")
    path = Path(bpy.path.abspath(rig.file))
    if not path.is_file():
        raise RigError(f"There is no motion file {path}.")
    return path


def passthrough(tree: bpy.types.NodeTree) -> Path | None:
    """The video that the worker has to track itself, or None where `bake` reads the motion.

    Raises:
        RigError: a file is the source, and it is not there.
    """
    rig = tree.gioconda.rig
    if rig.kind != "FILE" and not (rig.kind == "AUTO" and (rig.found or "FILE") == "FILE" and rig.file):
        return None
    path = motion_path(rig)
    return None if path.suffix.lower() in PLAIN else path


def file_motion(rig: bpy.types.PropertyGroup, fps: float) -> Motion:
    """The whole motion; its first frame is the scene frame `file_start`.

    Raises:
        RigError: no such file, or a video. MotionError: it cannot be read.
    """
    path = motion_path(rig)
    if path.suffix.lower() not in PLAIN:
        raise RigError(f"{path.name} is a video: its face is tracked when the portrait is rendered, not before.")
    motion = load_motion(path)
    if abs(motion.fps / fps - 1) < 1e-3:
        shift = rig.file_start - int(motion.frames[0])
        return replace(motion, frames=motion.frames + shift, fps=fps)
    return _resampled(motion, fps, rig.file_start)


def _resampled(motion: Motion, fps: float, start: int) -> Motion:
    """The same at another rate, linearly between frames."""
    seconds = (motion.frames - motion.frames[0]) / motion.fps
    count = int(np.floor(seconds[-1] * fps + 1e-6)) + 1
    at = np.interp(np.arange(count) / fps, seconds, np.arange(len(seconds)))
    low = np.minimum(at.astype(int), len(seconds) - 1)
    high = np.minimum(low + 1, len(seconds) - 1)
    changes: dict[str, Any] = {}
    for name in ("landmarks", "channels", "rotation", "translation", "scale", "confidence"):
        value = getattr(motion, name)
        if value is not None:
            part = (at - low).reshape(-1, *[1] * (value.ndim - 1))
            changes[name] = (1 - part) * value[low] + part * value[high]
    if "rotation" in changes:
        u, _, vt = np.linalg.svd(np.nan_to_num(changes["rotation"]))
        changes["rotation"] = np.where(np.isnan(changes["rotation"]), np.nan, u @ vt)
    neutral = None if motion.neutral is None else int(np.abs(at - motion.neutral).argmin())
    return replace(motion, frames=np.arange(count) + start, fps=fps, neutral=neutral, **changes)
