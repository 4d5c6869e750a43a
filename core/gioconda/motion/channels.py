"""Landmarks → ARKit channels: what a face does, in the terms of other programs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..landmarks import ARKIT
from .blendshapes import expression_basis
from .densify import densify, is_sparse
from .head_motion import track_head
from .motion import Motion, chunks
from .neutral import most_neutral_face

Float = npt.NDArray[np.float64]
RIDGE = 0.002  # what a channel of 1 costs, in head units of misfit of every point
SWEEPS = 100  # of coordinate descent


def to_channels(motion: Motion) -> tuple[Float, Float | None]:
    """(F, 52) channels, 0 to 1, in the order of `ARKIT`, and (F, 3, 3) head rotations or None; NaN without a face.

    Landmarks are measured against the neutral frame: the one the motion names, else the most neutral.

    Raises: MotionError: too few landmarks to tell where the head is.
    """
    given = motion.channel_matrix().astype(np.float64)
    if motion.landmarks is None:
        return given, motion.rotation
    if is_sparse(motion):
        motion = densify(motion, motion.neutral)
    landmarks = motion.landmarks
    assert landmarks is not None
    channels = np.full((len(motion), len(ARKIT)), np.nan)
    rotation = np.full((len(motion), 3, 3), np.nan)
    whole = np.flatnonzero(np.isfinite(landmarks).all((1, 2)))
    if not len(whole):
        return channels, rotation
    points = landmarks[whole]
    track = track_head(points)
    face = np.concatenate([track.to_head(points[part], part) for part in chunks(len(points))])
    neutral = None if motion.neutral is None else int(np.abs(whole - motion.neutral).argmin())
    neutral = most_neutral_face(face, track) if neutral is None else neutral
    channels[whole] = _explained(face - face[neutral])
    if motion.channels_add:
        channels = np.clip(channels + given, 0, 1)
    rotation[whole] = track.rotation
    return channels, rotation


def _explained(displaced: Float) -> Float:
    """The channels, (F, 52) within 0 and 1, whose sum of displacements is nearest to (F, 478, 3), head space.

    Least squares with a ridge and bounds, by coordinate descent for all frames at once (Franc, Hlaváč and Navara,
    "Sequential coordinate-wise algorithm for the non-negative least squares problem", 2005).
    """
    basis = expression_basis().reshape(len(ARKIT), -1).astype(np.float64)
    normal = basis @ basis.T + RIDGE**2 * displaced.shape[1] * np.eye(len(ARKIT))
    wanted = displaced.reshape(len(displaced), -1) @ basis.T
    channels = np.zeros_like(wanted)
    for _ in range(SWEEPS):
        for i in range(len(ARKIT)):
            slope = wanted[:, i] - channels @ normal[i]
            channels[:, i] = np.clip(channels[:, i] + slope / normal[i, i], 0, 1)
    return channels
