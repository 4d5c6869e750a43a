"""Draws rigid things from which triangle of their surface is seen where. See native/rigid.c."""

from __future__ import annotations

import ctypes
from functools import partial

import numpy as np

from .. import native
from ..arrays import Float32, Int

_SIZE, _FLOAT, _INT = ctypes.c_int64, native.Array.of(np.float32), native.Array.of(np.int32)
_draw = native.kernel("rigid_draw", _INT, _SIZE, _FLOAT, _FLOAT, _FLOAT, _SIZE, _SIZE, _FLOAT, _FLOAT, _SIZE, _SIZE)


def draw_rigid(
    triangle: Int, there: Float32, texture: Float32, coverage: Float32, colour: Float32, shown: Float32
) -> None:
    """Sample what is covered of a rigid thing's texture.

    Args:
        triangle: (h, w) int32 of a `kernels.ZBuffer`.
        there: (T, 2, 3) float32, planes of where in the texture a pixel is, its pixels.
        texture: padded (H + 2 PAD, W + 2 PAD, 4) float32; coverage: (H, W, 1) float32.
        colour: (h, w, 4) and shown: (h, w) float32, zeros, out.
    """
    height, width = triangle.shape
    given = (triangle, width, there, texture, coverage, *coverage.shape[:2], colour, shown)
    native.in_bands(partial(_draw, *given), 0, height)
