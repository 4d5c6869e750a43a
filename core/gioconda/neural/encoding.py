"""Scene-linear light ↔ the values networks see: sRGB's curve up to white, a logarithm above, never clamped.

`encode(1) = 1`, the slope is continuous there, and values below 0 or far above 1 survive the way there and back.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]

SLOPE = 1.055 / 2.4  # of sRGB's curve at white


def encode(linear: npt.NDArray[np.floating], gain: float = 1.0) -> Float32:
    """Linear light times `gain` → network values; 0..1 for what a screen can show."""
    x = np.asarray(linear, np.float32) * np.float32(gain)
    curve = np.float32(1.055) * np.power(np.clip(x, 0.0031308, 1), np.float32(1 / 2.4)) - np.float32(0.055)
    bright = np.float32(1) + np.float32(SLOPE) * np.log(np.maximum(x, 1))
    return np.where(x <= 0.0031308, x * np.float32(12.92), np.where(x <= 1, curve, bright)).astype(np.float32)


def decode(values: npt.NDArray[np.floating], gain: float = 1.0) -> Float32:
    """The inverse of `encode`."""
    e = np.asarray(values, np.float32)
    curve = np.power((np.clip(e, 0.04045, 1) + np.float32(0.055)) / np.float32(1.055), np.float32(2.4))
    bright = np.exp(np.minimum(np.maximum(e - 1, 0) / np.float32(SLOPE), np.float32(80)))
    linear = np.where(e <= 0.04045, e / np.float32(12.92), np.where(e <= 1, curve, bright))
    return (linear / np.float32(gain)).astype(np.float32)
