"""The two solvers behind a matte: alpha where a trimap leaves it open, and the person's own colour."""

from __future__ import annotations

import ctypes

import numpy as np

from .. import native
from ..arrays import Float32

_SIZE, _FLOATS, _DOUBLES = ctypes.c_int64, native.Array.of(np.float32), native.Array.of(np.float64)
_REAL = ctypes.c_double
_closed_form = native.kernel(
    "closed_form_alpha", _DOUBLES, _SIZE, _SIZE, _REAL, _REAL, _SIZE, _DOUBLES, result=ctypes.c_int64
)
_colour = native.kernel(
    "foreground_colour",
    *(_FLOATS, _FLOATS, _SIZE, _SIZE),
    *(native.Array.of(np.int64), _SIZE, ctypes.c_float, _FLOATS),
    result=ctypes.c_int64,
)

_EPSILON, _TOLERANCE, _ITERATIONS = 1e-5, 1e-5, 2000
_SMOOTHNESS = 1e-5  # the weight of a neighbour of the same alpha


def closed_form_alpha(picture: Float32, trimap: Float32) -> Float32:
    """Alpha from a trimap, (H, W) float32, 0..1.

    Args:
        picture: (H, W, 3) float32, display-referred, 0..1.
        trimap: (H, W) float32: 0 background, 1 foreground, anything between is solved.

    Source: Levin, Lischinski, Weiss, "A closed-form solution to natural image matting", PAMI 2008.
    """
    alpha = np.array(trimap, np.float64, order="C")
    colours = np.ascontiguousarray(picture, np.float64)
    if _closed_form(colours, *alpha.shape, _EPSILON, _TOLERANCE, _ITERATIONS, alpha) < 0:
        raise MemoryError
    return np.asarray(np.clip(alpha, 0, 1), np.float32)


def estimate_foreground(colour: Float32, alpha: Float32) -> Float32:
    """The person's own colour where it mixes with the background. (H, W, 3), (H, W) float32, 0..1 → (H, W, 3) float32.

    Source: Germer, Uelwer, Conrad, Harmeling, "Fast multi-level foreground estimation", ICPR 2020.
    """
    height, width = alpha.shape
    count = max(1, int(np.ceil(np.log2(max(height, width)))))
    levels = [(round(height ** (k / count)), round(width ** (k / count))) for k in range(count + 1)]
    result = np.empty((height, width, 3), np.float32)
    given = np.ascontiguousarray(colour, np.float32), np.ascontiguousarray(alpha, np.float32)
    if _colour(*given, height, width, np.array(levels, np.int64), len(levels), _SMOOTHNESS, result):
        raise MemoryError
    return result
