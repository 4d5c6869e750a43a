"""The engine's inner loops, compiled by numba: which triangle is seen at a pixel, and what it looks like there.

Everything works on a band of rows `[row0, row0 + rows)` of the picture: a frame of any size needs little memory.
Coordinates are picture coordinates: the first pixel's centre is (0.5, 0.5).
"""

from __future__ import annotations

import threading
from typing import NamedTuple, TypeVar

import numpy as np
from numba import config, njit
from numba import prange as prange

from ..arrays import Float, Float32, Floating, Int, UInt8

Number = TypeVar("Number", float, Float)

# Four channels side by side become one vector instruction: twice as fast. Must be set before anything compiles.
config.SLP_VECTORIZE = 1
# numba's own threads sleep when there is nothing to do. OpenMP's spin, and on a busy machine take ten times as long.
# They take work from one thread at a time: `ONE_AT_A_TIME` is held around every call of a parallel kernel.
config.THREADING_LAYER = "workqueue"
ONE_AT_A_TIME = threading.RLock()
# No NaN, no infinity, no negative zero: these let vectors in without changing a result. Reordering and contracting sums
# would, from one compilation to the next, and a frame rendered again must have the same bytes.
_FAST = {"nnan", "ninf", "nsz"}
compiled = njit(cache=True, nogil=True, fastmath=_FAST)  # one thread
# Several threads, over `prange`. What it writes must be an argument of its own: numba drops what is written to a
# field of a tuple there as dead code (numba 0.68).
threaded = njit(cache=True, nogil=True, fastmath=_FAST, parallel=True)
inlined = njit(cache=True, nogil=True, fastmath=_FAST, inline="always")  # a part of whoever calls it

SUBSAMPLES = 4  # per pixel on an occlusion edge: a rotated grid
_SUB_X = np.array([0.125, 0.625, 0.375, 0.875], np.float32)
_SUB_Y = np.array([0.375, 0.125, 0.875, 0.625], np.float32)

_BAND = 32  # rows a thread takes at a time

MISS = -1  # no triangle here: the plate shows
FAR = 1e30  # the depth where there is none
COPIED = np.float32(1e-4)  # of a pixel: a sample that lies as close to a pixel's centre is that pixel to the last bit
FILLED = np.float32(1e-3)  # fill weights below this are none
CUTOUT = 0.004  # of alpha: where there is less of the person, hair and cloth hide nothing
_THIN = 0.75  # pixels: triangles lower than that have no pixel of their own
PAD = 2  # repeated pixels around a texture, so that sampling needs no test for its border


def planes(position: Floating, triangles: Int, values: Floating, *, steep: Floating | float = 4.0) -> Float32:
    """Vertex values as linear functions of the pixel within each triangle: value = p[0] + p[1] x + p[2] y.

    Colours are taken at a pixel's centre also where only a sample beside it lies in the triangle. So in triangles
    thinner than a pixel the slope is limited, or that centre would be far outside the triangle's own values.

    Args:
        position: (N, 2 or 3) float, picture pixels.
        triangles: (T, 3) int32.
        values: (N, K) float.
        steep: (K,) or one for all: a slope per pixel that is never limited.

    Returns:
        (T, K, 3) float32; constant for triangles without area.
    """
    a, b, c = (position[triangles[:, k], :2].astype(np.float64) for k in range(3))
    va, vb, vc = (values[triangles[:, k]].astype(np.float64) for k in range(3))
    e, f = b - a, c - a
    det = e[:, 0] * f[:, 1] - f[:, 0] * e[:, 1]
    inverse = np.where(np.abs(det) < 1e-9, 0.0, 1.0 / np.where(np.abs(det) < 1e-9, 1.0, det))[:, None]
    d1, d2 = vb - va, vc - va
    along_x = (d1 * f[:, 1:] - d2 * e[:, 1:]) * inverse
    along_y = (d2 * e[:, :1] - d1 * f[:, :1]) * inverse
    constant = va - along_x * a[:, :1] - along_y * a[:, 1:]
    longest = np.sqrt(np.maximum((e**2).sum(1), np.maximum((f**2).sum(1), ((f - e) ** 2).sum(1))))
    thin = np.flatnonzero(np.abs(det) < _THIN * longest)
    if len(thin):
        slope = np.hypot(along_x[thin], along_y[thin])
        corners = np.stack([va[thin], vb[thin], vc[thin]])
        most = np.maximum(np.ptp(corners, axis=0) / np.minimum(_THIN, longest[thin])[:, None], steep)
        kept = np.minimum(1.0, most / np.maximum(slope, 1e-30))
        along_x[thin] *= kept
        along_y[thin] *= kept
        middle = (a[thin] + b[thin] + c[thin]) / 3
        limited = corners.mean(0) - along_x[thin] * middle[:, :1] - along_y[thin] * middle[:, 1:]
        constant[thin] = np.where(kept < 1, limited, constant[thin])
    return np.asarray(np.stack([constant, along_x, along_y], axis=2), np.float32)


class Mesh(NamedTuple):
    """A mesh in a pose, and the matte that cuts holes into its outer triangles.

    Attributes:
        position: (N, 3) float32, picture pixels.
        triangles: (T, 3) int32.
        cutout: (T,) uint8, 1 where the portrait's matte decides whether the triangle is there at all.
        uv: (N, 2) float32, where in the portrait a vertex takes its colour, pixels.
        alpha: (h, w) float32, the portrait's matte, small.
        alpha_scale: pixels of `alpha` per pixel of the portrait, float32.
    """

    position: Float32
    triangles: Int
    cutout: UInt8
    uv: Float32
    alpha: Float32
    alpha_scale: np.float32


class VertexMesh(NamedTuple):
    """position: (N, 3) float32, pixels; triangles: (T, 3) int32."""

    position: Float32
    triangles: Int


class ZBuffer(NamedTuple):
    """What is nearest at each pixel centre of a band.

    Attributes:
        triangle: (rows, W) int32, the nearest triangle or MISS.
        depth: (rows, W) float32, its z in pixels; FAR where there is none.
        row0: the band's first row in the picture.
    """

    triangle: Int
    depth: Float32
    row0: int


class Layers(NamedTuple):
    """The person and what lies behind, scene-linear and premultiplied.

    Attributes:
        texture: padded person, (h + 2 PAD, w + 2 PAD, 4) float32.
        window: (4,) int32: x0, y0, x1, y1 of the person's window in the picture.
        source: (H, W, 4) float32, the portrait: what lies behind outside the window.
        plate: (h, w, 4) float32, the portrait without the person, within the window.
    """

    texture: Float32
    window: Int
    source: Float32
    plate: Float32


@inlined
def _corners(mesh, t):  # type: ignore[no-untyped-def]
    """A triangle's vertices, and their x0, y0, x1, y1, x2, y2."""
    a, b, c = mesh.triangles[t, 0], mesh.triangles[t, 1], mesh.triangles[t, 2]
    p = mesh.position
    return a, b, c, (p[a, 0], p[a, 1], p[b, 0], p[b, 1], p[c, 0], p[c, 1])


@inlined
def _area(corners):  # type: ignore[no-untyped-def]
    """Twice a triangle's signed area."""
    x0, y0, x1, y1, x2, y2 = corners
    return (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)


@inlined
def _barycentric(corners, inverse_area, x, y):  # type: ignore[no-untyped-def]
    """The weights of a triangle's three corners at (x, y); one is negative outside the triangle."""
    x0, y0, x1, y1, x2, y2 = corners
    dx, dy = x - x0, y - y0
    w1 = (dx * (y2 - y0) - dy * (x2 - x0)) * inverse_area
    w2 = (dy * (x1 - x0) - dx * (y1 - y0)) * inverse_area
    return 1.0 - w1 - w2, w1, w2


@inlined
def _is_cut_out(mesh, u, v):  # type: ignore[no-untyped-def]
    """Whether the matte shows nothing of the person at (u, v), pixels of the portrait."""
    height, width = mesh.alpha.shape
    x = min(max(int(u * mesh.alpha_scale), 0), width - 1)
    y = min(max(int(v * mesh.alpha_scale), 0), height - 1)
    return mesh.alpha[y, x] < CUTOUT


@compiled
def _span(corners, y, width):  # type: ignore[no-untyped-def]
    """The first and the last pixel of a picture's row whose centres, at height y, lie in a triangle."""
    x0, y0, x1, y1, x2, y2 = corners
    left, right = width + 1.0, -1.0
    for k in range(3):
        if k == 0:
            px, py, qx, qy = x0, y0, x1, y1
        elif k == 1:
            px, py, qx, qy = x1, y1, x2, y2
        else:
            px, py, qx, qy = x2, y2, x0, y0
        if (py <= y) != (qy <= y):
            x = px + (qx - px) * (y - py) / (qy - py)
            left = min(left, x)
            right = max(right, x)
    return max(0, int(np.ceil(left - 0.5))), min(width - 1, int(np.ceil(right - 0.5)) - 1)


@compiled
def rasterise_rows(mesh, buffer, first, last):  # type: ignore[no-untyped-def]
    """`rasterise` for the rows first … last - 1 of a band, by one thread: small bands are done before another wakes."""
    triangle, depth, row0, uv = buffer.triangle, buffer.depth, buffer.row0, mesh.uv
    width = triangle.shape[1]
    for y in range(first, last):
        for x in range(width):
            triangle[y, x] = MISS
            depth[y, x] = FAR
    for t in range(len(mesh.triangles)):
        a, b, c, corners = _corners(mesh, t)
        x0, y0, x1, y1, x2, y2 = corners
        top = max(first, int(np.ceil(min(y0, y1, y2) - 0.5)) - row0)
        bottom = min(last - 1, int(np.ceil(max(y0, y1, y2) - 0.5)) - 1 - row0)
        if top > bottom:
            continue
        area = _area(corners)
        if abs(area) < 1e-9:
            continue
        inv = 1.0 / area
        z0 = mesh.position[a, 2]
        dz1, dz2 = mesh.position[b, 2] - z0, mesh.position[c, 2] - z0
        zx = (dz1 * (y2 - y0) - dz2 * (y1 - y0)) * inv
        zy = (dz2 * (x1 - x0) - dz1 * (x2 - x0)) * inv
        du1, du2 = uv[b, 0] - uv[a, 0], uv[c, 0] - uv[a, 0]
        dv1, dv2 = uv[b, 1] - uv[a, 1], uv[c, 1] - uv[a, 1]
        ux, uy = (du1 * (y2 - y0) - du2 * (y1 - y0)) * inv, (du2 * (x1 - x0) - du1 * (x2 - x0)) * inv
        vx, vy = (dv1 * (y2 - y0) - dv2 * (y1 - y0)) * inv, (dv2 * (x1 - x0) - dv1 * (x2 - x0)) * inv
        u0, v0 = uv[a, 0], uv[a, 1]
        for y in range(top, bottom + 1):
            yc = y + row0 + 0.5
            start, stop = _span(corners, yc, width)
            for x in range(start, stop + 1):
                dx, dy = x + 0.5 - x0, yc - y0
                z = z0 + zx * dx + zy * dy
                if z < depth[y, x]:
                    if mesh.cutout[t] and _is_cut_out(mesh, u0 + ux * dx + uy * dy, v0 + vx * dx + vy * dy):
                        continue
                    depth[y, x] = z
                    triangle[y, x] = t


@threaded
def rasterise(mesh, buffer):  # type: ignore[no-untyped-def]
    """Fill a z-buffer: which triangle of a `Mesh` is nearest at each pixel centre of a band."""
    rows = len(buffer.triangle)
    bands = (rows + _BAND - 1) // _BAND
    for band in prange(bands):
        rasterise_rows(mesh, buffer, band * _BAND, min((band + 1) * _BAND, rows))


def nearest(position: Floating, triangles: Int, width: int, height: int) -> ZBuffer:
    """The z-buffer of a whole picture (height, width) in which nothing is cut out.

    position: (N, 3) pixels; triangles: (T, 3).
    """
    buffer = ZBuffer(np.empty((height, width), np.int32), np.empty((height, width), np.float32), 0)
    whole, nowhere = np.zeros(len(triangles), np.uint8), np.zeros((len(position), 2), np.float32)
    opaque = np.ones((1, 1), np.float32)
    with ONE_AT_A_TIME:
        rasterise(Mesh(position.astype(np.float32), triangles, whole, nowhere, opaque, np.float32(1)), buffer)
    return buffer


@threaded
def find_edges(buffer, jump, edge_of, in_row):  # type: ignore[no-untyped-def]
    """Mark the pixels where one part of the person hides another: a jump in depth between neighbours.

    Args:
        jump: smallest jump, pixels of depth.
        edge_of: (rows, W) int32, out: 0 where there is an edge, else -1; `list_edges` numbers them.
        in_row: (rows,) int32, out: how many there are in each row.
    """
    triangle, depth = buffer.triangle, buffer.depth
    rows, width = triangle.shape
    for y in prange(rows):
        count = 0
        for x in range(width):
            edge_of[y, x] = -1
            if triangle[y, x] < 0:
                continue
            z = depth[y, x]
            if (
                (x + 1 < width and triangle[y, x + 1] >= 0 and abs(z - depth[y, x + 1]) > jump)
                or (x > 0 and triangle[y, x - 1] >= 0 and abs(z - depth[y, x - 1]) > jump)
                or (y + 1 < rows and triangle[y + 1, x] >= 0 and abs(z - depth[y + 1, x]) > jump)
                or (y > 0 and triangle[y - 1, x] >= 0 and abs(z - depth[y - 1, x]) > jump)
            ):
                edge_of[y, x] = 0
                count += 1
        in_row[y] = count


@compiled
def list_edges(edge_of, in_row, edges):  # type: ignore[no-untyped-def]
    """Number the marked pixels in `edge_of` and list them as (row, column) in `edges`."""
    count = 0
    for y in range(edge_of.shape[0]):
        if in_row[y] == 0:
            continue
        for x in range(edge_of.shape[1]):
            if edge_of[y, x] == 0:
                edge_of[y, x] = count
                edges[count, 0], edges[count, 1] = y, x
                count += 1


@compiled
def rasterise_edges(mesh, row0, edge_of, triangle, depth):  # type: ignore[no-untyped-def]
    """As `rasterise`, for SUBSAMPLES points within each listed edge pixel.

    Args:
        row0: the band's first row; edge_of: (rows, W) int32 from `find_edges`.
        triangle: (edges, SUBSAMPLES) int32, depth: (edges, SUBSAMPLES) float32, out.
    """
    rows, width = edge_of.shape
    uv = mesh.uv
    triangle[:] = MISS
    depth[:] = FAR
    for t in range(len(mesh.triangles)):
        a, b, c, corners = _corners(mesh, t)
        x0, y0, x1, y1, x2, y2 = corners
        top = max(0, int(np.floor(min(y0, y1, y2))) - row0)
        bottom = min(rows - 1, int(np.floor(max(y0, y1, y2))) - row0)
        if top > bottom:
            continue
        area = _area(corners)
        if abs(area) < 1e-9:
            continue
        inv = 1.0 / area
        left = max(0, int(np.floor(min(x0, x1, x2))))
        right = min(width - 1, int(np.floor(max(x0, x1, x2))))
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                e = edge_of[y, x]
                if e < 0:
                    continue
                for s in range(SUBSAMPLES):
                    w0, w1, w2 = _barycentric(corners, inv, x + _SUB_X[s], y + row0 + _SUB_Y[s])
                    if w0 < -1e-6 or w1 < -1e-6 or w2 < -1e-6:
                        continue
                    z = w0 * mesh.position[a, 2] + w1 * mesh.position[b, 2] + w2 * mesh.position[c, 2]
                    if z >= depth[e, s]:
                        continue
                    if mesh.cutout[t]:
                        u = w0 * uv[a, 0] + w1 * uv[b, 0] + w2 * uv[c, 0]
                        v = w0 * uv[a, 1] + w1 * uv[b, 1] + w2 * uv[c, 1]
                        if _is_cut_out(mesh, u, v):
                            continue
                    depth[e, s] = z
                    triangle[e, s] = t


@inlined
def cubic_weights(f):  # type: ignore[no-untyped-def]
    """Catmull-Rom weights for the four taps around a fraction f in [0, 1). Exactly (0, 1, 0, 0) at f = 0."""
    f2 = f * f
    f3 = f2 * f
    return (
        np.float32(-0.5) * f3 + f2 - np.float32(0.5) * f,
        np.float32(1.5) * f3 - np.float32(2.5) * f2 + np.float32(1.0),
        np.float32(-1.5) * f3 + np.float32(2.0) * f2 + np.float32(0.5) * f,
        np.float32(0.5) * f3 - np.float32(0.5) * f2,
    )


@inlined
def cubic_channel(image, rows, columns, c, wx, wy):  # type: ignore[no-untyped-def]
    """One channel of a weighted sum of 4 rows x 4 columns, held within the range of its taps."""
    a, low_a, high_a = _cubic_row(image, rows[0], columns, c, wx)
    b, low_b, high_b = _cubic_row(image, rows[1], columns, c, wx)
    d, low_d, high_d = _cubic_row(image, rows[2], columns, c, wx)
    e, low_e, high_e = _cubic_row(image, rows[3], columns, c, wx)
    low, high = min(min(low_a, low_b), min(low_d, low_e)), max(max(high_a, high_b), max(high_d, high_e))
    return min(max(wy[0] * a + wy[1] * b + wy[2] * d + wy[3] * e, low), high)


@inlined
def _cubic_row(image, row, columns, c, wx):  # type: ignore[no-untyped-def]
    """The weighted sum of four taps, the smallest and the largest of them."""
    t0, t1 = image[row, columns[0], c], image[row, columns[1], c]
    t2, t3 = image[row, columns[2], c], image[row, columns[3], c]
    total = wx[0] * t0 + wx[1] * t1 + wx[2] * t2 + wx[3] * t3
    return total, min(min(t0, t1), min(t2, t3)), max(max(t0, t1), max(t2, t3))


@inlined
def cubic(image, x, y):  # type: ignore[no-untyped-def]
    """Catmull-Rom sample of a padded (H + 2 PAD, W + 2 PAD, 4) float32 texture at (x, y), unpadded picture coordinates.

    The answer stays within the range of the 16 taps, so a highlight of 1000 leaves no negative ring around it.
    """
    fx = min(max(x + np.float32(PAD - 0.5), np.float32(1.0)), np.float32(image.shape[1] - 3))
    fy = min(max(y + np.float32(PAD - 0.5), np.float32(1.0)), np.float32(image.shape[0] - 3))
    ix, iy = int(fx), int(fy)
    dx, dy = np.float32(fx - ix), np.float32(fy - iy)
    if dx + dy < COPIED:
        return image[iy, ix, 0], image[iy, ix, 1], image[iy, ix, 2], image[iy, ix, 3]
    wx, wy = cubic_weights(dx), cubic_weights(dy)
    rows, columns = (iy - 1, iy, iy + 1, iy + 2), (ix - 1, ix, ix + 1, ix + 2)
    return (
        cubic_channel(image, rows, columns, 0, wx, wy),
        cubic_channel(image, rows, columns, 1, wx, wy),
        cubic_channel(image, rows, columns, 2, wx, wy),
        cubic_channel(image, rows, columns, 3, wx, wy),
    )


@compiled
def sample_affine(texture, affine, out):  # type: ignore[no-untyped-def]
    """Sample a padded texture into (h, w, 4) float32.

    affine: (2, 3) float32, from the centres of `out`'s pixels (first one at 0.5, 0.5) to the texture's unpadded pixels.
    """
    for y in range(out.shape[0]):
        yc = np.float32(y + 0.5)
        for x in range(out.shape[1]):
            xc = np.float32(x + 0.5)
            u = affine[0, 0] * xc + affine[0, 1] * yc + affine[0, 2]
            v = affine[1, 0] * xc + affine[1, 1] * yc + affine[1, 2]
            out[y, x, 0], out[y, x, 1], out[y, x, 2], out[y, x, 3] = cubic(texture, u, v)


@inlined
def plane_at(plane, t, k, x, y):  # type: ignore[no-untyped-def]
    """Value k within triangle t at (x, y); plane: (T, K, 3) of `planes`."""
    return plane[t, k, 0] + plane[t, k, 1] * x + plane[t, k, 2] * y


@threaded
def shade(buffer, uv, layers, combined, matte):  # type: ignore[no-untyped-def]
    """Composite the person over the plate for a band of rows.

    Args:
        uv: (T, 2, 3) float32, planes (see `planes`) of the texture coordinates, pixels of the window.
        combined: (rows, W, 4) float32, premultiplied, and matte: (rows, W) float32, out.
    """
    triangle, row0, texture = buffer.triangle, buffer.row0, layers.texture
    rows, width = triangle.shape
    for y in prange(rows):
        yc = np.float32(y + row0 + 0.5)
        for x in range(width):
            t = triangle[y, x]
            red = green = blue = alpha = np.float32(0.0)
            if t >= 0:
                xc = np.float32(x + 0.5)
                red, green, blue, alpha = cubic(texture, plane_at(uv, t, 0, xc, yc), plane_at(uv, t, 1, xc, yc))
            matte[y, x] = alpha
            if alpha >= np.float32(1.0):
                combined[y, x, 0], combined[y, x, 1], combined[y, x, 2], combined[y, x, 3] = red, green, blue, alpha
            else:
                _over(red, green, blue, alpha, layers, y + row0, combined, y, x)


@inlined
def _over(red, green, blue, alpha, layers, row, out, y, x):  # type: ignore[no-untyped-def]
    """Porter and Duff's over, at the picture's row `row`; the plate unchanged to the last bit where alpha is 0."""
    x0, y0, x1, y1 = layers.window[0], layers.window[1], layers.window[2], layers.window[3]
    if y0 <= row < y1 and x0 <= x < x1:
        _blend(red, green, blue, alpha, layers.plate, row - y0, x - x0, out, y, x)
    else:
        _blend(red, green, blue, alpha, layers.source, row, x, out, y, x)


@inlined
def _blend(red, green, blue, alpha, behind, by, bx, out, y, x):  # type: ignore[no-untyped-def]
    if alpha == np.float32(0.0):
        out[y, x, 0], out[y, x, 1] = behind[by, bx, 0], behind[by, bx, 1]
        out[y, x, 2], out[y, x, 3] = behind[by, bx, 2], behind[by, bx, 3]
        return
    through = np.float32(1.0) - alpha
    out[y, x, 0] = red + through * behind[by, bx, 0]
    out[y, x, 1] = green + through * behind[by, bx, 1]
    out[y, x, 2] = blue + through * behind[by, bx, 2]
    out[y, x, 3] = alpha + through * behind[by, bx, 3]


@threaded
def shade_multisampled(pixels, samples, row0, uv, fill, layers, combined, matte):  # type: ignore[no-untyped-def]
    """Shade the listed pixels anew: with several samples, and filled where the portrait shows nothing.

    Args:
        pixels: (count, 2) int32, row and column in the band, which begins at `row0`.
        samples: (count, SUBSAMPLES) int32, the triangle at each sample.
        fill: (T, 6, 3) float32, planes: the texture coordinates of what fills a triangle, its weight, and the gain on
            its red, green and blue; zero where nothing is filled.
        others: as `shade`.
    """
    texture = layers.texture
    weight = np.float32(1.0 / SUBSAMPLES)
    for i in prange(len(pixels)):
        y, x = pixels[i, 0], pixels[i, 1]
        py = y + row0
        red = green = blue = alpha = np.float32(0.0)
        # each sample says which part is seen; the colour is taken at the centre, or still edges would be blurred
        sx, sy = np.float32(x + 0.5), np.float32(py + 0.5)
        for s in range(SUBSAMPLES):
            t = samples[i, s]
            if t < 0:
                continue
            r, g, b, a = cubic(texture, plane_at(uv, t, 0, sx, sy), plane_at(uv, t, 1, sx, sy))
            m = plane_at(fill, t, 2, sx, sy)
            if m > FILLED:
                r2, g2, b2, a2 = cubic(texture, plane_at(fill, t, 0, sx, sy), plane_at(fill, t, 1, sx, sy))
                r += m * (r2 * plane_at(fill, t, 3, sx, sy) - r)
                g += m * (g2 * plane_at(fill, t, 4, sx, sy) - g)
                b += m * (b2 * plane_at(fill, t, 5, sx, sy) - b)
                a += m * (a2 - a)
            red += weight * r
            green += weight * g
            blue += weight * b
            alpha += weight * a
        matte[y, x] = alpha
        _over(red, green, blue, alpha, layers, py, combined, y, x)


@compiled
def list_filled(buffer, filled, edge_of, columns, pixels):  # type: ignore[no-untyped-def]
    """List the pixels of triangles that are filled, unless they are edge pixels already. Returns how many.

    Args:
        filled: (T,) uint8.
        edge_of: (rows, W) int32 from `find_edges`, or empty.
        columns: the first column to look at, and the one after the last.
        pixels: (capacity, 2) int32, out.
    """
    count = 0
    for y in range(len(buffer.triangle)):
        for x in range(columns[0], columns[1]):
            t = buffer.triangle[y, x]
            if t >= 0 and filled[t] and (edge_of.size == 0 or edge_of[y, x] < 0):
                if count < len(pixels):
                    pixels[count, 0], pixels[count, 1] = y, x
                count += 1
    return count


@threaded
def stmap(buffer, uv, matte, size, out):  # type: ignore[no-untyped-def]
    """Where in the portrait each pixel's colour was taken from: u to the right, v up, both 0..1, and 1.

    Args:
        uv: (T, 2, 3) float32, planes of the picture coordinates, pixels.
        matte: (rows, W) float32: where it is 0 the plate shows, which stands still.
        size: the portrait's width and height.
        out: (rows, W, 3) float32.
    """
    triangle, row0 = buffer.triangle, buffer.row0
    across, down = np.float32(1.0 / size[0]), np.float32(1.0 / size[1])
    for y in prange(triangle.shape[0]):
        yc = np.float32(y + row0 + 0.5)
        for x in range(triangle.shape[1]):
            u, v = np.float32(x + 0.5), yc
            t = triangle[y, x]
            if t >= 0 and matte[y, x] > np.float32(1.0 / 512):
                xc = u
                u, v = plane_at(uv, t, 0, xc, yc), plane_at(uv, t, 1, xc, yc)
            out[y, x, 0] = u * across
            out[y, x, 1] = np.float32(1.0) - v * down
            out[y, x, 2] = np.float32(1.0)


@threaded
def interpolate(buffer, values, matte, weigh, out):  # type: ignore[no-untyped-def]
    """Values that are linear within each triangle, over a band; 0 where the plate shows.

    Args:
        values: (T, K, 3) float32, planes.
        matte: (rows, W) float32.
        weigh: multiply with the matte.
        out: (rows, W, K) float32.
    """
    triangle, row0, count = buffer.triangle, buffer.row0, values.shape[1]
    for y in prange(triangle.shape[0]):
        yc = np.float32(y + row0 + 0.5)
        for x in range(triangle.shape[1]):
            t = triangle[y, x]
            m = matte[y, x]
            if t < 0 or m <= np.float32(1.0 / 512):
                for k in range(count):
                    out[y, x, k] = np.float32(0.0)
                continue
            xc = np.float32(x + 0.5)
            w = m if weigh else np.float32(1.0)
            for k in range(count):
                out[y, x, k] = w * plane_at(values, t, k, xc, yc)


@inlined
def texel(u, v, width, height):  # type: ignore[no-untyped-def]
    """The upper left pixel, and the fractions, of a bilinear sample at (u, v) pixels, held within the map."""
    fu = min(max(u - np.float32(0.5), np.float32(0.0)), np.float32(width - 1.001))
    fv = min(max(v - np.float32(0.5), np.float32(0.0)), np.float32(height - 1.001))
    iu, iv = int(fu), int(fv)
    return iu, iv, np.float32(fu - iu), np.float32(fv - iv)


@inlined
def bilinear(maps, iu, iv, du, dv, k):  # type: ignore[no-untyped-def]
    """Channel k of maps (h, w, K) between four pixels, see `texel`."""
    upper = maps[iv, iu, k] * (np.float32(1.0) - du) + maps[iv, iu + 1, k] * du
    lower = maps[iv + 1, iu, k] * (np.float32(1.0) - du) + maps[iv + 1, iu + 1, k] * du
    return upper * (np.float32(1.0) - dv) + lower * dv


@threaded
def texture_passes(buffer, uv, maps, scale, matte, out):  # type: ignore[no-untyped-def]
    """Sample small source-space maps (h, w, K) bilinearly through the uv of a band, times the matte, into (rows, W, K).

    uv: (T, 2, 3) float32, planes of the picture coordinates; scale: map pixels per picture pixel.
    """
    triangle, row0 = buffer.triangle, buffer.row0
    for y in prange(triangle.shape[0]):
        yc = np.float32(y + row0 + 0.5)
        for x in range(triangle.shape[1]):
            t = triangle[y, x]
            m = matte[y, x]
            if t < 0 or m <= np.float32(0.0):
                for k in range(maps.shape[2]):
                    out[y, x, k] = np.float32(0.0)
                continue
            xc = np.float32(x + 0.5)
            u, v = plane_at(uv, t, 0, xc, yc) * scale, plane_at(uv, t, 1, xc, yc) * scale
            iu, iv, du, dv = texel(u, v, maps.shape[1], maps.shape[0])
            for k in range(maps.shape[2]):
                out[y, x, k] = m * bilinear(maps, iu, iv, du, dv, k)


def smoothstep(x: Number) -> Number:
    """0 below 0, 1 above 1, smooth between."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


@inlined
def smoothstep32(x):  # type: ignore[no-untyped-def]
    """`smoothstep` of a float32, within a kernel."""
    x = min(max(x, np.float32(0.0)), np.float32(1.0))
    return x * x * (np.float32(3.0) - np.float32(2.0) * x)


@compiled
def rasterise_colours(mesh, colours, image, depth):  # type: ignore[no-untyped-def]
    """Draw a small vertex-coloured mesh with a depth test.

    Args:
        mesh: a `VertexMesh`, its positions in pixels of `image`.
        colours: (N, 3) float32.
        image: (h, w, 3) float32, drawn into.
        depth: (h, w) float32, drawn into.
    """
    height, width = depth.shape
    for t in range(len(mesh.triangles)):
        a, b, c, corners = _corners(mesh, t)
        y0, y1, y2 = corners[1], corners[3], corners[5]
        area = _area(corners)
        if abs(area) < 1e-9:
            continue
        inv = 1.0 / area
        top, bottom = max(0, int(np.ceil(min(y0, y1, y2) - 0.5))), min(height - 1, int(np.floor(max(y0, y1, y2) - 0.5)))
        for y in range(top, bottom + 1):
            start, stop = _span(corners, y + 0.5, width)
            for x in range(start, stop + 1):
                w0, w1, w2 = _barycentric(corners, inv, x + 0.5, y + 0.5)
                z = w0 * mesh.position[a, 2] + w1 * mesh.position[b, 2] + w2 * mesh.position[c, 2]
                if z < depth[y, x]:
                    depth[y, x] = z
                    for k in range(3):
                        image[y, x, k] = w0 * colours[a, k] + w1 * colours[b, k] + w2 * colours[c, k]
