"""An eye as columns: where brow, fold, both lids and the pouch lie, from the outer corner to the inner one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from .. import landmarks as lm
from ..arrays import Float

COLUMNS = 109
BEYOND = 0.36  # how far the columns reach past the corners, eye widths
AT = np.linspace(-BEYOND, 1 + BEYOND, COLUMNS)  # where a column is, eye widths from the outer corner
_BROW_RIGHT, _BROW_LEFT = (46, 53, 52, 65, 55), (276, 283, 282, 295, 285)  # the lower edge, from outside


@dataclass(frozen=True)
class LidCurves:
    """Heights are eye widths below the line through the corners, negative above it; one per column, (COLUMNS,).

    Attributes:
        corner: (2,) the outer corner; width: to the inner one, both in pixels of the picture.
        along, up: (2,) unit vectors to the inner corner and, across, to the brow.
        brow, fold, upper, lower, pouch: heights.
        gap: how far the eye is open, the mean between its lids, pixels.
    """

    corner: Float
    width: float
    along: Float
    up: Float
    brow: Float
    fold: Float
    upper: Float
    lower: Float
    pouch: Float
    gap: float

    def picture(self, at: Float, height: Float) -> Float:
        """Where a place of the eye is in the picture, (…, 2) pixels."""
        return self.corner + self.width * (at[..., None] * self.along - height[..., None] * self.up)

    def place(self, points: Float) -> tuple[Float, Float]:
        """The inverse: `at` and `height` of points (…, 2) of the picture."""
        offset = (points - self.corner) / self.width
        return offset @ self.along, -(offset @ self.up)


def eye_opening(landmarks: Float, loop: tuple[int, ...]) -> tuple[float, float]:
    """`LidCurves.width` and `gap` alone. landmarks: (478, 2 or 3) pixels; loop: the eye's 16 landmarks."""
    outline = landmarks[list(loop), :2]
    width = max(float(np.linalg.norm(outline[8] - outline[0])), 1e-6)
    return width, float(np.linalg.norm(outline[1:8] - outline[:8:-1], axis=1).mean())


def lid_curves(landmarks: Float, loop: tuple[int, ...]) -> LidCurves:
    """landmarks: (478, 2 or 3) pixels; loop: the eye's 16 landmarks."""
    right = loop == lm.EYE_RIGHT
    fold = landmarks[list(lm.CREASE_RIGHT if right else lm.CREASE_LEFT), :2]
    brow = landmarks[list(_BROW_RIGHT if right else _BROW_LEFT), :2]
    pouch = landmarks[list(lm.POUCH_RIGHT if right else lm.POUCH_LEFT), :2]
    outline = landmarks[list(loop), :2]
    width, gap = eye_opening(landmarks, loop)
    along = (outline[8] - outline[0]) / width
    up = np.array([along[1], -along[0]])
    up = up if (fold.mean(0) - outline.mean(0)) @ up > 0 else -up

    def curve(points: Float, sigma: float) -> Float:
        offset = (points - outline[0]) / width
        # landmarks of an eye turned far away may pass each other: the columns never go back
        at = np.maximum.accumulate(offset @ along) + 1e-6 * np.arange(len(points))
        return smoothed(np.interp(AT, at, -(offset @ up)), sigma)

    return LidCurves(
        corner=outline[0],
        width=width,
        along=along,
        up=up,
        brow=curve(brow, 4),
        fold=curve(fold, 2),
        upper=curve(outline[:9], 2),
        lower=curve(outline[[0, *range(15, 7, -1)]], 2),
        pouch=curve(pouch, 3),
        gap=gap,
    )


def smoothed(column_values: Float, sigma: float) -> Float:
    """Blurred over the columns, (COLUMNS,); the ends repeated."""
    kernel = _gaussian(sigma)
    reach = len(kernel) // 2
    ends = np.full(reach, column_values[0]), np.full(reach, column_values[-1])
    return np.convolve(np.concatenate([ends[0], column_values, ends[1]]), kernel, "valid")


@cache
def _gaussian(sigma: float) -> Float:
    """A Gaussian's weights out to three sigma on either side, which sum to 1."""
    reach = int(3 * sigma + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return np.asarray(kernel / kernel.sum())


def at_columns(values: Float, at: Float) -> Float:
    """Values given per column, (COLUMNS,), looked up at any `at` (…)."""
    return np.interp(at, AT, values)
