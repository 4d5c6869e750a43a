"""The square crops of a picture that the networks see: the head as the portrait has it, mouth and eyes where they are.

The head's crop stands still in the picture, so that the plate stands still in it. The crops of mouth and eyes follow
the skull: the same face looks the same in them at any resolution, position and tilt. The right eye's is mirrored: one
network serves both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .. import landmarks as lm
from ..arrays import Float, Float32, Floating, Int
from ..imaging import resample
from ..pose import HeadPose, fit_similarity

HEAD_SIDE = 2.0  # of the head's crop, in units of the face's larger side
HEAD_RAISED = 0.05  # of its side
MOUTH_SIDE, EYE_SIDE = 1.15, 0.8  # in head units (distance between the eyes' outer corners)


@dataclass(frozen=True)
class Sizes:
    """The sides of the crops as a network sees them, pixels, each a multiple of 4."""

    head: int
    mouth: int
    eye: int


FAST, FULL = Sizes(256, 128, 96), Sizes(512, 256, 192)


@dataclass(frozen=True)
class Crop:
    """A square of the picture seen at a size of its own.

    Attributes:
        to_picture: (2, 3) float64, pixels of the crop → pixels of the picture, corners at (0, 0).
        size: the crop's side in its own pixels.
    """

    to_picture: Float
    size: int

    @classmethod
    def around(cls, centre: Float, side: float, size: int, *, along: Float, mirrored: bool = False) -> Crop:
        """A square of `side` picture pixels around `centre` (2,), its x axis along the unit vector `along` (2,)."""
        across = np.array([-along[1], along[0]])
        x_axis = -along if mirrored else along
        linear = np.stack([x_axis, across], axis=1) * (side / size)
        return cls(np.concatenate([linear, (centre - linear @ [size / 2, size / 2])[:, None]], axis=1), size)

    @property
    def scale(self) -> float:
        """Crop pixels per picture pixel."""
        return float(1 / np.hypot(self.to_picture[0, 0], self.to_picture[1, 0]))

    def from_picture(self) -> Float:
        """(2, 3): pixels of the picture → pixels of the crop."""
        (a, b, _), (c, d, _) = self.to_picture
        back = np.array([[d, -b], [-c, a]]) / (a * d - b * c)
        return np.concatenate([back, -(back @ self.to_picture[:, 2])[:, None]], axis=1)

    def to_crop(self, points: Floating) -> Float:
        """(N, 2 or 3) picture pixels → (N, 2) crop pixels."""
        back = self.from_picture()
        moved: Float = points[:, :2].astype(np.float64) @ back[:, :2].T + back[:, 2]
        return moved

    def cut(self, picture: Float32) -> Float32:
        """What a picture (H, W[, C]) shows there, averaged down or sampled linearly. (size, size[, C])"""
        x0, y0, x1, y1 = self.box(picture.shape[1], picture.shape[0])
        moved = self.to_picture.copy()
        moved[:, 2] -= (x0, y0)
        part = np.ascontiguousarray(picture[y0:y1, x0:x1])
        return np.asarray(resample.warp_affine(part, moved, self.size, self.size, method="area"), np.float32)

    def box(self, width: int, height: int) -> tuple[int, int, int, int]:
        """The part of a picture that sampling needs, x0, y0, x1, y1: a little more than the crop covers."""
        return self._box(width, height, margin=4, least=8)

    def covered(self, width: int, height: int) -> tuple[int, int, int, int]:
        """The whole pixels of a picture that it covers, x0, y0, x1, y1; at least one."""
        return self._box(width, height, margin=0, least=1)

    def _box(self, width: int, height: int, *, margin: int, least: int) -> tuple[int, int, int, int]:
        corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]]) * self.size @ self.to_picture[:, :2].T
        corners += self.to_picture[:, 2]
        low = np.clip(np.floor(corners.min(0)) - margin, 0, (width - least, height - least)).astype(int)
        high = np.clip(np.ceil(corners.max(0)) + margin, low + least, (width, height)).astype(int)
        return int(low[0]), int(low[1]), int(high[0]), int(high[1])

    def averages(self, box: Sequence[int] | Int) -> tuple[int, int]:
        """(h, w): to how many pixels a box of the picture is averaged down before it is sampled: about as many as the
        crop has there, never more than there are."""
        across, down = np.hypot(self.to_picture[:, 0], self.to_picture[:, 1])
        x0, y0, x1, y1 = (int(k) for k in box)
        return max(1, round((y1 - y0) / max(1.0, down))), max(1, round((x1 - x0) / max(1.0, across)))

    def to_averages(self, box: Sequence[int] | Int) -> Float:
        """(2, 3): pixels of the crop → pixels of a box's averages."""
        x0, y0, x1, y1 = (int(k) for k in box)
        h, w = self.averages(box)
        moved = self.to_picture.copy()
        moved[:, 2] -= (x0, y0)
        moved *= np.array([[w / (x1 - x0)], [h / (y1 - y0)]])
        return moved


def head_crop(landmarks: Float, size: int = FAST.head) -> Crop:
    """The head's crop, `size` pixels wide, from the portrait's landmarks, (478, 3) pixels."""
    face = landmarks[: lm.FACE_POINTS, :2]
    low, high = face.min(0), face.max(0)
    side = HEAD_SIDE * float((high - low).max())
    centre = (low + high) / 2 - [0, HEAD_RAISED * side]
    return Crop.around(centre, side, size, along=np.array([1.0, 0.0]))


def skull_pose(head: Float, target: Float) -> HeadPose:
    """The skull's pose that carries the portrait's head-space landmarks (478, 3) to `target` (478, 3) pixels."""
    stable = list(lm.STABLE)
    return fit_similarity(head[stable], target[stable])


def detail_crops(target: Float, pose: HeadPose, sizes: Sizes = FAST) -> tuple[Crop, Crop, Crop]:
    """The crops of mouth, left eye and (mirrored) right eye.

    target: (478, 3) landmarks, pixels; pose: of the skull, which gives size and tilt.
    """
    along = pose.rotation[:2, 0]
    along = along / max(float(np.linalg.norm(along)), 1e-6)
    lips = target[[lm.MOUTH_RIGHT, lm.MOUTH_LEFT, 0, 17], :2].mean(0)
    left, right = (target[list(loop), :2].mean(0) for loop in (lm.EYE_LEFT, lm.EYE_RIGHT))
    side = EYE_SIDE * pose.scale
    return (
        Crop.around(lips, MOUTH_SIDE * pose.scale, sizes.mouth, along=along),
        Crop.around(left, side, sizes.eye, along=along),
        Crop.around(right, side, sizes.eye, along=along, mirrored=True),
    )
