"""What crops of a picture show: colours averaged down, and the mesh's geometry. Compiled by numba; knows no networks.

A picture goes by in bands of rows, from top to bottom, and is the same to the last bit at any height of the bands.
What is as small as a crop itself is done by one thread before another wakes.
"""

from __future__ import annotations

import numpy as np

from .apply_kernels import encoded
from .kernels import bilinear, compiled, prange, texel, threaded
from .mesh import EYE_HOLE, FACE, MOUTH_HOLE, OUTER
from .network_channels import Geometry

# the channels that are values of the vertices, in the order in which `describe` takes them
_VALUES = np.array(
    [
        *(Geometry.FLOW_X, Geometry.FLOW_Y, Geometry.DEPTH),
        *(Geometry.STRETCH, Geometry.FILL_WEIGHT, Geometry.VISIBLE),
        *(Geometry.HEAD_X, Geometry.HEAD_Y, Geometry.HEAD_Z),
    ]
)
_HELD = np.float32(3.0)  # flow, depth and position on the head are held within ±
ONE = np.float32(1.0)


@threaded
def average(picture, matte, top, box, sums):  # type: ignore[no-untyped-def]
    """Add what a band holds of them to the averages over the parts of a box.

    Args:
        picture: (rows, W, 4) float32; matte: (rows, W) float32; both begin at the row `top`.
        box: (4,) int32, x0, y0, x1, y1.
        sums: (h, w, 4) float32, red, green, blue and matte: 0 before the first band.
    """
    x0, y0, x1, y1 = box[0], box[1], box[2], box[3]
    h, w = sums.shape[0], sums.shape[1]
    down, across = (y1 - y0) / h, (x1 - x0) / w
    first, last = max(top, y0), min(top + picture.shape[0], y1)
    weight_of_pixel = 1.0 / (down * across)
    begin, end = max(0, int((first - y0) / down) - 1), min(h, int((last - y0) / down) + 2)
    for i in prange(begin, max(begin, end)):
        upper, lower = y0 + i * down, y0 + (i + 1) * down
        for y in range(max(first, int(upper)), min(last, int(np.ceil(lower)))):
            high = min(lower, y + 1.0) - max(upper, y * 1.0)
            if high <= 0:
                continue
            high *= weight_of_pixel
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


@compiled
def sample(sums, into, gain, table, out):  # type: ignore[no-untyped-def]
    """Averages sampled linearly into a crop, edges repeated: encoded colours and the matte.

    Args:
        sums: (h, w, 4) float32 of `average`.
        into: (2, 3) float32, the crop's pixels → those of `sums`, corners at (0, 0).
        gain: linear light to the screen's range; table: `Curve.encode`.
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
                out[c, row, column] = value if c == 3 else encoded(value * gain, table)


@compiled
def describe(triangle, mesh, region, values, maps, scale, out):  # type: ignore[no-untyped-def]
    """The geometry of a crop, from which triangle is seen where.

    Args:
        triangle: (size, size) int32 of a `kernels.ZBuffer`.
        mesh: the `kernels.Mesh` that was drawn, in pixels of the crop; region: (T,) uint8.
        values: (N, 9) float32, per vertex what _VALUES says.
        maps: (h, w, 2) float32, the portrait's hair and body; scale: their pixels per portrait pixel.
        out: (channels, size, size) float32, see `Geometry`.
    """
    size, position, uv = triangle.shape[0], mesh.position, mesh.uv
    for row in range(size):
        for column in range(size):
            for c in range(out.shape[0]):
                out[c, row, column] = np.float32(0.0)
            t = triangle[row, column]
            if t < 0:
                out[Geometry.BACKGROUND, row, column] = ONE
                continue
            a, b, c = mesh.triangles[t, 0], mesh.triangles[t, 1], mesh.triangles[t, 2]
            x0, y0 = np.float64(position[a, 0]), np.float64(position[a, 1])
            x1, y1 = position[b, 0] - x0, position[b, 1] - y0
            x2, y2 = position[c, 0] - x0, position[c, 1] - y0
            x, y = column + 0.5 - x0, row + 0.5 - y0
            inverse = 1.0 / (x1 * y2 - x2 * y1)
            w1, w2 = np.float32((x * y2 - y * x2) * inverse), np.float32((x1 * y - y1 * x) * inverse)
            for k in range(len(_VALUES)):
                channel, base = _VALUES[k], values[a, k]
                value = base + w1 * (values[b, k] - base) + w2 * (values[c, k] - base)
                if channel < Geometry.STRETCH or channel >= Geometry.HEAD_X:
                    value = min(max(value, -_HELD), _HELD)
                out[channel, row, column] = value
            kind = region[t]
            if kind == FACE:
                out[Geometry.SKIN, row, column] = ONE
            elif kind == MOUTH_HOLE:
                out[Geometry.MOUTH, row, column] = ONE
            elif kind == EYE_HOLE:
                out[Geometry.EYE, row, column] = ONE
            elif kind == OUTER:
                u = uv[a, 0] + w1 * (uv[b, 0] - uv[a, 0]) + w2 * (uv[c, 0] - uv[a, 0])
                v = uv[a, 1] + w1 * (uv[b, 1] - uv[a, 1]) + w2 * (uv[c, 1] - uv[a, 1])
                ix, iy, dx, dy = texel(u * scale, v * scale, maps.shape[1], maps.shape[0])
                out[Geometry.HAIR, row, column] = bilinear(maps, ix, iy, dx, dy, 0)
                out[Geometry.BODY, row, column] = bilinear(maps, ix, iy, dx, dy, 1)
