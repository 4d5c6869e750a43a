"""Small painted areas laid over the warped portrait: eyeballs, the inside of the mouth, rigid things."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import Float, Float32
from ..imaging import draw, resample
from ..pose import HeadPose
from .kernels import PAD, sample_affine

EDGE_ON = 0.02  # how much of a plane's area is left when it is seen from its edge


@dataclass(frozen=True)
class Patch:
    """
    Attributes:
        origin: (x, y) of the patch's corner in the picture, whole pixels.
        colour: (h, w, 4) float32, scene-linear, premultiplied, alpha 1.
        coverage: (h, w) float32, 0..1.
        anywhere: it lies over all of the person; else only over the face, not over hair before an eye.
        confidence: (h, w) float32, 0..1, see the Confidence pass; None: nothing is made up.
    """

    origin: tuple[int, int]
    colour: Float32
    coverage: Float32
    anywhere: bool = False
    confidence: Float32 | None = None


@dataclass(frozen=True)
class Opening:
    """An outline in the picture and the whole pixels around it.

    Attributes:
        outline: (M, 2) float64, picture pixels.
        origin, size: the box of whole pixels that holds it, inside the picture.
        softness: pixels over which its edge is blurred.
    """

    outline: Float
    origin: tuple[int, int]
    size: tuple[int, int]
    softness: float

    def coverage(self) -> Float32:
        """(h, w) float32, 0..1."""
        mask = draw.fill_polygon(self.outline, *self.size, origin=self.origin)
        return resample.gaussian_blur(mask, self.softness) if self.softness > 0.2 else mask


def opening(outline: Float, width: int, height: int, *, softness: float) -> Opening | None:
    """The opening with its outline rounded off (Catmull-Rom, 4 pieces a side); None outside the picture.

    outline: (N, 2) picture pixels.
    """
    rounded = catmull_rom_loop(outline, 4)
    margin = np.ceil(3 * softness) + 1
    x0, y0, x1, y1 = pixels_around(rounded, (width, height), margin=float(margin))
    if x1 - x0 < 2 or y1 - y0 < 2:
        return None
    return Opening(rounded, (x0, y0), (x1 - x0, y1 - y0), softness)


def pixels_around(points: Float, size: tuple[int, int], *, margin: float = 0) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 of the whole pixels around points (N, 2) and so much more, inside a picture of (width, height)."""
    low = np.floor(np.clip(points.min(0) - margin, 0, size)).astype(int)
    high = np.ceil(np.clip(points.max(0) + margin, 0, size)).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def padded(layer: Float32) -> Float32:
    """(h, w, 4) → (h + 2 PAD, w + 2 PAD, 4) float32, the border repeated, as `sampled` takes it."""
    return np.ascontiguousarray(np.pad(layer, ((PAD, PAD), (PAD, PAD), (0, 0)), mode="edge"), np.float32)


def sampled(texture: Float32, affine: Float, size: tuple[int, int]) -> Float32:
    """A padded texture seen through an affine map (2, 3), see `kernels.sample_affine`. size: width, height."""
    out = np.empty((size[1], size[0], 4), np.float32)
    sample_affine(texture, affine.astype(np.float32), out)
    return out


def turned_plane(middle: Float, step: float, portrait_pose: HeadPose, pose: HeadPose) -> tuple[Float, Float]:
    """How a plane that is rigid in the head, and parallel to the picture in the portrait, moves to a frame.

    middle: (3,) a point of the plane in the portrait, pixels; step: pixels over which the motion is measured.

    Returns:
        linear (2, 2), what pixel offsets from the middle become; there (2,), where the middle goes, pixels.
    """
    probe = portrait_pose.to_head(middle + step * np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], float))
    there = pose.to_picture(probe)[:, :2]
    return np.stack([there[1] - there[0], there[2] - there[0]], axis=1) / step, there[0]


def catmull_rom_loop(points: Float, pieces: int) -> Float:
    """A closed curve through points (N, D), `pieces` samples a span. (N · pieces, D)

    Source: Catmull and Rom, "A class of local interpolating splines", 1974.
    """
    before, here, after, beyond = (np.roll(points, k, axis=0)[:, None] for k in (1, 0, -1, -2))
    t = (np.arange(pieces) / pieces)[None, :, None]
    curve = 0.5 * (
        2 * here
        + (after - before) * t
        + (2 * before - 5 * here + 4 * after - beyond) * t**2
        + (3 * here - before - 3 * after + beyond) * t**3
    )
    return curve.reshape(-1, points.shape[1])


def area(outline: Float) -> float:
    """The area within a closed outline (N, 2)."""
    x, y = outline[:, 0], outline[:, 1]
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)
