"""The engine's inner loops, compiled by numba: which triangle is seen at a pixel, and what it looks like there.

Everything works on a band of rows `[row0, row0 + rows)` of the picture: a frame of any size needs little memory.
Coordinates are picture coordinates: the first pixel's centre is (0.5, 0.5).
"""

from __future__ import annotations

import threading

import numpy as np
import numpy.typing as npt
from numba import config, njit, prange

# Four channels side by side become one vector instruction: twice as fast. Must be set before anything compiles.
config.SLP_VECTORIZE = 1
# numba's own threads sleep when there is nothing to do. OpenMP's spin, and on a busy machine take ten times as long.
# They take work from one thread at a time: `ONE_AT_A_TIME` is held around every call of a parallel kernel.
config.THREADING_LAYER = "workqueue"
ONE_AT_A_TIME = threading.RLock()
# No NaN, no infinity, no negative zero: these let vectors in without changing a result. Reordering and contracting sums
# would, from one compilation to the next, and a frame rendered again must have the same bytes.
_FAST = {"nnan", "ninf", "nsz"}

SUBSAMPLES = 4  # per pixel on an occlusion edge: a rotated grid
_SUB_X = np.array([0.125, 0.625, 0.375, 0.875], np.float32)
_SUB_Y = np.array([0.375, 0.125, 0.875, 0.625], np.float32)

_BAND = 32  # rows a thread takes at a time

MISS = -1  # no triangle here: the plate shows
CUTOUT = 0.004  # of alpha: where there is less of the person, hair and cloth hide nothing
PAD = 2  # repeated pixels around a texture, so that sampling needs no test for its border


def planes(
    position: npt.NDArray[np.floating], triangles: npt.NDArray[np.int32], values: npt.NDArray[np.floating]
) -> npt.NDArray[np.float32]:
    """Vertex values as linear functions of the pixel within each triangle: value = p[0] + p[1] x + p[2] y.

    Args:
        position: (N, 2 or 3) float, picture pixels.
        triangles: (T, 3) int32.
        values: (N, K) float.

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
    return np.asarray(np.stack([constant, along_x, along_y], axis=2), np.float32)


@njit(cache=True, nogil=True, fastmath=_FAST)
def _span(x0, y0, x1, y1, x2, y2, y, xa, xb):  # type: ignore[no-untyped-def]
    """The part of a triangle's row at height y, as (left, right) in continuous x; empty when left > right."""
    left, right = xb + 1.0, xa - 1.0
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
    return left, right


@njit(cache=True, nogil=True, fastmath=_FAST)
def rasterise_rows(  # type: ignore[no-untyped-def]
    position, triangles, cutout, uv, alpha, alpha_scale, row0, seen, depth, first, last
):
    """`rasterise` for the rows first … last - 1 of a band, by one thread: small bands are done before another wakes."""
    width = seen.shape[1]
    alpha_h, alpha_w = alpha.shape
    for y in range(first, last):
        for x in range(width):
            seen[y, x] = MISS
            depth[y, x] = 1e30
    for t in range(len(triangles)):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, x1, y1 = position[a, 0], position[a, 1], position[b, 0], position[b, 1]
        x2, y2 = position[c, 0], position[c, 1]
        top = max(first, int(np.ceil(min(y0, y1, y2) - 0.5)) - row0)
        bottom = min(last - 1, int(np.ceil(max(y0, y1, y2) - 0.5)) - 1 - row0)
        if top > bottom:
            continue
        det = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(det) < 1e-9:
            continue
        inv = 1.0 / det
        z0, dz1, dz2 = position[a, 2], position[b, 2] - position[a, 2], position[c, 2] - position[a, 2]
        zx = (dz1 * (y2 - y0) - dz2 * (y1 - y0)) * inv
        zy = (dz2 * (x1 - x0) - dz1 * (x2 - x0)) * inv
        du1, du2 = uv[b, 0] - uv[a, 0], uv[c, 0] - uv[a, 0]
        dv1, dv2 = uv[b, 1] - uv[a, 1], uv[c, 1] - uv[a, 1]
        ux, uy = (du1 * (y2 - y0) - du2 * (y1 - y0)) * inv, (du2 * (x1 - x0) - du1 * (x2 - x0)) * inv
        vx, vy = (dv1 * (y2 - y0) - dv2 * (y1 - y0)) * inv, (dv2 * (x1 - x0) - dv1 * (x2 - x0)) * inv
        u0, v0 = uv[a, 0], uv[a, 1]
        for y in range(top, bottom + 1):
            yc = y + row0 + 0.5
            left, right = _span(x0, y0, x1, y1, x2, y2, yc, 0.0, float(width))
            start = max(0, int(np.ceil(left - 0.5)))
            stop = min(width - 1, int(np.ceil(right - 0.5)) - 1)
            for x in range(start, stop + 1):
                dx, dy = x + 0.5 - x0, yc - y0
                z = z0 + zx * dx + zy * dy
                if z < depth[y, x]:
                    if cutout[t]:
                        au = min(max(int((u0 + ux * dx + uy * dy) * alpha_scale), 0), alpha_w - 1)
                        av = min(max(int((v0 + vx * dx + vy * dy) * alpha_scale), 0), alpha_h - 1)
                        if alpha[av, au] < CUTOUT:
                            continue
                    depth[y, x] = z
                    seen[y, x] = t


@njit(cache=True, nogil=True, fastmath=_FAST, parallel=True)
def rasterise(position, triangles, cutout, uv, alpha, alpha_scale, row0, seen, depth):  # type: ignore[no-untyped-def]
    """Which triangle is nearest at each pixel centre of a band.

    Args:
        position: (N, 3) float32, picture pixels.
        triangles: (T, 3) int32.
        cutout: (T,) uint8, 1 where the source's alpha decides whether the triangle is there at all.
        uv: (N, 2) float32, where in the source picture a vertex takes its colour, pixels.
        alpha: (h, w) float32, the source's matte, small.
        alpha_scale: matte pixels per picture pixel.
        row0: first row of the band.
        seen: (rows, W) int32, out: triangle index or MISS.
        depth: (rows, W) float32, out: z in pixels, large where nothing is seen.
    """
    rows = len(seen)
    bands = (rows + _BAND - 1) // _BAND
    for band in prange(bands):
        first, last = band * _BAND, min((band + 1) * _BAND, rows)
        rasterise_rows(position, triangles, cutout, uv, alpha, alpha_scale, row0, seen, depth, first, last)


def nearest(
    position: npt.NDArray[np.floating], triangles: npt.NDArray[np.int32], width: int, height: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Which triangle is nearest at each pixel where nothing is cut out, and its depth, (height, width): as `rasterise`.

    position: (N, 3) pixels; triangles: (T, 3).
    """
    seen, depth = np.empty((height, width), np.int32), np.empty((height, width), np.float32)
    whole, nowhere = np.zeros(len(triangles), np.uint8), np.zeros((len(position), 2), np.float32)
    opaque, place = np.ones((1, 1), np.float32), position.astype(np.float32)
    with ONE_AT_A_TIME:
        rasterise(place, triangles, whole, nowhere, opaque, np.float32(1), 0, seen, depth)
    return seen, depth


@njit(cache=True, nogil=True, parallel=True)
def find_edges(seen, depth, jump, edge_of, in_row):  # type: ignore[no-untyped-def]
    """Mark the pixels where one part of the person hides another: a jump in depth between neighbours.

    Args:
        jump: smallest jump, pixels of depth.
        edge_of: (rows, W) int32, out: 0 where there is an edge, else -1; `list_edges` numbers them.
        in_row: (rows,) int32, out: how many there are in each row.
    """
    rows, width = seen.shape
    for y in prange(rows):
        count = 0
        for x in range(width):
            edge_of[y, x] = -1
            if seen[y, x] < 0:
                continue
            z = depth[y, x]
            if (
                (x + 1 < width and seen[y, x + 1] >= 0 and abs(z - depth[y, x + 1]) > jump)
                or (x > 0 and seen[y, x - 1] >= 0 and abs(z - depth[y, x - 1]) > jump)
                or (y + 1 < rows and seen[y + 1, x] >= 0 and abs(z - depth[y + 1, x]) > jump)
                or (y > 0 and seen[y - 1, x] >= 0 and abs(z - depth[y - 1, x]) > jump)
            ):
                edge_of[y, x] = 0
                count += 1
        in_row[y] = count


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True, fastmath=_FAST)
def rasterise_edges(  # type: ignore[no-untyped-def]
    position, triangles, cutout, uv, alpha, alpha_scale, row0, edge_of, sub_seen, sub_depth
):
    """As `rasterise`, for SUBSAMPLES points within each listed edge pixel.

    Args:
        edge_of: (rows, W) int32 from `find_edges`.
        sub_seen: (edges, SUBSAMPLES) int32, out.
        sub_depth: (edges, SUBSAMPLES) float32, out.
    """
    rows, width = edge_of.shape
    alpha_h, alpha_w = alpha.shape
    sub_seen[:] = MISS
    sub_depth[:] = 1e30
    for t in range(len(triangles)):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, x1, y1 = position[a, 0], position[a, 1], position[b, 0], position[b, 1]
        x2, y2 = position[c, 0], position[c, 1]
        top = max(0, int(np.floor(min(y0, y1, y2))) - row0)
        bottom = min(rows - 1, int(np.floor(max(y0, y1, y2))) - row0)
        if top > bottom:
            continue
        det = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(det) < 1e-9:
            continue
        inv = 1.0 / det
        left = max(0, int(np.floor(min(x0, x1, x2))))
        right = min(width - 1, int(np.floor(max(x0, x1, x2))))
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                e = edge_of[y, x]
                if e < 0:
                    continue
                for s in range(SUBSAMPLES):
                    dx, dy = x + _SUB_X[s] - x0, y + row0 + _SUB_Y[s] - y0
                    w1 = (dx * (y2 - y0) - dy * (x2 - x0)) * inv
                    w2 = (dy * (x1 - x0) - dx * (y1 - y0)) * inv
                    w0 = 1.0 - w1 - w2
                    if w0 < -1e-6 or w1 < -1e-6 or w2 < -1e-6:
                        continue
                    z = w0 * position[a, 2] + w1 * position[b, 2] + w2 * position[c, 2]
                    if z >= sub_depth[e, s]:
                        continue
                    if cutout[t]:
                        u = w0 * uv[a, 0] + w1 * uv[b, 0] + w2 * uv[c, 0]
                        v = w0 * uv[a, 1] + w1 * uv[b, 1] + w2 * uv[c, 1]
                        au = min(max(int(u * alpha_scale), 0), alpha_w - 1)
                        av = min(max(int(v * alpha_scale), 0), alpha_h - 1)
                        if alpha[av, au] < CUTOUT:
                            continue
                    sub_depth[e, s] = z
                    sub_seen[e, s] = t


@njit(cache=True, nogil=True, fastmath=_FAST, inline="always")
def _weights(f):  # type: ignore[no-untyped-def]
    """Catmull-Rom weights for the four taps around a fraction f in [0, 1). Exactly (0, 1, 0, 0) at f = 0."""
    f2 = f * f
    f3 = f2 * f
    return (
        np.float32(-0.5) * f3 + f2 - np.float32(0.5) * f,
        np.float32(1.5) * f3 - np.float32(2.5) * f2 + np.float32(1.0),
        np.float32(-1.5) * f3 + np.float32(2.0) * f2 + np.float32(0.5) * f,
        np.float32(0.5) * f3 - np.float32(0.5) * f2,
    )


@njit(cache=True, nogil=True, fastmath=_FAST, inline="always")
def _cubic_channel(image, rows, columns, c, wx, wy):  # type: ignore[no-untyped-def]
    """One channel of a weighted sum of 4 rows x 4 columns, held within the range of its taps."""
    a, low_a, high_a = _cubic_row(image, rows[0], columns, c, wx)
    b, low_b, high_b = _cubic_row(image, rows[1], columns, c, wx)
    d, low_d, high_d = _cubic_row(image, rows[2], columns, c, wx)
    e, low_e, high_e = _cubic_row(image, rows[3], columns, c, wx)
    low, high = min(min(low_a, low_b), min(low_d, low_e)), max(max(high_a, high_b), max(high_d, high_e))
    return min(max(wy[0] * a + wy[1] * b + wy[2] * d + wy[3] * e, low), high)


@njit(cache=True, nogil=True, fastmath=_FAST, inline="always")
def _cubic_row(image, row, columns, c, wx):  # type: ignore[no-untyped-def]
    """The weighted sum of four taps, the smallest and the largest of them."""
    t0, t1 = image[row, columns[0], c], image[row, columns[1], c]
    t2, t3 = image[row, columns[2], c], image[row, columns[3], c]
    total = wx[0] * t0 + wx[1] * t1 + wx[2] * t2 + wx[3] * t3
    return total, min(min(t0, t1), min(t2, t3)), max(max(t0, t1), max(t2, t3))


@njit(cache=True, nogil=True, fastmath=_FAST, inline="always")
def _cubic(image, x, y):  # type: ignore[no-untyped-def]
    """Catmull-Rom sample of a padded (H + 2 PAD, W + 2 PAD, 4) float32 texture at (x, y), unpadded picture coordinates.

    The answer stays within the range of the 16 taps, so a highlight of 1000 leaves no negative ring around it.
    """
    fx = min(max(x + np.float32(PAD - 0.5), np.float32(1.0)), np.float32(image.shape[1] - 3))
    fy = min(max(y + np.float32(PAD - 0.5), np.float32(1.0)), np.float32(image.shape[0] - 3))
    ix, iy = int(fx), int(fy)
    dx, dy = np.float32(fx - ix), np.float32(fy - iy)
    if dx + dy < np.float32(1e-4):  # what stands still is copied: it is quick, and the same to the last bit
        return image[iy, ix, 0], image[iy, ix, 1], image[iy, ix, 2], image[iy, ix, 3]
    wx, wy = _weights(dx), _weights(dy)
    rows, columns = (iy - 1, iy, iy + 1, iy + 2), (ix - 1, ix, ix + 1, ix + 2)
    return (
        _cubic_channel(image, rows, columns, 0, wx, wy),
        _cubic_channel(image, rows, columns, 1, wx, wy),
        _cubic_channel(image, rows, columns, 2, wx, wy),
        _cubic_channel(image, rows, columns, 3, wx, wy),
    )


@njit(cache=True, nogil=True, fastmath=_FAST)
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
            out[y, x, 0], out[y, x, 1], out[y, x, 2], out[y, x, 3] = _cubic(texture, u, v)


@njit(cache=True, nogil=True, fastmath=_FAST, parallel=True)
def shade(seen, row0, uv, texture, window, source, plate, combined, matte):  # type: ignore[no-untyped-def]
    """Composite the person over the plate for a band of rows.

    Args:
        seen: (rows, W) int32 from `rasterise`.
        uv: (T, 2, 3) float32, planes (see `planes`) of the texture coordinates, pixels of the window.
        texture: padded person, premultiplied, (h + 2 PAD, w + 2 PAD, 4) float32.
        window: (4,) int32: x0, y0, x1, y1 of the person's window in the picture.
        source: (H, W, 4) float32, the picture.
        plate: (h, w, 4) float32, the picture without the person, within the window.
        combined: (rows, W, 4) float32, out, premultiplied.
        matte: (rows, W) float32, out.
    """
    rows, width = seen.shape
    x_first, y_first, x_last, y_last = window[0], window[1], window[2], window[3]
    for y in prange(rows):
        py = y + row0
        yc = np.float32(py + 0.5)
        row_inside = y_first <= py < y_last
        for x in range(width):
            t = seen[y, x]
            red = green = blue = alpha = np.float32(0.0)
            if t >= 0:
                xc = np.float32(x + 0.5)
                u = uv[t, 0, 0] + uv[t, 0, 1] * xc + uv[t, 0, 2] * yc
                v = uv[t, 1, 0] + uv[t, 1, 1] * xc + uv[t, 1, 2] * yc
                red, green, blue, alpha = _cubic(texture, u, v)
            matte[y, x] = alpha
            if alpha >= np.float32(1.0):
                combined[y, x, 0], combined[y, x, 1], combined[y, x, 2], combined[y, x, 3] = red, green, blue, alpha
            elif row_inside and x_first <= x < x_last:
                _over(red, green, blue, alpha, plate, py - y_first, x - x_first, combined, y, x)
            else:
                _over(red, green, blue, alpha, source, py, x, combined, y, x)


@njit(cache=True, nogil=True, fastmath=_FAST, inline="always")
def _over(red, green, blue, alpha, behind, by, bx, out, y, x):  # type: ignore[no-untyped-def]
    """Porter and Duff's over; what lies behind unchanged to the last bit where alpha is 0."""
    if alpha == np.float32(0.0):
        out[y, x, 0], out[y, x, 1] = behind[by, bx, 0], behind[by, bx, 1]
        out[y, x, 2], out[y, x, 3] = behind[by, bx, 2], behind[by, bx, 3]
        return
    rest = np.float32(1.0) - alpha
    out[y, x, 0] = red + rest * behind[by, bx, 0]
    out[y, x, 1] = green + rest * behind[by, bx, 1]
    out[y, x, 2] = blue + rest * behind[by, bx, 2]
    out[y, x, 3] = alpha + rest * behind[by, bx, 3]


@njit(cache=True, nogil=True, fastmath=_FAST, parallel=True)
def shade_multisampled(  # type: ignore[no-untyped-def]
    pixels, sub_seen, row0, uv, fill, texture, window, source, plate, combined, matte
):
    """Shade the listed pixels anew: with several samples, and filled where the portrait shows nothing.

    Args:
        pixels: (count, 2) int32, row and column in the band.
        sub_seen: (count, SUBSAMPLES) int32, the triangle at each sample.
        fill: (T, 6, 3) float32, planes: the texture coordinates of what fills a triangle, its weight, and the gain on
            its red, green and blue; zero where nothing is filled.
        others: as `shade`.
    """
    x_first, y_first, x_last, y_last = window[0], window[1], window[2], window[3]
    share = np.float32(1.0 / SUBSAMPLES)
    for i in prange(len(pixels)):
        y, x = pixels[i, 0], pixels[i, 1]
        py = y + row0
        red = green = blue = alpha = np.float32(0.0)
        # each sample says which part is seen; the colour is taken at the centre, or still edges would be blurred
        sx, sy = np.float32(x + 0.5), np.float32(py + 0.5)
        for s in range(SUBSAMPLES):
            t = sub_seen[i, s]
            if t < 0:
                continue
            u = uv[t, 0, 0] + uv[t, 0, 1] * sx + uv[t, 0, 2] * sy
            v = uv[t, 1, 0] + uv[t, 1, 1] * sx + uv[t, 1, 2] * sy
            r, g, b, a = _cubic(texture, u, v)
            m = fill[t, 2, 0] + fill[t, 2, 1] * sx + fill[t, 2, 2] * sy
            if m > np.float32(1e-3):
                u = fill[t, 0, 0] + fill[t, 0, 1] * sx + fill[t, 0, 2] * sy
                v = fill[t, 1, 0] + fill[t, 1, 1] * sx + fill[t, 1, 2] * sy
                r2, g2, b2, a2 = _cubic(texture, u, v)
                r += m * (r2 * (fill[t, 3, 0] + fill[t, 3, 1] * sx + fill[t, 3, 2] * sy) - r)
                g += m * (g2 * (fill[t, 4, 0] + fill[t, 4, 1] * sx + fill[t, 4, 2] * sy) - g)
                b += m * (b2 * (fill[t, 5, 0] + fill[t, 5, 1] * sx + fill[t, 5, 2] * sy) - b)
                a += m * (a2 - a)
            red += share * r
            green += share * g
            blue += share * b
            alpha += share * a
        matte[y, x] = alpha
        if y_first <= py < y_last and x_first <= x < x_last:
            _over(red, green, blue, alpha, plate, py - y_first, x - x_first, combined, y, x)
        else:
            _over(red, green, blue, alpha, source, py, x, combined, y, x)


@njit(cache=True, nogil=True)
def list_filled(seen, filled, edge_of, x_first, x_last, pixels):  # type: ignore[no-untyped-def]
    """List the pixels of triangles that are filled, unless they are edge pixels already. Returns how many.

    Args:
        filled: (T,) uint8.
        edge_of: (rows, W) int32 from `find_edges`, or empty.
        x_first, x_last: the columns to look at.
        pixels: (capacity, 2) int32, out.
    """
    count = 0
    for y in range(len(seen)):
        for x in range(x_first, x_last):
            t = seen[y, x]
            if t >= 0 and filled[t] and (edge_of.size == 0 or edge_of[y, x] < 0):
                if count < len(pixels):
                    pixels[count, 0], pixels[count, 1] = y, x
                count += 1
    return count


@njit(cache=True, nogil=True, fastmath=_FAST, parallel=True)
def stmap(seen, row0, uv, matte, width, height, out):  # type: ignore[no-untyped-def]
    """Where in the portrait each pixel's colour was taken from: u to the right, v up, both 0..1, and 1.

    Args:
        uv: (T, 2, 3) float32, planes of the picture coordinates, pixels.
        matte: (rows, W) float32: where it is 0 the plate shows, which stands still.
        out: (rows, W, 3) float32.
    """
    across, down = np.float32(1.0 / width), np.float32(1.0 / height)
    for y in prange(seen.shape[0]):
        yc = np.float32(y + row0 + 0.5)
        for x in range(seen.shape[1]):
            u, v = np.float32(x + 0.5), yc
            t = seen[y, x]
            if t >= 0 and matte[y, x] > np.float32(1.0 / 512):
                xc = u
                u = uv[t, 0, 0] + uv[t, 0, 1] * xc + uv[t, 0, 2] * yc
                v = uv[t, 1, 0] + uv[t, 1, 1] * xc + uv[t, 1, 2] * yc
            out[y, x, 0] = u * across
            out[y, x, 1] = np.float32(1.0) - v * down
            out[y, x, 2] = np.float32(1.0)


@njit(cache=True, nogil=True, fastmath=_FAST, parallel=True)
def interpolate(seen, row0, values, matte, weigh, out):  # type: ignore[no-untyped-def]
    """Values that are linear within each triangle, over a band; 0 where the plate shows.

    Args:
        values: (T, K, 3) float32, planes.
        matte: (rows, W) float32.
        weigh: multiply with the matte.
        out: (rows, W, K) float32.
    """
    count = values.shape[1]
    for y in prange(seen.shape[0]):
        yc = np.float32(y + row0 + 0.5)
        for x in range(seen.shape[1]):
            t = seen[y, x]
            m = matte[y, x]
            if t < 0 or m <= np.float32(1.0 / 512):
                for k in range(count):
                    out[y, x, k] = np.float32(0.0)
                continue
            xc = np.float32(x + 0.5)
            w = m if weigh else np.float32(1.0)
            for k in range(count):
                out[y, x, k] = w * (values[t, k, 0] + values[t, k, 1] * xc + values[t, k, 2] * yc)


@njit(cache=True, nogil=True, fastmath=_FAST, parallel=True)
def texture_passes(seen, row0, uv, scale, maps, matte, out):  # type: ignore[no-untyped-def]
    """Sample small source-space maps (h, w, K) bilinearly through the uv of a band, times the matte, into (rows, W, K).

    uv: (T, 2, 3) float32, planes of the picture coordinates; scale: map pixels per picture pixel.
    """
    h, w = maps.shape[0], maps.shape[1]
    for y in prange(seen.shape[0]):
        yc = np.float32(y + row0 + 0.5)
        for x in range(seen.shape[1]):
            t = seen[y, x]
            m = matte[y, x]
            if t < 0 or m <= np.float32(0.0):
                for k in range(maps.shape[2]):
                    out[y, x, k] = np.float32(0.0)
                continue
            xc = np.float32(x + 0.5)
            fu = (uv[t, 0, 0] + uv[t, 0, 1] * xc + uv[t, 0, 2] * yc) * scale - np.float32(0.5)
            fv = (uv[t, 1, 0] + uv[t, 1, 1] * xc + uv[t, 1, 2] * yc) * scale - np.float32(0.5)
            fu = min(max(fu, np.float32(0.0)), np.float32(w - 1.001))
            fv = min(max(fv, np.float32(0.0)), np.float32(h - 1.001))
            iu, iv = int(fu), int(fv)
            du, dv = np.float32(fu - iu), np.float32(fv - iv)
            for k in range(maps.shape[2]):
                upper = maps[iv, iu, k] * (np.float32(1.0) - du) + maps[iv, iu + 1, k] * du
                lower = maps[iv + 1, iu, k] * (np.float32(1.0) - du) + maps[iv + 1, iu + 1, k] * du
                out[y, x, k] = m * (upper * (np.float32(1.0) - dv) + lower * dv)


@njit(cache=True, nogil=True, fastmath=_FAST)
def rasterise_colours(position, triangles, colours, image, depth):  # type: ignore[no-untyped-def]
    """Draw a small vertex-coloured mesh with a depth test.

    Args:
        position: (N, 3) float32, pixels of `image`.
        colours: (N, 3) float32.
        image: (h, w, 3) float32, drawn into.
        depth: (h, w) float32, drawn into.
    """
    height, width = depth.shape
    for t in range(len(triangles)):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, x1, y1 = position[a, 0], position[a, 1], position[b, 0], position[b, 1]
        x2, y2 = position[c, 0], position[c, 1]
        det = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(det) < 1e-9:
            continue
        inv = 1.0 / det
        top, bottom = max(0, int(np.ceil(min(y0, y1, y2) - 0.5))), min(height - 1, int(np.floor(max(y0, y1, y2) - 0.5)))
        for y in range(top, bottom + 1):
            left, right = _span(x0, y0, x1, y1, x2, y2, y + 0.5, 0.0, float(width))
            start = max(0, int(np.ceil(left - 0.5)))
            stop = min(width - 1, int(np.ceil(right - 0.5)) - 1)
            for x in range(start, stop + 1):
                dx, dy = x + 0.5 - x0, y + 0.5 - y0
                w1 = (dx * (y2 - y0) - dy * (x2 - x0)) * inv
                w2 = (dy * (x1 - x0) - dx * (y1 - y0)) * inv
                w0 = 1.0 - w1 - w2
                z = w0 * position[a, 2] + w1 * position[b, 2] + w2 * position[c, 2]
                if z < depth[y, x]:
                    depth[y, x] = z
                    for k in range(3):
                        image[y, x, k] = w0 * colours[a, k] + w1 * colours[b, k] + w2 * colours[c, k]
