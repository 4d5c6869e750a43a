"""The engine's inner loops, compiled by numba: which triangle is seen at a pixel, and what it looks like there.

Everything works on a band of rows `[row0, row0 + rows)` of the picture, so that a frame of any size needs little memory.
Coordinates are picture coordinates: the first pixel's centre is (0.5, 0.5).
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

SUBSAMPLES = 4  # per pixel on an occlusion edge: a rotated grid
_SUB_X = np.array([0.125, 0.625, 0.375, 0.875], np.float32)
_SUB_Y = np.array([0.375, 0.125, 0.875, 0.625], np.float32)

_BAND = 32  # rows a thread takes at a time

MISS = -1  # no triangle here: the plate shows
PAD = 2  # repeated pixels around a texture, so that sampling needs no test for its border


@njit(cache=True, nogil=True, fastmath=True)
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


@njit(cache=True, nogil=True, fastmath=True, parallel=True)
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
    rows, width = seen.shape
    alpha_h, alpha_w = alpha.shape
    bands = (rows + _BAND - 1) // _BAND
    for band in prange(bands):
        first, last = band * _BAND, min((band + 1) * _BAND, rows)
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
                            if alpha[av, au] < 0.02:
                                continue
                        depth[y, x] = z
                        seen[y, x] = t


@njit(cache=True, nogil=True)
def find_edges(seen, depth, jump, edge_of, edges):  # type: ignore[no-untyped-def]
    """List the pixels where one part of the person hides another: a jump in depth between neighbours.

    Args:
        jump: smallest jump, pixels of depth.
        edge_of: (rows, W) int32, out: index into the list, or -1.
        edges: (capacity, 2) int32, out: (row, column).

    Returns:
        How many there are (at most the capacity).
    """
    rows, width = seen.shape
    count = 0
    for y in range(rows):
        for x in range(width):
            edge_of[y, x] = -1
    for y in range(rows):
        for x in range(width):
            if seen[y, x] < 0:
                continue
            for k in range(2):
                yy, xx = (y, x + 1) if k == 0 else (y + 1, x)
                if yy >= rows or xx >= width or seen[yy, xx] < 0:
                    continue
                if abs(depth[y, x] - depth[yy, xx]) > jump:
                    for j in range(2):
                        py, px = (y, x) if j == 0 else (yy, xx)
                        if edge_of[py, px] < 0 and count < len(edges):
                            edge_of[py, px] = count
                            edges[count, 0], edges[count, 1] = py, px
                            count += 1
    return count


@njit(cache=True, nogil=True, fastmath=True)
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
                        if alpha[av, au] < 0.02:
                            continue
                    sub_depth[e, s] = z
                    sub_seen[e, s] = t


@njit(cache=True, nogil=True, fastmath=True, inline="always")
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


@njit(cache=True, nogil=True, fastmath=True, inline="always")
def _cubic_channel(image, r, c, k, wx0, wx1, wx2, wx3, wy0, wy1, wy2, wy3):  # type: ignore[no-untyped-def]
    """One channel of a 4x4 weighted sum whose taps start at (r, c), held within the range of its taps."""
    low = image[r + 1, c + 1, k]
    high = low
    total = np.float32(0.0)
    for j in range(4):
        t0, t1, t2, t3 = image[r + j, c, k], image[r + j, c + 1, k], image[r + j, c + 2, k], image[r + j, c + 3, k]
        w = wy0 if j == 0 else (wy1 if j == 1 else (wy2 if j == 2 else wy3))
        total += w * (wx0 * t0 + wx1 * t1 + wx2 * t2 + wx3 * t3)
        low = min(min(low, t0), min(min(t1, t2), t3))
        high = max(max(high, t0), max(max(t1, t2), t3))
    return min(max(total, low), high)


@njit(cache=True, nogil=True, fastmath=True, inline="always")
def _cubic(image, x, y):  # type: ignore[no-untyped-def]
    """Catmull-Rom sample of a padded (H + 2 PAD, W + 2 PAD, 4) float32 texture at (x, y), unpadded picture coordinates.

    The answer stays within the range of the 16 taps, so a highlight of 1000 leaves no negative ring around it.
    """
    fx = min(max(x + np.float32(PAD - 0.5), np.float32(1.0)), np.float32(image.shape[1] - 3))
    fy = min(max(y + np.float32(PAD - 0.5), np.float32(1.0)), np.float32(image.shape[0] - 3))
    ix, iy = int(fx), int(fy)
    wx0, wx1, wx2, wx3 = _weights(np.float32(fx - ix))
    wy0, wy1, wy2, wy3 = _weights(np.float32(fy - iy))
    r, c = iy - 1, ix - 1
    return (
        _cubic_channel(image, r, c, 0, wx0, wx1, wx2, wx3, wy0, wy1, wy2, wy3),
        _cubic_channel(image, r, c, 1, wx0, wx1, wx2, wx3, wy0, wy1, wy2, wy3),
        _cubic_channel(image, r, c, 2, wx0, wx1, wx2, wx3, wy0, wy1, wy2, wy3),
        _cubic_channel(image, r, c, 3, wx0, wx1, wx2, wx3, wy0, wy1, wy2, wy3),
    )


@njit(cache=True, nogil=True, fastmath=True, parallel=True)
def sample_cubic(texture, xy, out):  # type: ignore[no-untyped-def]
    """Sample a padded texture at (h, w, 2) float32 coordinates into (h, w, 4)."""
    for y in prange(xy.shape[0]):
        for x in range(xy.shape[1]):
            r, g, b, a = _cubic(texture, xy[y, x, 0], xy[y, x, 1])
            out[y, x, 0], out[y, x, 1], out[y, x, 2], out[y, x, 3] = r, g, b, a


@njit(cache=True, nogil=True, fastmath=True, inline="always")
def _barycentric(position, a, b, c, x, y):  # type: ignore[no-untyped-def]
    x0, y0 = position[a, 0], position[a, 1]
    x1, y1, x2, y2 = position[b, 0] - x0, position[b, 1] - y0, position[c, 0] - x0, position[c, 1] - y0
    inv = np.float32(1.0) / (x1 * y2 - x2 * y1)
    dx, dy = x - x0, y - y0
    w1 = (dx * y2 - dy * x2) * inv
    w2 = (dy * x1 - dx * y1) * inv
    return np.float32(1.0) - w1 - w2, w1, w2


@njit(cache=True, nogil=True, fastmath=True)
def _person(t, x, y, position, triangles, uv, mirror, texture):  # type: ignore[no-untyped-def]
    """Colour and alpha of the person at (x, y) inside triangle t, premultiplied; hidden skin borrows from the other side."""
    a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
    w0, w1, w2 = _barycentric(position, a, b, c, x, y)
    u = w0 * uv[a, 0] + w1 * uv[b, 0] + w2 * uv[c, 0]
    v = w0 * uv[a, 1] + w1 * uv[b, 1] + w2 * uv[c, 1]
    red, green, blue, alpha = _cubic(texture, u, v)
    if len(mirror) > 0 and a < len(mirror) and b < len(mirror) and c < len(mirror):
        m = w0 * mirror[a, 2] + w1 * mirror[b, 2] + w2 * mirror[c, 2]
        if m > np.float32(1e-3):
            u = w0 * mirror[a, 0] + w1 * mirror[b, 0] + w2 * mirror[c, 0]
            v = w0 * mirror[a, 1] + w1 * mirror[b, 1] + w2 * mirror[c, 1]
            r2, g2, b2, a2 = _cubic(texture, u, v)
            red += m * (r2 * (w0 * mirror[a, 3] + w1 * mirror[b, 3] + w2 * mirror[c, 3]) - red)
            green += m * (g2 * (w0 * mirror[a, 4] + w1 * mirror[b, 4] + w2 * mirror[c, 4]) - green)
            blue += m * (b2 * (w0 * mirror[a, 5] + w1 * mirror[b, 5] + w2 * mirror[c, 5]) - blue)
            alpha += m * (a2 - alpha)
    return red, green, blue, alpha


@njit(cache=True, nogil=True, fastmath=True, parallel=True)
def shade(  # type: ignore[no-untyped-def]
    seen, row0, position, triangles, uv, mirror, texture, window, source, plate, edge_of, sub_seen, combined, matte
):
    """Composite the person over the plate for a band of rows.

    Args:
        seen: (rows, W) int32 from `rasterise`.
        uv: (N, 2) float32, texture coordinates in pixels of the window.
        mirror: (M, 6) float32, for the first M vertices: where the other half of the face is, how much to take of it,
            and the gain on its red, green and blue.
        texture: padded person, premultiplied, (h + 2 PAD, w + 2 PAD, 4) float32.
        window: (4,) int32: x0, y0, x1, y1 of the person's window in the picture.
        source: (H, W, 4) float32, the picture.
        plate: (h, w, 4) float32, the picture without the person, within the window.
        edge_of, sub_seen: from `find_edges` and `rasterise_edges`; both empty in drafts.
        combined: (rows, W, 4) float32, out, premultiplied.
        matte: (rows, W) float32, out.
    """
    rows, width = seen.shape
    x_first, y_first, x_last, y_last = window[0], window[1], window[2], window[3]
    smooth = len(sub_seen) > 0
    for y in prange(rows):
        py = y + row0
        yc = np.float32(py + 0.5)
        row_inside = y_first <= py < y_last
        for x in range(width):
            inside = row_inside and x_first <= x < x_last
            t = seen[y, x]
            red = green = blue = alpha = np.float32(0.0)
            e = edge_of[y, x] if smooth else -1
            if e >= 0:
                for s in range(SUBSAMPLES):
                    ts = sub_seen[e, s]
                    if ts >= 0:
                        r, g, b, a = _person(
                            ts, x + _SUB_X[s], py + _SUB_Y[s], position, triangles, uv, mirror, texture
                        )
                        red += r * np.float32(1.0 / SUBSAMPLES)
                        green += g * np.float32(1.0 / SUBSAMPLES)
                        blue += b * np.float32(1.0 / SUBSAMPLES)
                        alpha += a * np.float32(1.0 / SUBSAMPLES)
            elif t >= 0:
                red, green, blue, alpha = _person(
                    t, np.float32(x + 0.5), yc, position, triangles, uv, mirror, texture
                )
            matte[y, x] = alpha
            if alpha >= np.float32(1.0):
                combined[y, x, 0], combined[y, x, 1], combined[y, x, 2], combined[y, x, 3] = red, green, blue, alpha
                continue
            rest = np.float32(1.0) - alpha
            if inside:
                for k in range(4):
                    combined[y, x, k] = plate[py - y_first, x - x_first, k]
            else:
                for k in range(4):
                    combined[y, x, k] = source[py, x, k]
            if alpha > np.float32(0.0):
                combined[y, x, 0] = red + rest * combined[y, x, 0]
                combined[y, x, 1] = green + rest * combined[y, x, 1]
                combined[y, x, 2] = blue + rest * combined[y, x, 2]
                combined[y, x, 3] = alpha + rest * combined[y, x, 3]


@njit(cache=True, nogil=True, fastmath=True, parallel=True)
def geometry_passes(  # type: ignore[no-untyped-def]
    seen, row0, position, triangles, uv_picture, before, after, matte, size, out_uv, out_vector
):
    """STMap and motion vectors of a band: what the pixel's colour was taken from, and where it was and will be.

    Args:
        uv_picture: (N, 2) float32, picture pixels.
        before, after: (N, 2) float32, the vertices in the previous and following frame, picture pixels.
        matte: (rows, W) float32: where it is 0 the plate shows, which stands still.
        size: (2,) float32: width and height of the picture.
        out_uv: (rows, W, 3) float32, out: u to the right, v up, both 0..1, and 1; empty when not asked for.
        out_vector: (rows, W, 4) float32, out: previous - current, current - following, pixels, y up (Cycles'
            convention, intern/cycles/kernel/geom/primitive.h); empty when not asked for.
    """
    rows, width = seen.shape
    want_uv, want_vector = out_uv.size > 0, out_vector.size > 0
    for y in prange(rows):
        yc = np.float32(y + row0 + 0.5)
        for x in range(width):
            xc = np.float32(x + 0.5)
            t = seen[y, x]
            if t >= 0 and matte[y, x] > np.float32(1.0 / 512):
                a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
                w0, w1, w2 = _barycentric(position, a, b, c, xc, yc)
                if want_uv:
                    u = w0 * uv_picture[a, 0] + w1 * uv_picture[b, 0] + w2 * uv_picture[c, 0]
                    v = w0 * uv_picture[a, 1] + w1 * uv_picture[b, 1] + w2 * uv_picture[c, 1]
                    out_uv[y, x, 0] = u / size[0]
                    out_uv[y, x, 1] = np.float32(1.0) - v / size[1]
                    out_uv[y, x, 2] = np.float32(1.0)
                if want_vector:
                    out_vector[y, x, 0] = w0 * before[a, 0] + w1 * before[b, 0] + w2 * before[c, 0] - xc
                    out_vector[y, x, 1] = yc - (w0 * before[a, 1] + w1 * before[b, 1] + w2 * before[c, 1])
                    out_vector[y, x, 2] = xc - (w0 * after[a, 0] + w1 * after[b, 0] + w2 * after[c, 0])
                    out_vector[y, x, 3] = (w0 * after[a, 1] + w1 * after[b, 1] + w2 * after[c, 1]) - yc
            else:
                if want_uv:
                    out_uv[y, x, 0] = xc / size[0]
                    out_uv[y, x, 1] = np.float32(1.0) - yc / size[1]
                    out_uv[y, x, 2] = np.float32(1.0)
                if want_vector:
                    for k in range(4):
                        out_vector[y, x, k] = np.float32(0.0)


@njit(cache=True, nogil=True, fastmath=True, parallel=True)
def vertex_passes(seen, row0, position, triangles, values, matte, out):  # type: ignore[no-untyped-def]
    """Interpolate (N, K) float32 vertex values over a band, times the matte, into (rows, W, K)."""
    rows, width = seen.shape
    for y in prange(rows):
        for x in range(width):
            t = seen[y, x]
            m = matte[y, x]
            if t < 0 or m <= np.float32(0.0):
                for k in range(values.shape[1]):
                    out[y, x, k] = np.float32(0.0)
                continue
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            w0, w1, w2 = _barycentric(position, a, b, c, np.float32(x + 0.5), np.float32(y + row0 + 0.5))
            for k in range(values.shape[1]):
                out[y, x, k] = m * (w0 * values[a, k] + w1 * values[b, k] + w2 * values[c, k])


@njit(cache=True, nogil=True, fastmath=True, parallel=True)
def texture_passes(seen, row0, position, triangles, uv, scale, maps, matte, out):  # type: ignore[no-untyped-def]
    """Sample small source-space maps (h, w, K) bilinearly through the uv of a band, times the matte, into (rows, W, K)."""
    rows, width = seen.shape
    h, w = maps.shape[0], maps.shape[1]
    for y in prange(rows):
        for x in range(width):
            t = seen[y, x]
            m = matte[y, x]
            if t < 0 or m <= np.float32(0.0):
                for k in range(maps.shape[2]):
                    out[y, x, k] = np.float32(0.0)
                continue
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            w0, w1, w2 = _barycentric(position, a, b, c, np.float32(x + 0.5), np.float32(y + row0 + 0.5))
            fu = (w0 * uv[a, 0] + w1 * uv[b, 0] + w2 * uv[c, 0]) * scale - np.float32(0.5)
            fv = (w0 * uv[a, 1] + w1 * uv[b, 1] + w2 * uv[c, 1]) * scale - np.float32(0.5)
            fu = min(max(fu, np.float32(0.0)), np.float32(w - 1.001))
            fv = min(max(fv, np.float32(0.0)), np.float32(h - 1.001))
            iu, iv = int(fu), int(fv)
            du, dv = np.float32(fu - iu), np.float32(fv - iv)
            for k in range(maps.shape[2]):
                upper = maps[iv, iu, k] * (np.float32(1.0) - du) + maps[iv, iu + 1, k] * du
                lower = maps[iv + 1, iu, k] * (np.float32(1.0) - du) + maps[iv + 1, iu + 1, k] * du
                out[y, x, k] = m * (upper * (np.float32(1.0) - dv) + lower * dv)


@njit(cache=True, nogil=True, fastmath=True)
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
