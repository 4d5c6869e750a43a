"""Compiled parts of filling a hole with patches of its surroundings, see `inpaint`. Whole numbers throughout: the same
answer on every machine.
"""

from __future__ import annotations

import numpy as np

from ..arrays import Array, Int, Mask, UInt8
from .kernels import compiled, inlined

RADIUS = 3  # of a patch, pixels


@inlined
def _mixed(y, x, step):  # type: ignore[no-untyped-def]
    """A number that looks random, from a place and a step: 32 bits of an integer hash (Wang 2007)."""
    h = (y * np.int64(73856093)) ^ (x * np.int64(19349663)) ^ (step * np.int64(83492791))
    h = (h ^ 61) ^ ((h >> 16) & 0xFFFF)
    h = (h * 9) & 0xFFFFFFFF
    h = h ^ (h >> 4)
    h = (h * 0x27D4EB2D) & 0xFFFFFFFF
    return h ^ (h >> 15)


@inlined
def _cost(picture, y, x, sy, sx, least):  # type: ignore[no-untyped-def]
    """Squared difference of the patches around (y, x) and (sy, sx); no further once it is not below `least`."""
    height, width = picture.shape[:2]
    total = np.int64((sy - y) * (sy - y) + (sx - x) * (sx - x)) // 4  # of two alike the nearer one
    for dy in range(-RADIUS, RADIUS + 1):
        if y + dy < 0 or y + dy >= height:
            continue
        for dx in range(-RADIUS, RADIUS + 1):
            if x + dx < 0 or x + dx >= width:
                continue
            for c in range(3):
                d = np.int64(picture[y + dy, x + dx, c]) - np.int64(picture[sy + dy, sx + dx, c])
                total += d * d
        if total >= least:
            return total
    return total


@compiled
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
    height, width = is_source.shape
    for p in range(len(places)):
        y, x = places[p]
        if nearest[y, x, 0] < 0:
            chosen = sources[_mixed(np.int64(y), np.int64(x), np.int64(1)) % len(sources)]
            nearest[y, x, 0], nearest[y, x, 1] = chosen[0], chosen[1]
        cost[y, x] = _cost(picture, y, x, nearest[y, x, 0], nearest[y, x, 1], np.int64(1) << 60)
    for step in range(steps):
        back = 1 if step % 2 == 0 else -1
        for n in range(len(places)):
            p = n if back == 1 else len(places) - 1 - n
            y, x = places[p]
            best_y, best_x, best = nearest[y, x, 0], nearest[y, x, 1], cost[y, x]
            for k in range(2):
                ny, nx = (y, x - back) if k == 0 else (y - back, x)
                if ny < 0 or nx < 0 or ny >= height or nx >= width or not is_place[ny, nx]:
                    continue
                sy, sx = nearest[ny, nx, 0] + y - ny, nearest[ny, nx, 1] + x - nx
                if sy < 0 or sx < 0 or sy >= height or sx >= width or not is_source[sy, sx]:
                    continue
                found = _cost(picture, y, x, sy, sx, best)
                if found < best:
                    best_y, best_x, best = sy, sx, found
            reach, turn = max(height, width), np.int64(0)
            while reach >= 1:
                turn += 1
                first = _mixed(np.int64(y), np.int64(x), np.int64(step * 64) + turn)
                second = _mixed(np.int64(x), np.int64(y), np.int64(step * 64 + 32) + turn)
                sy = best_y - reach + first % (2 * reach + 1)
                sx = best_x - reach + second % (2 * reach + 1)
                if 0 <= sy < height and 0 <= sx < width and is_source[sy, sx]:
                    found = _cost(picture, y, x, sy, sx, best)
                    if found < best:
                        best_y, best_x, best = sy, sx, found
                reach //= 2
            nearest[y, x, 0], nearest[y, x, 1], cost[y, x] = best_y, best_x, best


@compiled
def vote(picture: UInt8, hole: Int, is_place: Mask, nearest: Int, weight: Array, out: UInt8) -> None:
    """Each pixel of the hole as the weighted mean of what the patches over it have there.

    Args:
        picture: (h, w, 3); hole: (P, 2) rows and columns; is_place, nearest: see `find_patches`.
        weight: (h, w) int64 of each place's patch, at least 1.
        out: (h, w, 3), the hole's pixels are written.
    """
    height, width = is_place.shape
    for p in range(len(hole)):
        y, x = hole[p]
        total = np.int64(0)
        red, green, blue = np.int64(0), np.int64(0), np.int64(0)
        for dy in range(-RADIUS, RADIUS + 1):
            for dx in range(-RADIUS, RADIUS + 1):
                cy, cx = y + dy, x + dx
                if cy < 0 or cx < 0 or cy >= height or cx >= width or not is_place[cy, cx]:
                    continue
                w = weight[cy, cx]
                sy, sx = nearest[cy, cx, 0] - dy, nearest[cy, cx, 1] - dx
                total += w
                red += w * picture[sy, sx, 0]
                green += w * picture[sy, sx, 1]
                blue += w * picture[sy, sx, 2]
        if total > 0:
            half = total // 2
            out[y, x, 0] = (red + half) // total
            out[y, x, 1] = (green + half) // total
            out[y, x, 2] = (blue + half) // total
