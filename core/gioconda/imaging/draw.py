"""Anti-aliased polygons and lines as coverage, the exact share of each pixel; landmarks drawn on a picture.

Coordinates are picture coordinates: x right, y down, the picture's corner at (0, 0), the first pixel's centre at
(0.5, 0.5).
"""

from __future__ import annotations

import ctypes

import numpy as np

from .. import landmarks as lm
from .. import native
from ..arrays import Float, Float32, Floating, UInt8

_DOUBLE, _SIZE = native.Array.of(np.float64), ctypes.c_int64
_fill_polygon = native.kernel(
    "polygon_fill", *(_DOUBLE, _SIZE), *(_SIZE, _SIZE), *(_DOUBLE, _DOUBLE), native.Array.of(np.float32)
)

_CONTOURS = (
    (lm.OVAL, True, (255, 255, 255)),
    (lm.LIPS_OUTER, True, (255, 90, 90)),
    (lm.LIPS_INNER, True, (255, 90, 90)),
    (lm.EYE_RIGHT, True, (90, 220, 255)),
    (lm.EYE_LEFT, True, (90, 220, 255)),
    (lm.IRIS_RIGHT[1:], True, (255, 220, 60)),
    (lm.IRIS_LEFT[1:], True, (255, 220, 60)),
    (lm.BROW_RIGHT[:5], False, (120, 255, 120)),
    (lm.BROW_LEFT[:5], False, (120, 255, 120)),
)
_DOT = np.stack([np.cos(a := np.linspace(0, 2 * np.pi, 9)[:-1]), np.sin(a)], axis=1)


def fill_polygon(points: Floating, width: int, height: int, *, origin: tuple[float, float] = (0.0, 0.0)) -> Float32:
    """How much of each pixel a closed polygon covers. -> (height, width) float32, 0..1, its exact area

    points: (N, 2) picture coordinates in pixels, either way round, in any position, also partly or wholly outside.
    origin: the picture coordinates of the result's corner, for drawing into a crop.
    Where a polygon crosses itself winding decides: wound twice counts once, wound forth and back not at all.
    """
    corners = np.asarray(points, np.float64) - origin
    x0, y0, x1, y1 = _extent(corners, width, height)
    coverage = np.zeros((height, width), np.float32)
    if x0 >= x1 or y0 >= y1 or len(corners) < 3:
        return coverage
    corners = corners - (x0, y0)
    wide, high = x1 - x0, y1 - y0
    memory = np.empty((4 * len(corners), 4)), np.empty((2, high, wide + 2))
    drawn = np.empty((high, wide), np.float32)
    _fill_polygon(corners, len(corners), wide, high, *memory, drawn)
    coverage[y0:y1, x0:x1] = drawn
    return coverage


def _extent(corners: Float, width: int, height: int, margin: float = 0.0) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 of the whole pixels that points (N, 2) span, inside the picture."""
    if len(corners) == 0:
        return 0, 0, 0, 0
    low = np.floor(corners.min(axis=0) - margin)
    high = np.ceil(corners.max(axis=0) + margin)
    x0, y0 = (int(v) for v in np.clip(low, 0, (width, height)))
    x1, y1 = (int(v) for v in np.clip(high, 0, (width, height)))
    return x0, y0, x1, y1


def polyline_coverage(
    points: Floating,
    width: int,
    height: int,
    *,
    thickness_px: float = 1.0,
    closed: bool = False,
) -> Float32:
    """How much of each pixel a line with round joints covers, from its distance. -> (height, width) float32, 0..1

    points: (N, 2) picture coordinates. thickness_px: the whole width of the line; below 1 it gets fainter, not thinner.
    """
    corners = np.asarray(points, np.float64)
    ends = np.roll(corners, -1, axis=0) if closed else corners[1:]
    coverage = np.zeros((height, width), np.float32)
    reach = max(thickness_px, 1.0) / 2
    for a, b in zip(corners, ends, strict=False):
        x0, y0, x1, y1 = _extent(np.stack([a, b]), width, height, margin=reach + 1)
        if x0 >= x1 or y0 >= y1:
            continue
        px = np.arange(x0, x1) + 0.5 - a[0]
        py = (np.arange(y0, y1) + 0.5 - a[1])[:, None]
        along = b - a
        fraction = np.clip((px * along[0] + py * along[1]) / max(float(along @ along), 1e-12), 0, 1)
        distance = np.hypot(px - fraction * along[0], py - fraction * along[1])
        piece = np.clip(reach + 0.5 - distance, 0, 1) * min(thickness_px, 1.0)
        window = coverage[y0:y1, x0:x1]
        np.maximum(window, piece, out=window, casting="same_kind")
    return coverage


def draw_landmarks(srgb: UInt8, points: Floating) -> UInt8:
    """The picture (H, W, 3) uint8 with outlines and dots for landmarks (478, 3) pixels, as a new array."""
    picture = srgb.astype(np.float32)
    height, width = srgb.shape[:2]
    xy = points[:, :2].astype(np.float64)
    thick = max(1.0, float(np.ptp(xy[:, 0])) / 250)
    for indices, closed, colour in _CONTOURS:
        line = polyline_coverage(xy[list(indices)], width, height, thickness_px=thick, closed=closed)
        picture += line[..., None] * (np.array(colour, np.float32) - picture) * 0.8
    for x, y in xy[: lm.FACE_POINTS]:
        left, top = int(np.floor(x - 2 * thick)), int(np.floor(y - 2 * thick))
        side = int(np.ceil(4 * thick)) + 2
        x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + side, width), min(top + side, height)
        if x0 < x1 and y0 < y1:
            dot = fill_polygon(_DOT * thick * 0.7 + (x, y), x1 - x0, y1 - y0, origin=(x0, y0))
            window = picture[y0:y1, x0:x1]
            window += dot[..., None] * (255 - window) * 0.7
    return np.round(picture).clip(0, 255).astype(np.uint8)
