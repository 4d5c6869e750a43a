"""A motion made ready to drive: gaps filled, smoothed, the head's pose and the face measured against a neutral frame.

Two kinds of source, landmarks and channels, end as the same `Drive`. It knows nothing of the portrait but its rotation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .. import landmarks
from ..errors import MotionError
from ..landmarks import ARKIT, template
from . import blendshapes
from .densify import densify, is_sparse
from .head_motion import HeadTrack, about_neck, pinned, relative, smooth_rotations, track_heads
from .motion import Motion
from .neutral import calmest_channels, calmest_face, choose
from .smoothing import OneEuro, fill_gaps, keep_fast, savitzky_golay

if TYPE_CHECKING:
    from .retarget import RetargetSettings

Float = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]
Smooth = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]

CHUNK = 512  # frames at a time
JITTER = 0.0003  # head units: what a tracker adds from frame to frame at best; more would take the bite out of speech
FAST = (*landmarks.EYE_RIGHT, *landmarks.EYE_LEFT, *landmarks.LIPS_INNER, *landmarks.LIPS_OUTER)


@dataclass(frozen=True)
class Drive:
    """A motion made ready: whole, smooth, measured.

    Attributes:
        face: frames → (f, 478, 3) float32, the driver's face in head space.
        rest: (478, 3) the driver's face when neutral; in absolute mode without its expression.
        head: against the neutral frame, or absolute rotations in absolute mode.
        neutral: index of the neutral frame; None: the rest pose, which need not occur.
    """

    face: Callable[[slice], Float32]
    rest: Float
    head: HeadTrack
    neutral: int | None


def from_landmarks(motion: Motion, own: Float, settings: RetargetSettings, notes: dict[str, Any]) -> Drive:
    """Landmarks, (F, 478, 3) pixels with gaps, to a `Drive`. `own` is the portrait's rotation; `notes` are added to.

    Channels that are to be added (`Motion.channels_add`) move the face in the head, after smoothing: they are exact.

    Raises:
        MotionError: no usable frame, or no such neutral frame.
    """
    asked = settings.neutral if isinstance(settings.neutral, int) else motion.neutral
    if is_sparse(motion):
        motion = densify(motion, asked)
        notes["points_measured"] = motion.provenance["points_measured"]
    assert motion.landmarks is not None
    points = _whole(motion.landmarks, notes)
    track = track_heads(points)
    face = np.empty_like(points)
    for first in range(0, len(points), CHUNK):
        part = slice(first, first + CHUNK)
        face[part] = track.to_head(points[part], part)
    smooth = _smoother(settings.smoothing, motion.fps, notes, by_default="savgol")
    if smooth is not None:
        raw, face = face, smooth(face)
        calm = track.smoothed(smooth)
        if notes["smoothing"] == "savgol":
            face[:, FAST] = keep_fast(raw[:, FAST], face[:, FAST], JITTER)
            calm = track.blended(calm)
        track = calm
    if motion.channels_add:
        added = _whole(motion.channel_matrix(), notes)
        for first in range(0, len(points), CHUNK):
            part = slice(first, first + CHUNK)
            face[part] += blendshapes.displacement(added[part])
    neutral = choose(asked, len(motion), lambda: calmest_face(face, track), notes) or 0
    rest = face[neutral].astype(np.float64)
    head = relative(track, neutral, lock_scale=settings.lock_scale)
    if settings.mode == "absolute":
        _, expression = blendshapes.fit_channels(rest)
        rest = rest - expression
        head = HeadTrack(head.scale, track.rotation @ own.T, head.translation)
    return Drive(lambda part: face[part], rest, head, neutral)


def from_channels(motion: Motion, own: Float, settings: RetargetSettings, notes: dict[str, Any]) -> Drive:
    """ARKit channels and head rotation to a `Drive`, as `from_landmarks`. The driver is the template itself."""
    count = len(motion)
    channels = _whole(motion.channel_matrix(), notes)
    rotation = np.broadcast_to(np.eye(3), (count, 3, 3)) if motion.rotation is None else motion.rotation
    rotation = _whole(rotation.reshape(count, 9), notes).reshape(count, 3, 3)
    shift = np.zeros((count, 3)) if motion.translation is None else _whole(motion.translation, notes)
    scale = np.ones(count) if motion.scale is None else _whole(motion.scale[:, None], notes)[:, 0]
    smooth = _smoother(settings.smoothing, motion.fps, notes, by_default="none")
    if smooth is not None:
        channels, shift, scale = smooth(channels), smooth(shift), smooth(scale)
        rotation = smooth_rotations(rotation, smooth)
    asked = settings.neutral if isinstance(settings.neutral, int) else motion.neutral
    neutral: int | None = None
    if settings.mode == "relative" and settings.neutral != "rest":
        neutral = choose(asked, count, lambda: calmest_channels(channels), notes)
    else:
        notes["neutral"] = "rest"
    zero = channels[neutral] if neutral is not None else np.zeros(len(ARKIT), np.float32)
    if neutral is not None:
        turned = rotation @ rotation[neutral].T
        scale, shift = scale / scale[neutral], shift - shift[neutral]
    else:
        turned = rotation @ own.T if settings.mode == "absolute" else rotation
    head = HeadTrack(np.ones(count) if settings.lock_scale else scale, turned, shift + about_neck(turned, own))
    if neutral is not None:
        head = pinned(head, neutral)
    rest = template() + blendshapes.displacement(zero[None])[0]
    return Drive(
        lambda part: (template() + blendshapes.displacement(channels[part])).astype(np.float32), rest, head, neutral
    )


def _whole(values: npt.NDArray[Any], notes: dict[str, Any]) -> npt.NDArray[Any]:
    """Missing values filled in along time, and noted.

    Raises:
        MotionError: there is nothing to fill them from.
    """
    if not np.isnan(values).any():
        return values
    filled, missing = fill_gaps(values)
    if filled is None:
        raise MotionError("the motion has no usable frame: every frame misses some of its values")
    notes["frames_interpolated"] = max(int(missing), int(notes.get("frames_interpolated", 0)))
    return filled


def _smoother(kind: str, fps: float, notes: dict[str, Any], *, by_default: str) -> Smooth | None:
    """The filter for arrays (frames, …) in head units, or None."""
    kind = by_default if kind == "auto" else kind
    notes["smoothing"] = kind
    if kind == "savgol":
        return savitzky_golay
    if kind == "one_euro":
        return lambda values: OneEuro(fps).run(values)
    return None
