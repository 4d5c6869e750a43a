"""sRGB's transfer curve (IEC 61966-2-1) and Rec.709's luminance: the one place for their constants. numpy only."""

from __future__ import annotations

import numpy as np

from ..arrays import Floating

# Up to TOE_END (encoded: TOE_END_ENCODED) the curve is a line of slope TOE, then SCALE · x^(1 / GAMMA) - OFFSET.
TOE, TOE_END, TOE_END_ENCODED = 12.92, 0.0031308, 0.04045
SCALE, OFFSET, GAMMA = 1.055, 0.055, 2.4
SLOPE_AT_WHITE = SCALE / GAMMA
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])  # of linear Rec.709
LUMINANCE.setflags(write=False)


def encode(linear: Floating) -> Floating:
    """Linear light → sRGB values, both 0..1, in the array's own precision."""
    curve = SCALE * np.power(np.maximum(linear, TOE_END), 1 / GAMMA) - OFFSET
    return np.where(linear <= TOE_END, linear * TOE, curve)


def decode(encoded: Floating) -> Floating:
    """The inverse of `encode`."""
    curve = np.power((np.maximum(encoded, TOE_END_ENCODED) + OFFSET) / SCALE, GAMMA)
    return np.where(encoded <= TOE_END_ENCODED, encoded / TOE, curve)
