"""What squares of a picture show: colours averaged down, and the mesh's geometry. Compiled by numba; knows no networks.

A picture goes by in bands of rows, from top to bottom, and is the same to the last bit at any height of the bands.
What is as small as a square itself is done by one thread before another wakes.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from .apply_kernels import _encoded
from .kernels import _FAST
from .mesh import EYE_HOLE, FACE, MOUTH_HOLE, OUTER

_HELD = np.float32(3.0)  # flow, depth and place are held within ±
ONE = np.float32(1.0)


@njit(cache=True, nogil=True, fastmath=_FAST, parallel=True)
def average(picture, matte, top, box, sums):  # type: ignore[no-untyped-def]
    """Add a band's share to the averages over the parts of a box.

    Args:
        picture: (rows, W, 4) float32; matte: (rows, W) float32; both begin at the row `top`.
        box: (4,) int32, x0, y0, x1, y1.
        sums: (h, w, 4) float32, red, green, blue and matte: 0 before the first band.
    """
    x0, y0, x1, y1 = box[0], box[1], box[2], box[3]
    h, w = sums.shape[0], sums.shape[1]
    down, across = (y1 - y0) / h, (x1 - x0) / w
    first, last = max(top, y0), min(top + picture.shape[0], y1)
    share = 1.0 / (down * across)
    begin, end = max(0, int((first - y0) / down) - 1), min(h, int((last - y0) / down) + 2)
    for i in prange(begin, max(begin, end)):
        upper, lower = y0 + i * down, y0 + (i + 1) * down
        for y in range(max(first, int(upper)), min(last, int(np.ceil(lower)))):
            high = min(lower, y + 1.0) - max(upper, y * 1.0)
            if high <= 0:
                continue
            high *= share
            for j in range(w):
                left, right = x0 + j * across, x0 + (j + 1) * across
                red = green = blue = alpha = np.float32(0.0)
                for x in range(int(left), min(x1, int(np.ceil(right)))):
                    weight = np.float32((min(right, x + 1.0) - max(left, x * 1.0)) * high)
                    red += weight * picture[y - top, x, 0]
                    green += weight * picture[y - top, x, 1]
                    blue += weight * picture[y - top, x, 2]
                    alpha += weight * matte[y - top, x]
                sums[i, j, 0] += red
                sums[i, j, 1] += green
                sums[i, j, 2] += blue
                sums[i, j, 3] += alpha


@njit(cache=True, nogil=True, fastmath=_FAST)
def sample(sums, into, gain, table, out):  # type: ignore[no-untyped-def]
    """Averages sampled linearly into a square, edges repeated: encoded colours and the matte.

    Args:
        sums: (h, w, 4) float32 of `average`.
        into: (2, 3) float32, the square's pixels → those of `sums`, corners at (0, 0).
        gain: linear light to the screen's range; table: the first of `srgb_tables`.
        out: (4, size, size) float32.
    """
    h, w, size = sums.shape[0], sums.shape[1], out.shape[1]
    for row in range(size):
        y = np.float32(row) + np.float32(0.5)
        for column in range(size):
            x = np.float32(column) + np.float32(0.5)
            fx = into[0, 0] * x + into[0, 1] * y + into[0, 2] - np.float32(0.5)
            fy = into[1, 0] * x + into[1, 1] * y + into[1, 2] - np.float32(0.5)
            fx = min(max(fx, np.float32(0.0)), np.float32(w - 1))
            fy = min(max(fy, np.float32(0.0)), np.float32(h - 1))
            ix, iy = int(fx), int(fy)
            dx, dy = fx - np.float32(ix), fy - np.float32(iy)
            jx, jy = min(ix + 1, w - 1), min(iy + 1, h - 1)
            for c in range(4):
                upper = sums[iy, ix, c] + (sums[iy, jx, c] - sums[iy, ix, c]) * dx
                lower = sums[jy, ix, c] + (sums[jy, jx, c] - sums[jy, ix, c]) * dx
                value = upper + (lower - upper) * dy
                out[c, row, column] = value if c == 3 else _encoded(value * gain, table)


@njit(cache=True, nogil=True, fastmath=_FAST)
def describe(seen, position, triangles, region, values, maps, scale, out):  # type: ignore[no-untyped-def]
    """The geometry of a square, from which triangle is seen where.

    Args:
        seen: (size, size) int32 of `kernels.rasterise`.
        position: (N, 3) float32, the vertices in the square's pixels; triangles: (T, 3) int32; region: (T,) uint8.
        values: (N, 11) float32: flow 2, depth, sure, borrowed, visible, place 3, where in the portrait 2 (pixels).
        maps: (h, w, 2) float32, the portrait's hair and body; scale: their pixels per portrait pixel.
        out: (16, size, size) float32: flow 2, depth, background, skin, hair, body, mouth, eye, sure, visible, borrowed,
            nothing, place 3.
    """
    size = seen.shape[0]
    h, w = maps.shape[0], maps.shape[1]
    for row in range(size):
        for column in range(size):
            for c in range(16):
                out[c, row, column] = np.float32(0.0)
            t = seen[row, column]
            if t < 0:
                out[3, row, column] = ONE
                continue
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            x0, y0 = np.float64(position[a, 0]), np.float64(position[a, 1])
            x1, y1 = position[b, 0] - x0, position[b, 1] - y0
            x2, y2 = position[c, 0] - x0, position[c, 1] - y0
            x, y = column + 0.5 - x0, row + 0.5 - y0
            inverse = 1.0 / (x1 * y2 - x2 * y1)
            w1, w2 = np.float32((x * y2 - y * x2) * inverse), np.float32((x1 * y - y1 * x) * inverse)
            for k in range(9):
                base = values[a, k]
                value = base + w1 * (values[b, k] - base) + w2 * (values[c, k] - base)
                if k < 3 or k > 5:
                    value = min(max(value, -_HELD), _HELD)
                out[k if k < 3 else 9 if k == 3 else 11 if k == 4 else 10 if k == 5 else k + 7, row, column] = value
            kind = region[t]
            if kind == FACE:
                out[4, row, column] = ONE
            elif kind == MOUTH_HOLE:
                out[7, row, column] = ONE
            elif kind == EYE_HOLE:
                out[8, row, column] = ONE
            elif kind == OUTER:
                u = values[a, 9] + w1 * (values[b, 9] - values[a, 9]) + w2 * (values[c, 9] - values[a, 9])
                v = values[a, 10] + w1 * (values[b, 10] - values[a, 10]) + w2 * (values[c, 10] - values[a, 10])
                fx = min(max(u * scale - np.float32(0.5), np.float32(0.0)), np.float32(w - 1.001))
                fy = min(max(v * scale - np.float32(0.5), np.float32(0.0)), np.float32(h - 1.001))
                ix, iy = int(fx), int(fy)
                dx, dy = fx - np.float32(ix), fy - np.float32(iy)
                for k in range(2):
                    upper = maps[iy, ix, k] * (ONE - dx) + maps[iy, ix + 1, k] * dx
                    lower = maps[iy + 1, ix, k] * (ONE - dx) + maps[iy + 1, ix + 1, k] * dx
                    out[5 + k, row, column] = upper * (ONE - dy) + lower * dy
