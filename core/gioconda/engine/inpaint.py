"""A hole in a picture filled with patches of what surrounds it, from coarse to fine.

Source: Wexler, Shechtman, Irani, "Space-time completion of video", PAMI 2007; Newson et al., "Video inpainting of
complex scenes", 2014. Ties go to the place that comes first; sums are of whole numbers.
"""

from __future__ import annotations

import numpy as np

from ..arrays import Int, Mask, UInt8
from ..imaging import resample
from .inpaint_kernels import RADIUS, find_patches, vote

_FIRST_STEPS, _STEPS = 4, 2  # of the search, on the coarsest level and on the others
_ROUNDS = (10, 5, 3, 2)  # of searching and voting, from the coarsest level on
_LEAST_PX = 40  # the coarsest level's longer side


def fill_with_patches(picture: UInt8, hole: Mask, start: UInt8) -> tuple[UInt8, Int] | None:
    """The hole filled with patches of the rest.

    Args:
        picture: (h, w, 3) display values.
        hole: (h, w), what is unknown.
        start: (h, w, 3), the picture with its hole filled smoothly.

    Returns:
        the filled picture, and (h, w, 2) int32 row and column that each pixel's patch was taken from, its own outside
        the hole; None where too little is known to take patches from.
    """
    levels = [(picture, hole, start)]
    while max(levels[-1][1].shape) > 2 * _LEAST_PX:
        h, w = (max(2, n // 2) for n in levels[-1][1].shape)
        small_hole = resample.resize(levels[-1][1].astype(np.float32), w, h) > 0
        levels.append((resample.resize(levels[-1][0], w, h), small_hole, resample.resize(levels[-1][2], w, h)))
    filled, nearest = None, None
    for number, (colour, unknown, smooth) in enumerate(reversed(levels)):
        is_source = _sources(unknown)
        if is_source.sum() < 50:
            if number + 1 < len(levels):
                continue  # a finer level may have some
            return None
        h, w = unknown.shape
        is_place = resample.dilate(unknown, RADIUS * 1.5)
        work = np.where(unknown[..., None], smooth, colour) if nearest is None else colour.copy()
        places, sources, inside = (np.argwhere(m).astype(np.int32) for m in (is_place, is_source, unknown))
        first = nearest is None
        nearest = np.full((h, w, 2), -1, np.int32) if nearest is None else _finer(nearest, is_source)
        cost, weight = np.zeros((h, w), np.int64), np.ones((h, w), np.int64)
        depth = resample.distance_inside(unknown)
        if not first:
            vote(work, inside, is_place & (nearest[..., 0] >= 0), nearest, weight, work)
        for _ in range(_ROUNDS[min(number, len(_ROUNDS) - 1)]):
            find_patches(work, places, is_place, sources, is_source, nearest, cost, _FIRST_STEPS if first else _STEPS)
            usual = int(np.sort(cost[is_place])[int(0.5 * len(places))]) + 100
            # what is near the rim, and fits, tells more
            weight = (1 + 4096 * usual // (usual + 4 * cost)) * (64 // (1 + depth.astype(np.int64)) + 1)
            voted = work.copy()
            vote(work, inside, is_place, nearest, weight, voted)
            work = voted
        filled = work
    assert filled is not None and nearest is not None
    rows = np.indices(hole.shape, np.int32)
    return filled, np.where(hole[..., None], nearest, np.moveaxis(rows, 0, 2))


def _sources(unknown: Mask) -> Mask:
    """Where a whole patch is known."""
    h, w = unknown.shape
    padded = np.pad(unknown, RADIUS, constant_values=True)
    whole = resample.dilate(padded.astype(np.uint8), RADIUS)[RADIUS : RADIUS + h, RADIUS : RADIUS + w] == 0
    corners = resample.box_filter(padded.astype(np.float32), RADIUS)[RADIUS : RADIUS + h, RADIUS : RADIUS + w]
    return np.asarray(whole & (corners < 1e-6))


def _finer(nearest: Int, is_source: Mask) -> Int:
    """A coarser level's sources on this one, where they are any."""
    h, w = is_source.shape
    rows, columns = np.indices((h, w))
    from_row = np.minimum(rows // 2, nearest.shape[0] - 1)
    from_column = np.minimum(columns // 2, nearest.shape[1] - 1)
    found = nearest[from_row, from_column]
    there = found >= 0
    found = 2 * found + np.stack([rows % 2, columns % 2], 2)
    found = np.clip(found, 0, [h - 1, w - 1])
    valid = there.all(2) & is_source[found[..., 0], found[..., 1]]
    return np.where(valid[..., None], found, -1).astype(np.int32)
