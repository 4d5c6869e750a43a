"""LivePortrait's implicit keypoints: head pose, expression, scale and translation as numbers, and points made of them.

Source: Guo et al., "LivePortrait: Efficient Portrait Animation with Stitching and Retargeting Control", 2024 (arXiv
2407.03168), section 3; the head pose in bins: Wang, Mallya, Liu, "One-Shot Free-View Neural Talking-Head Synthesis for
Video Conferencing", CVPR 2021. Points are rows, (21, 3), and turned by a matrix on their right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..pose import rotation_about

Float = npt.NDArray[np.float64]

BINS, BIN_DEGREES, FIRST_DEGREES = 66, 3.0, -97.5


@dataclass(frozen=True)
class KeypointMotion:
    """What the motion extractor sees in a picture.

    Attributes:
        rotation: (3, 3), R of the paper.
        expression: (21, 3), δ; scale: s; translation: (3,), t, of which z is not used.
        canonical: (21, 3), x_c: the person's keypoints without pose and expression.
    """

    rotation: Float
    expression: Float
    scale: float
    translation: Float
    canonical: Float

    @classmethod
    def of(cls, outputs: Mapping[str, npt.NDArray[np.floating]]) -> KeypointMotion:
        """From the outputs pitch, yaw, roll (1, 66), t (1, 3), exp (1, 63), scale (1, 1), kp (1, 63)."""
        flat = {name: np.asarray(value, np.float64).reshape(-1) for name, value in outputs.items()}
        angles = (degrees(flat[name]) for name in ("pitch", "yaw", "roll"))
        return cls(
            rotation(*angles), flat["exp"].reshape(-1, 3), float(flat["scale"][0]), flat["t"], flat["kp"].reshape(-1, 3)
        )


def degrees(scores: Float) -> float:
    """An angle from its scores (66,), one for each bin of 3°: the mean over the bins, weighed by softmax."""
    weights = np.exp(scores - scores.max())
    return float(weights @ np.arange(BINS) / weights.sum() * BIN_DEGREES + FIRST_DEGREES)


def rotation(pitch: float, yaw: float, roll: float) -> Float:
    """(3, 3) from degrees: (R_z R_y R_x)ᵀ, transposed because points are rows."""
    about_x, about_y, about_z = (rotation_about(i, angle) for i, angle in enumerate(np.radians([pitch, yaw, roll])))
    turned: Float = (about_z @ about_y @ about_x).T
    return turned


def points(motion: KeypointMotion) -> Float:
    """x = s (x_c R + δ) + t, equation 2, (21, 3)."""
    moved: Float = motion.scale * (motion.canonical @ motion.rotation + motion.expression)
    moved[:, :2] += motion.translation[:2]
    return moved


def stitched(target: Float, delta: npt.NDArray[np.floating]) -> Float:
    """Driven keypoints (21, 3) after the stitching network's output (65,): an offset for each, one to all in x and y.

    Section 3.3: it keeps the shoulders where the portrait has them.
    """
    offsets = np.asarray(delta, np.float64).reshape(-1)
    moved: Float = target + offsets[:-2].reshape(-1, 3)
    moved[:, :2] += offsets[-2:]
    return moved
