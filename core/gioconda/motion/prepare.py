"""A motion prepared for retargeting: gaps filled, smoothed, head and face measured against a neutral frame.

Two kinds of source, landmarks and channels, end as the same `PreparedMotion`. Of the portrait only its rotation is
known here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import landmarks
from ..errors import MotionError
from ..job.retarget import RetargetSettings
from ..landmarks import ARKIT, template
from . import blendshapes
from .densify import densify, is_sparse
from .head_motion import HeadTrack, about_neck, relative, smooth_rotations, track_head, with_identity_at
from .motion import Motion, chunks
from .neutral import choose_neutral, most_neutral_channels, most_neutral_face
from .smoothing import fill_gaps, keep_fast, one_euro, savitzky_golay

Float = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]
Smooth = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]

JITTER = 0.0003  # head units: what a tracker adds from frame to frame at best; more would blur speech
FAST_POINTS = (*landmarks.EYE_RIGHT, *landmarks.EYE_LEFT, *landmarks.LIPS_INNER, *landmarks.LIPS_OUTER)


@dataclass(frozen=True)
class PreparedMotion:
    """A motion without gaps, smoothed and measured.

    Attributes:
        face: frames → (f, 478, 3) float32, the driver's face in head space.
        neutral_face: (478, 3) the driver's face when neutral; in absolute mode without its expression.
        head: against the neutral frame, or absolute rotations in absolute mode.
        neutral: index of the neutral frame; None: all channels at zero are neutral, which need not occur.
    """

    face: Callable[[slice], Float32]
    neutral_face: Float
    head: HeadTrack
    neutral: int | None


def prepare_landmarks(
    motion: Motion, portrait_rotation: Float, settings: RetargetSettings, notes: dict[str, Any]
) -> PreparedMotion:
    """Prepare landmarks, (F, 478, 3) pixels with gaps. `notes` are added to.

    Channels that are to be added (`Motion.channels_add`) move the face in the head, after smoothing: they are exact.

    Raises:
        MotionError: no usable frame, or no such neutral frame.
    """
    asked = settings.neutral if isinstance(settings.neutral, int) else motion.neutral
    if is_sparse(motion):
        motion = densify(motion, asked)
        notes["points_measured"] = motion.provenance["points_measured"]
    assert motion.landmarks is not None
    points = _without_gaps(motion.landmarks, notes)
    track = track_head(points)
    face = np.empty_like(points)
    for part in chunks(len(points)):
        face[part] = track.to_head(points[part], part)
    by_default = "none" if motion.provenance.get("smoothed") else "savgol"  # live takes are as they were shown
    smooth = _smoother(settings.smoothing, motion.fps, notes, by_default=by_default)
    if smooth is not None:
        raw, face = face, smooth(face)
        smoothed = track.smoothed(smooth)
        if notes["smoothing"] == "savgol":
            face[:, FAST_POINTS] = keep_fast(raw[:, FAST_POINTS], face[:, FAST_POINTS], JITTER)
            smoothed = track.fast_motions_onto(smoothed)
        track = smoothed
    if motion.channels_add:
        added = _without_gaps(motion.channel_matrix(), notes)
        for part in chunks(len(points)):
            face[part] += blendshapes.displacement(added[part])
    neutral = choose_neutral(asked, len(motion), lambda: most_neutral_face(face, track), notes) or 0
    neutral_face = face[neutral].astype(np.float64)
    head = relative(track, neutral, lock_scale=settings.lock_scale)
    if settings.mode == "absolute":
        _, expression = blendshapes.fit_channels(neutral_face)
        neutral_face = neutral_face - expression
        head = HeadTrack(head.scale, track.rotation @ portrait_rotation.T, head.translation)
    return PreparedMotion(lambda part: face[part], neutral_face, head, neutral)


def prepare_channels(
    motion: Motion, portrait_rotation: Float, settings: RetargetSettings, notes: dict[str, Any]
) -> PreparedMotion:
    """Prepare ARKit channels and head rotation, as `prepare_landmarks`. The driver is the template itself."""
    count = len(motion)
    channels = _without_gaps(motion.channel_matrix(), notes)
    rotation = np.broadcast_to(np.eye(3), (count, 3, 3)) if motion.rotation is None else motion.rotation
    rotation = _without_gaps(rotation.reshape(count, 9), notes).reshape(count, 3, 3)
    shift = np.zeros((count, 3)) if motion.translation is None else _without_gaps(motion.translation, notes)
    scale = np.ones(count) if motion.scale is None else _without_gaps(motion.scale[:, None], notes)[:, 0]
    smooth = _smoother(settings.smoothing, motion.fps, notes, by_default="none")
    if smooth is not None:
        channels, shift, scale = smooth(channels), smooth(shift), smooth(scale)
        rotation = smooth_rotations(rotation, smooth)
    asked = settings.neutral if isinstance(settings.neutral, int) else motion.neutral
    neutral: int | None = None
    if settings.mode == "relative" and settings.neutral != "rest":
        neutral = choose_neutral(asked, count, lambda: most_neutral_channels(channels), notes)
    else:
        notes["neutral"] = "rest"
    neutral_channels = channels[neutral] if neutral is not None else np.zeros(len(ARKIT), np.float32)
    if neutral is not None:
        turned = rotation @ rotation[neutral].T
        scale, shift = scale / scale[neutral], shift - shift[neutral]
    else:
        turned = rotation @ portrait_rotation.T if settings.mode == "absolute" else rotation
    shift = shift + about_neck(turned, portrait_rotation)
    head = HeadTrack(np.ones(count) if settings.lock_scale else scale, turned, shift)
    if neutral is not None:
        head = with_identity_at(head, neutral)
    neutral_face = template() + blendshapes.displacement(neutral_channels[None])[0]
    return PreparedMotion(
        lambda part: (template() + blendshapes.displacement(channels[part])).astype(np.float32),
        neutral_face,
        head,
        neutral,
    )


def _without_gaps(values: npt.NDArray[Any], notes: dict[str, Any]) -> npt.NDArray[Any]:
    """Missing values filled in along time, and noted. Raises: MotionError: there is nothing to fill them from."""
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
        return lambda values: one_euro(values, fps)
    return None
