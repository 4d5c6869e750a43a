"""The inner loops of filling a hole with patches of its surroundings, see `inpaint` and native/inpaint.c. Whole numbers
throughout: the same answer on every machine.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from .. import native
from ..arrays import Array, Int, Mask, UInt8

RADIUS = 3  # of a patch, pixels: as native/inpaint.c has it

_SIZE, _BYTE = ctypes.c_int64, native.Array.of(np.uint8)
_MASK, _INT, _LONG = native.Array.of(np.bool_), native.Array.of(np.int32), native.Array.of(np.int64)
_find = native.kernel("inpaint_find", _BYTE, _MASK, _MASK, _INT, _SIZE, _SIZE, _LONG, _SIZE, _LONG, _SIZE, _LONG, _SIZE)
_vote = native.kernel("inpaint_vote", _BYTE, _MASK, _INT, _SIZE, _SIZE, _LONG, _SIZE, _LONG, _BYTE)


def find_patches(
    picture: UInt8, places: Int, is_place: Mask, sources: Int, is_source: Mask, nearest: Int, cost: Array, steps: int
) -> None:
    """For each place a patch of the known part that looks like its own: `nearest` and `cost` are made better.

    Args:
        picture: (h, w, 3).
        places: (P, 2) rows and columns, in reading order; is_place: (h, w) the same.
        sources: (S, 2), where a patch may be taken from; is_source: (h, w) the same.
        nearest: (h, w, 2) int32, row and column of each place's source; below 0: none yet.
        cost: (h, w) int64.
        steps: how often the picture is gone through.

    Source: Barnes et al., "PatchMatch", SIGGRAPH 2009.
    """
    if not len(places) or not len(sources):
        return
    indices = (_indices(places), len(places), _indices(sources), len(sources))
    _find(picture, is_place, is_source, nearest, *is_source.shape, *indices, cost, steps)


def vote(picture: UInt8, hole: Int, is_place: Mask, nearest: Int, weight: Array, out: UInt8) -> None:
    """Each pixel of the hole as the weighted mean of what the patches over it have there.

    Args:
        picture: (h, w, 3); hole: (P, 2) rows and columns; is_place, nearest: see `find_patches`.
        weight: (h, w) int64 of each place's patch, at least 1.
        out: (h, w, 3), the hole's pixels are written.
    """
    _vote(picture, is_place, nearest, *is_place.shape, _indices(hole), len(hole), weight, out)


def _indices(pairs: Any) -> Any:
    return np.ascontiguousarray(pairs, np.int64)
