"""A face's pose: the similarity that carries head space into a picture, and how a portrait is asked to look.

Standard library and numpy only. `Pose` is the engine's whole input for one frame; `Performance` is a sequence of them,
the result of retargeting a motion to one portrait. Both are independent of the portrait's resolution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .landmarks import COUNT, STABLE, template

Float = npt.NDArray[np.float64]


@dataclass(frozen=True)
class HeadPose:
    """picture = scale · rotation · head + translation.

    Attributes:
        scale: pixels per head-space unit, > 0.
        rotation: (3, 3) float64, orthonormal, determinant 1.
        translation: (3,) float64, pixels: where the nose bridge is.
    """

    scale: float
    rotation: Float
    translation: Float

    def to_picture(self, head: Float) -> Float:
        """(..., 3) head space → (..., 3) pixels."""
        return self.scale * head @ self.rotation.T + self.translation

    def to_head(self, picture: Float) -> Float:
        """(..., 3) pixels → (..., 3) head space."""
        head: Float = (picture - self.translation) @ self.rotation / self.scale
        return head


def fit_similarity(source: Float, target: Float, weights: Float | None = None) -> HeadPose:
    """The similarity that carries `source` (N, 3) to `target` (N, 3) with the least (weighted) squared error.

    Source: Umeyama, "Least-squares estimation of transformation parameters between two point patterns", PAMI 1991.
    """
    w = np.full(len(source), 1.0 / len(source)) if weights is None else weights / weights.sum()
    source_mean, target_mean = w @ source, w @ target
    a, b = source - source_mean, target - target_mean
    u, s, vt = np.linalg.svd((w[:, None] * b).T @ a)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = (u * sign) @ vt
    scale = float((s * sign).sum() / (w @ (a**2).sum(1)))
    return HeadPose(scale, rotation, target_mean - scale * rotation @ source_mean)


def head_pose(landmarks: npt.NDArray[np.floating]) -> HeadPose:
    """The pose of a face from its landmarks, (478, 3) pixels, measured on points that do not move with expression."""
    index = list(STABLE)
    return fit_similarity(template()[index], landmarks[index].astype(np.float64))


def rotation_matrix(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> Float:
    """Degrees → (3, 3): roll · yaw · pitch about picture axes.

    Positive yaw turns the nose towards +x (right in the picture), positive pitch lifts the nose (−y),
    positive roll tilts the head clockwise as seen in the picture.
    """
    y, p, r = np.radians([yaw, pitch, roll])
    rotation: Float = rotation_about(2, r) @ rotation_about(1, -y) @ rotation_about(0, -p)
    return rotation


def rotation_about(axis: int, radians: float | Float) -> Float:
    """Right-handed rotations about axis 0, 1 or 2. radians: (…); → (…, 3, 3)."""
    cosine, sine = np.cos(radians), np.sin(radians)
    result = np.zeros((*np.shape(radians), 3, 3))
    i, j = (axis + 1) % 3, (axis + 2) % 3
    result[..., axis, axis] = 1
    result[..., i, i] = result[..., j, j] = cosine
    result[..., j, i], result[..., i, j] = sine, -sine
    return result


def euler_degrees(rotation: Float) -> tuple[float, float, float]:
    """(3, 3) → (yaw, pitch, roll) in degrees, the inverse of `rotation_matrix` for |yaw| < 90°."""
    yaw = np.arctan2(rotation[2, 0], np.hypot(rotation[0, 0], rotation[1, 0]))
    pitch = np.arctan2(-rotation[2, 1], rotation[2, 2])
    roll = np.arctan2(rotation[1, 0], rotation[0, 0])
    return tuple(float(np.degrees(a)) for a in (yaw, pitch, roll))  # type: ignore[return-value]


@dataclass(frozen=True)
class Pose:
    """How the portrait is asked to look in one frame, relative to how it looks in the picture.

    The engine places landmark i at  s·scale · (rotation · R)(Y_i + displacement_i) + t + s·translation, where
    (s, R, t) is the portrait's own pose and Y its landmarks in head space.

    Attributes:
        displacement: (478, 3) float64, head-space units: expression, lids and irises (gaze).
        rotation: (3, 3) float64, picture axes, applied after the portrait's own.
        translation: (3,) float64, head-space units along picture axes.
        scale: relative size, 1 = as in the picture.
        shoulders: how much of the head's turn to the side the shoulders take part in, 0..1.
    """

    displacement: Float = field(default_factory=lambda: np.zeros((COUNT, 3)))
    rotation: Float = field(default_factory=lambda: np.eye(3))
    translation: Float = field(default_factory=lambda: np.zeros(3))
    scale: float = 1.0
    shoulders: float = 0.0

    @property
    def is_identity(self) -> bool:
        """True when the portrait is asked to look exactly as it does: the frame is then the source's own pixels."""
        return (
            self.scale == 1.0
            and not self.displacement.any()
            and not self.translation.any()
            and bool((self.rotation == np.eye(3)).all())
        )


@dataclass(frozen=True)
class Performance(Sequence[Pose]):
    """A motion retargeted to one portrait: one `Pose` a frame.

    Attributes:
        displacement: (frames, 478, 3) float32, see `Pose`.
        rotation: (frames, 3, 3) float64.
        translation: (frames, 3) float64.
        scale: (frames,) float64.
        frames: (frames,) int32, ascending frame numbers.
        fps: frames per second, > 0.
        notes: what a report should know (dropped frames, low confidence, neutral frame chosen …), JSON-able.
        shoulders: see `Pose`.
    """

    displacement: npt.NDArray[np.float32]
    rotation: Float
    translation: Float
    scale: Float
    frames: npt.NDArray[np.int32]
    fps: float
    notes: dict[str, Any] = field(default_factory=dict)
    shoulders: float = 0.0

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> Pose:  # type: ignore[override]
        return Pose(
            self.displacement[index].astype(np.float64),
            self.rotation[index],
            self.translation[index],
            float(self.scale[index]),
            self.shoulders,
        )


def rotation_vector(rotation: Float) -> Float:
    """Rotation matrices (..., 3, 3) as axis times angle, (..., 3), radians, the angle at most π.

    Source: the logarithm of the rotation group by way of the unit quaternion (Shepperd, "Quaternion from rotation
    matrix", 1978): exact near no turn and near half a turn.
    """
    r = np.asarray(rotation, np.float64)
    trace = np.trace(r, axis1=-2, axis2=-1)
    diagonal = np.diagonal(r, axis1=-2, axis2=-1)
    # four candidates, each the quaternion times four times one of its parts; the largest of those parts is divided by
    squares = np.concatenate([1 + trace[..., None], 1 + 2 * diagonal - trace[..., None]], -1)
    xy, xz, yz = (r[..., i, j] + r[..., j, i] for i, j in ((0, 1), (0, 2), (1, 2)))
    wx, wy, wz = (r[..., i, j] - r[..., j, i] for i, j in ((2, 1), (0, 2), (1, 0)))
    w2, x2, y2, z2 = np.moveaxis(squares, -1, 0)
    candidates = np.stack(
        [
            np.stack([w2, wx, wy, wz], -1),
            np.stack([wx, x2, xy, xz], -1),
            np.stack([wy, xy, y2, yz], -1),
            np.stack([wz, xz, yz, z2], -1),
        ],
        -2,
    )
    largest = squares.argmax(-1)[..., None, None]
    quaternion = np.take_along_axis(candidates, np.broadcast_to(largest, (*largest.shape[:-1], 4)), -2)[..., 0, :]
    quaternion /= np.linalg.norm(quaternion, axis=-1, keepdims=True)
    quaternion *= np.where(quaternion[..., :1] < 0, -1.0, 1.0)
    sine = np.linalg.norm(quaternion[..., 1:], axis=-1, keepdims=True)
    angle = 2 * np.arctan2(sine, quaternion[..., :1])
    vector: Float = np.where(sine > 1e-12, angle / np.maximum(sine, 1e-12), 2.0) * quaternion[..., 1:]
    return vector


def rotation_from_vector(vector: Float) -> Float:
    """Axis times angle, (..., 3), radians, as rotation matrices (..., 3, 3). Source: Rodrigues' formula."""
    v = np.asarray(vector, np.float64)
    angle = np.linalg.norm(v, axis=-1)[..., None, None]
    x, y, z = np.moveaxis(v, -1, 0)
    zero = np.zeros_like(x)
    cross = np.stack([np.stack([zero, -z, y], -1), np.stack([z, zero, -x], -1), np.stack([-y, x, zero], -1)], -2)
    small = angle < 1e-4  # by the series, where the quotients lose their digits
    safe = np.where(small, 1.0, angle)
    first = np.where(small, 1 - angle**2 / 6, np.sin(safe) / safe)
    second = np.where(small, 0.5 - angle**2 / 24, (1 - np.cos(safe)) / safe**2)
    rotation: Float = np.eye(3) + first * cross + second * (cross @ cross)
    return rotation
