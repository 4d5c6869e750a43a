"""Tells drawings (flat colour between lines) from photographs and paintings."""

from __future__ import annotations

import numpy as np

from ..arrays import Float, UInt8
from . import draw, resample

_SIDE = 300  # pixels across the outline at which is looked: neither grain nor the edges of lines count for much there
_FLAT = 6.0  # steps of 1/255, three channels together: neighbouring pixels that differ by no more have one colour
_PHOTOGRAPH, _DRAWING = 0.45, 0.7  # shares of a face that has one colour; photographs of the shared set reach 0.26


def drawn(srgb: UInt8, outline: Float) -> float:
    """How surely a face is drawn, 0..1: by how much of it is of one colour with its neighbours.

    srgb: (H, W, 3) uint8; outline: (N, 2) pixels, of the face.
    """
    low = np.maximum(np.floor(outline.min(0)), 0).astype(int)
    high = np.minimum(np.ceil(outline.max(0)), srgb.shape[1::-1]).astype(int)
    if (high - low).min() < 8:
        return 0.0
    part = np.ascontiguousarray(srgb[low[1] : high[1], low[0] : high[0]])
    scale = min(1.0, _SIDE / max(part.shape))
    width, height = (max(8, round(side * scale)) for side in part.shape[1::-1])
    small = resample.resize(part, width, height).astype(np.float32)
    face = draw.fill_polygon((outline - low) * [width / part.shape[1], height / part.shape[0]], width, height) > 0.99
    if not face.any():
        return 0.0
    planes = [np.ascontiguousarray(small[..., k]) for k in range(3)]
    ranges = np.sum([resample.dilate(plane, 1) - resample.erode(plane, 1) for plane in planes], axis=0)
    share = (float((ranges[face] <= _FLAT).mean()) - _PHOTOGRAPH) / (_DRAWING - _PHOTOGRAPH)
    return min(max(share, 0.0), 1.0)
