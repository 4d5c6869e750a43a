"""Filters along one axis of an array: smoothing, largest, smallest and middle of neighbours. numpy only.

`ends` says what lies beyond the ends: "edge", the last value again; "symmetric", the values mirrored there.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Float = npt.NDArray[np.float64]
Ends = Literal["edge", "symmetric"]


def gaussian(values: Array, sigma: float, *, axis: int = 0, ends: Ends = "edge") -> Float:
    """Smoothed by a Gaussian of standard deviation `sigma` samples, cut off at four of them. Same shape, float64."""
    reach = int(4 * sigma + 0.5)
    weights = np.array([math.exp(-0.5 * (k / sigma) ** 2) for k in range(-reach, reach + 1)]) if reach else np.ones(1)
    weights /= weights.sum()
    rows = np.moveaxis(np.asarray(values, np.float64), axis, 0)
    padded = _padded(rows, reach, ends)
    result = np.zeros_like(rows)
    for k, weight in enumerate(weights):
        result += weight * padded[k : k + len(rows)]
    return np.moveaxis(result, 0, axis)


def largest(values: Array, size: int, *, ends: Ends = "edge") -> Array:
    """The largest of `size` (odd) neighbours along the first axis. Same shape and type."""
    result: Array = _windows(values, size, ends).max(-1)
    return result


def smallest(values: Array, size: int, *, ends: Ends = "edge") -> Array:
    """The smallest of `size` (odd) neighbours along the first axis. Same shape and type."""
    result: Array = _windows(values, size, ends).min(-1)
    return result


def median(values: Array, size: int, *, ends: Ends = "edge") -> Array:
    """The middle one of `size` (odd) neighbours along the first axis. Same shape and type."""
    result: Array = np.sort(_windows(values, size, ends), axis=-1)[..., size // 2]
    return result


def closed(values: Array, size: int) -> Array:
    """Without valleys narrower than `size` (odd) samples (a morphological closing), mirrored beyond the ends."""
    return smallest(largest(values, size, ends="symmetric"), size, ends="symmetric")


def opened(values: Array, size: int) -> Array:
    """Without peaks narrower than `size` (odd) samples (a morphological opening), mirrored beyond the ends."""
    return largest(smallest(values, size, ends="symmetric"), size, ends="symmetric")


def _padded(rows: Array, reach: int, ends: Ends) -> Array:
    return np.pad(rows, [(reach, reach)] + [(0, 0)] * (rows.ndim - 1), mode=ends)


def _windows(values: Array, size: int, ends: Ends) -> Array:
    """(n, …) → (n, …, size)."""
    return np.lib.stride_tricks.sliding_window_view(_padded(values, size // 2, ends), size, axis=0)
