"""Scene-linear light ↔ the values networks see: sRGB's curve up to white, a logarithm above, never clamped.

`encode(1) = 1`, the slope is continuous there, and values below 0 or far above 1 survive the way there and back.
"""

from __future__ import annotations

import numpy as np

from ..arrays import Float32, Floating
from . import srgb


def encode(linear: Floating, gain: float = 1.0) -> Float32:
    """Linear light times `gain` → network values; 0..1 for what a screen can show."""
    x = np.asarray(linear, np.float32) * np.float32(gain)
    bright = np.float32(1) + np.float32(srgb.SLOPE_AT_WHITE) * np.log(np.maximum(x, 1))
    return np.where(x <= 1, srgb.encode(np.minimum(x, 1)), bright).astype(np.float32)


def decode(values: Floating, gain: float = 1.0) -> Float32:
    """The inverse of `encode`."""
    e = np.asarray(values, np.float32)
    bright = np.exp(np.minimum(np.maximum(e - 1, 0) / np.float32(srgb.SLOPE_AT_WHITE), np.float32(80)))
    linear = np.where(e <= 1, srgb.decode(np.minimum(e, 1)), bright)
    return (linear / np.float32(gain)).astype(np.float32)
