"""Points and marks in the plane: triangles between points, the nearest marked pixel."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import native

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int32]

_SIZE = ctypes.c_int64
_MARKS, _INDEX, _WHOLE = native.Array.of(np.uint8), native.Array.of(np.int32), native.Array.of(np.int64)
_delaunay = native.kernel("delaunay", _WHOLE, _SIZE, _INDEX, result=ctypes.c_int64)
_nearest_marked = native.kernel("nearest_marked", _MARKS, _SIZE, _SIZE, _INDEX, _INDEX, result=ctypes.c_int64)

_STEPS = 1 << 18  # along the longer side: points are told apart that lie farther apart than one of them


def delaunay(points: Float) -> Int:
    """Delaunay triangles between points (N, 2): (T, 3) int32, counter-clockwise where y points up.

    No other point lies in a triangle's circumcircle. Of points that are the same the first counts; points on one line
    have none. Source: see native/delaunay.c.
    """
    low = points.min(0)
    extent = float((points - low).max()) or 1.0
    steps = np.zeros((len(points) + 3, 2), np.int64)
    steps[:-3] = np.rint((points - low) * (_STEPS / extent))
    triangles = np.empty((2 * len(points) + 1, 3), np.int32)
    count = _delaunay(steps, len(points), triangles)
    if count < 0:
        raise MemoryError
    return triangles[:count].copy()


def nearest_marked(mask: npt.NDArray[Any]) -> tuple[Int, Int]:
    """Row and column of the nearest pixel of `mask` (H, W) that is not 0, for every pixel: (H, W) int32 each, exact.

    Raises: ValueError: nothing is marked.
    """
    if not mask.any():
        raise ValueError("no pixel is marked")
    row, column = np.empty(mask.shape, np.int32), np.empty(mask.shape, np.int32)
    if _nearest_marked(np.ascontiguousarray(mask != 0, np.uint8), *mask.shape, row, column):
        raise MemoryError
    return row, column
