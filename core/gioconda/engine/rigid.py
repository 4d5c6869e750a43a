"""Things before the face that do not bend: spectacles, pipes, hats, jewellery, a hand. They follow the skull.

The skin beneath is painted in once; lids, brows, cheeks and lips move under them, and whatever passes behind a frame is
drawn behind it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .. import landmarks as lm
from ..arrays import Float, Float32, Int, Mask
from ..imaging import resample
from ..pose import HeadPose, fit_similarity
from .background import inpainted
from .kernels import nearest, planes
from .patch import Patch, padded, pixels_around
from .plate import window_around
from .rigid_kernels import draw_rigid

# Where spectacles rest: nose, eye corners, temples, ears. The forehead of `lm.STABLE` goes up with the brows.
RESTS_ON = (168, 6, 197, 195, 5, 4, 33, 133, 362, 263, 127, 356, 162, 389, 234, 454)
_CELLS = 16  # of the surface, along the longer side
_SOFT = 2.0  # pixels over which coverage ends, beyond what is covered
_PAINT_PX = 768  # what is covered is painted in at this size
_FRONT = 8.0  # how much more a face's points before the surface count than those behind it, where it is laid over them
_DEEPEST = 0.25  # head units: so far the surface may go beyond the face's nearest and farthest point


@dataclass(frozen=True)
class Rigid:
    """What lies before the face.

    Attributes:
        window: (4,) int32, x0, y0, x1, y1 in picture pixels.
        texture: padded (h + 2 PAD, w + 2 PAD, 4) float32, the portrait there, premultiplied.
        coverage: (h, w) float32, 0..1.
        surface: (N, 3) float64, its points in head space; triangles: (T, 3) int32.
        corners: (N, 2) float64, where the points are in the window, pixels.
    """

    window: Int
    texture: Float32
    coverage: Float32
    surface: Float
    corners: Float
    triangles: Int

    def mask(self, width: int, height: int) -> Float32:
        """Its coverage in the whole portrait, (H, W)."""
        whole = np.zeros((height, width), np.float32)
        x0, y0, x1, y1 = self.window
        whole[y0:y1, x0:x1] = self.coverage
        return whole


def lift_off(picture: Float32, mask: Float32, landmarks: Float, pose: HeadPose) -> tuple[Rigid | None, Float32]:
    """What a mask covers, ready to be drawn, and the picture without it; None and the picture where it is empty.

    Args:
        picture: (H, W, 4) float32, scene-linear, premultiplied; mask: (H, W) float32, 0..1.
        landmarks: (478, 3) pixels; pose: of the head.
    """
    core = mask > 0.5
    if not core.any():
        return None, picture
    grown = resample.dilate(core.astype(np.float32), max(1.0, 0.012 * lm.interocular(landmarks))) > 0.5
    window = window_around(grown, int(_SOFT) + 2)
    x0, y0, x1, y1 = window
    # fully opaque over all that is painted in, so that at rest nothing of the painting shows
    outside = resample.distance_inside(~grown[y0:y1, x0:x1])
    coverage = np.clip(1 - np.maximum(outside - 1, 0) / _SOFT, 0, 1).astype(np.float32)
    corners, triangles = _grid(int(x1 - x0), int(y1 - y0))
    at = corners + [x0, y0]
    surface = pose.to_head(np.concatenate([at, _depth(at, landmarks, pose)[:, None]], axis=1))
    bare = picture.copy()
    bare[y0:y1, x0:x1] = _painted_in(picture, grown, window, lm.interocular(landmarks))
    return Rigid(window, padded(picture[y0:y1, x0:x1]), coverage, surface, corners, triangles), bare


def draw(rigid: Rigid, portrait_head: Float, target: Float, size: tuple[int, int]) -> Patch | None:
    """It in a frame; None where it is outside the picture.

    Args:
        portrait_head: (478, 3) landmarks in head space; target: (478, 3) in the frame, pixels.
        size: width and height of the picture.
    """
    rests = list(RESTS_ON)
    position = fit_similarity(portrait_head[rests], target[rests]).to_picture(rigid.surface)
    x0, y0, x1, y1 = pixels_around(position[:, :2], size, margin=1)
    if x1 - x0 < 1 or y1 - y0 < 1:
        return None
    position = position - [x0, y0, 0]
    shown = nearest(position, rigid.triangles, x1 - x0, y1 - y0)
    colour = np.zeros((y1 - y0, x1 - x0, 4), np.float32)
    coverage = np.zeros(colour.shape[:2], np.float32)
    there = planes(position, rigid.triangles, rigid.corners)
    draw_rigid(shown.triangle, there, rigid.texture, rigid.coverage[..., None], colour, coverage)
    return Patch((x0, y0), colour, coverage, anywhere=True)


def _painted_in(picture: Float32, covered: Mask, window: Int, interocular: float) -> Float32:
    """The picture within a window, what is covered continued from around it, (h, w, 4)."""
    margin = max(8, round(0.2 * interocular))
    low = np.maximum(window[:2] - margin, 0)
    high = np.minimum(window[2:] + margin, covered.shape[::-1])
    seen, hidden = picture[low[1] : high[1], low[0] : high[0]], covered[low[1] : high[1], low[0] : high[0]]
    small = resample.shrunk(np.ascontiguousarray(seen), _PAINT_PX)
    known = resample.shrunk(hidden.astype(np.float32), _PAINT_PX) <= 0.004
    painted = small
    if known.any():
        alpha = resample.fill_holes_smooth(small[..., 3:], known)
        painted = np.concatenate([inpainted(small[..., :3], known), alpha], axis=2)
    whole = np.where(hidden[..., None], resample.resize(painted, *hidden.shape[::-1], method="linear"), seen)
    x0, y0, x1, y1 = window - [*low, *low]
    return np.ascontiguousarray(whole[y0:y1, x0:x1], np.float32)


def _grid(width: int, height: int) -> tuple[Float, Int]:
    """A net over a window: (N, 2) pixels and (T, 3) triangles."""
    cell = max(width, height) / _CELLS
    across, down = (max(2, round(side / cell)) for side in (width, height))
    y, x = np.meshgrid(np.linspace(0, height, down + 1), np.linspace(0, width, across + 1), indexing="ij")
    first = (np.arange(down)[:, None] * (across + 1) + np.arange(across)).ravel()
    right, below = first + 1, first + across + 1
    triangles = np.concatenate([np.stack([first, right, below]), np.stack([right, below + 1, below])], axis=1).T
    return np.stack([x.ravel(), y.ravel()], axis=1), triangles.astype(np.int32)


def _depth(points: Float, landmarks: Float, pose: HeadPose) -> Float:
    """How deep the surface is at points (N, 2) of the picture, (N,) pixels: a quadric laid over the face there.

    Least squares that weigh points before the surface more (expectiles: Newey and Powell, Econometrica 1987).
    """
    face = landmarks[: lm.FACE_POINTS]
    middle, unit = face[:, :2].mean(0), pose.scale
    low, high = points.min(0) - 0.3 * unit, points.max(0) + 0.3 * unit
    near = ((face[:, :2] > low) & (face[:, :2] < high)).all(1)
    face = face[near] if near.sum() >= 24 else face
    terms, z = _quadric((face[:, :2] - middle) / unit), face[:, 2] / unit
    weight = np.ones(len(z))
    bend = np.diag([0, 0, 0, 1, 1, 1]) * 0.01 * len(z)  # flat where the points say nothing
    for _ in range(8):
        normal = terms.T @ (weight[:, None] * terms) + bend
        surface = np.linalg.solve(normal, terms.T @ (weight * z))
        weight = np.where(z < terms @ surface, _FRONT, 1.0)
    depth = _quadric((points - middle) / unit) @ surface
    return np.asarray(np.clip(depth, z.min() - _DEEPEST, z.max() + _DEEPEST) * unit)


def _quadric(at: Float) -> Float:
    x, y = at[:, 0], at[:, 1]
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)
