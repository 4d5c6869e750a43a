"""Landmarks drawn on a picture, for looking at: where the face was found, whether a hand-placed point sits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .. import landmarks as lm
from .draw import fill_polygon, polyline_coverage

Srgb = npt.NDArray[np.uint8]

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


def draw_landmarks(srgb: Srgb, points: npt.NDArray[np.floating]) -> Srgb:
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
