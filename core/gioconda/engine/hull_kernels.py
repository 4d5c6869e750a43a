"""The head's volume between person and background: the inner loop, compiled by numba. See `hull_frame`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..arrays import Float32, Int
from .kernels import PAD, bilinear, compiled, cubic, plane_at, prange, smoothstep32, texel, threaded

LEAST = np.float32(1.0 / 512)  # less of the hull is nothing
EDGE = np.float32(0.12)  # cosine towards the viewer: from here on the hull is opaque
SOLID, SPAN = np.float32(0.45), np.float32(0.5)  # of the person's alpha before the hull: from 0 to 1 over the span


class Surface(NamedTuple):
    """The hull in a pose.

    Attributes:
        position: (N, 3) float32, pixels.
        triangles: (T, 3) int32, those that may be seen.
        values: (N, VALUES) float32: texture column and row in pixels; cosine towards the viewer; how much it is shown.
        texture: (h + 2 PAD, w + 2 PAD, 4) float32, scene-linear, premultiplied.
        gives_way: (h, w, 1) float32, 0..1: where the person's layer gives way to the hull, small.
        scale: pixels of `gives_way` per pixel of the portrait, float32.
    """

    position: Float32
    triangles: Int
    values: Float32
    texture: Float32
    gives_way: Float32
    scale: np.float32


@compiled
def _weights(surface, t, x, y):  # type: ignore[no-untyped-def]
    """The barycentric weights of (x, y) in a triangle, and its corners."""
    a, b, c = surface.triangles[t, 0], surface.triangles[t, 1], surface.triangles[t, 2]
    p = surface.position
    x0, y0, x1, y1, x2, y2 = p[a, 0], p[a, 1], p[b, 0], p[b, 1], p[c, 0], p[c, 1]
    area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
    w1 = ((x - x0) * (y2 - y0) - (y - y0) * (x2 - x0)) / area
    w2 = ((y - y0) * (x1 - x0) - (x - x0) * (y1 - y0)) / area
    return np.float32(1.0) - w1 - w2, w1, w2, a, b, c


@compiled
def _texture_place(surface, t, x, y):  # type: ignore[no-untyped-def]
    """Where in the texture the hull has its colour at (x, y), pixels."""
    w0, w1, w2, a, b, c = _weights(surface, t, x, y)
    v = surface.values
    return w0 * v[a, 0] + w1 * v[b, 0] + w2 * v[c, 0], w0 * v[a, 1] + w1 * v[b, 1] + w2 * v[c, 1]


@compiled
def _is_hull(shown, matte):  # type: ignore[no-untyped-def]
    """Whether more of a pixel is the hull's than not, of what is there of the person."""
    return shown > LEAST and shown > np.float32(0.5) * matte


@threaded
def sample_hull(seen, x0, surface, buffer, uv, layer):  # type: ignore[no-untyped-def]
    """What the hull looks like, and how far the person gives way, over a band's box.

    Args:
        seen: `ZBuffer` of the hull, (rows, w), its first column being x0 of the picture.
        buffer, uv: the person's `ZBuffer` (rows, W) and planes of picture coordinates.
        layer: (rows, w, 6) float32, out: red, green, blue, alpha, premultiplied; how much it is there; giving way.
    """
    triangle, row0 = seen.triangle, seen.row0
    for y in prange(triangle.shape[0]):
        yc = np.float32(y + row0 + 0.5)
        for x in range(triangle.shape[1]):
            for k in range(6):
                layer[y, x, k] = np.float32(0.0)
            t = triangle[y, x]
            if t < 0:
                continue
            xc = np.float32(x + x0 + 0.5)
            w0, w1, w2, a, b, c = _weights(surface, t, xc, yc)
            v = surface.values
            facing = w0 * v[a, 2] + w1 * v[b, 2] + w2 * v[c, 2]
            share = (w0 * v[a, 3] + w1 * v[b, 3] + w2 * v[c, 3]) * smoothstep32(facing / EDGE)
            if share <= LEAST:
                continue
            u, w = w0 * v[a, 0] + w1 * v[b, 0] + w2 * v[c, 0], w0 * v[a, 1] + w1 * v[b, 1] + w2 * v[c, 1]
            red, green, blue, alpha = cubic(surface.texture, u, w)
            layer[y, x, 0], layer[y, x, 1] = red * share, green * share
            layer[y, x, 2], layer[y, x, 3] = blue * share, alpha * share
            layer[y, x, 4] = share
            p = buffer.triangle[y, x + x0]
            if p >= 0:
                maps = surface.gives_way
                iu, iv, du, dv = texel(
                    plane_at(uv, p, 0, xc, yc) * surface.scale,
                    plane_at(uv, p, 1, xc, yc) * surface.scale,
                    maps.shape[1],
                    maps.shape[0],
                )
                layer[y, x, 5] = bilinear(maps, iu, iv, du, dv, 0)


@threaded
def composite_hull(layer, x0, row0, layers, combined, matte, shown):  # type: ignore[no-untyped-def]
    """Put the hull between person and background.

    Args:
        layer: (rows, w, 6) of `sample_hull`, its first column being x0 of the picture.
        row0: the first row in the picture; layers: `kernels.Layers`, for the background.
        combined, matte: (rows, W, 4) and (rows, W) float32: the person over the background; changed.
        shown: (rows, w) float32, out: how much of each pixel is the hull's.
    """
    left, top, right, bottom = layers.window[0], layers.window[1], layers.window[2], layers.window[3]
    for y in prange(layer.shape[0]):
        for i in range(layer.shape[1]):
            share, x = layer[y, i, 4], i + x0
            shown[y, i] = np.float32(0.0)
            if share <= LEAST:
                continue
            a = matte[y, x]
            # The person's soft rim got its light from the old background: before the hull it is drawn tighter.
            solid = min(max((a - SOLID) / SPAN, np.float32(0.0)), np.float32(1.0))
            k = (a + share * (solid - a)) * (np.float32(1.0) - share * layer[y, i, 5])
            if k >= np.float32(1.0):
                continue
            keep = k / max(a, np.float32(1e-4))
            through, own = np.float32(1.0) - a, layer[y, i, 3]
            within = left <= x < right and top <= y + row0 < bottom
            for c in range(4):
                plate = layers.plate[y + row0 - top, x - left, c] if within else layers.source[y + row0, x, c]
                person = (combined[y, x, c] - through * plate) * keep
                back = layer[y, i, c] + (np.float32(1.0) - own) * plate
                combined[y, x, c] = person + (np.float32(1.0) - k) * back
            shown[y, i] = (np.float32(1.0) - k) * own
            matte[y, x] = k + shown[y, i]


@threaded
def draw_values(seen, x0, surface, values, shown, matte, out):  # type: ignore[no-untyped-def]
    """Write values of the hull, (N, K) float32 at its vertices, where more of a pixel is the hull's than not.

    shown: (rows, w) of `composite_hull`; matte: (rows, W); out: (rows, W, K) float32.
    """
    for y in prange(seen.triangle.shape[0]):
        yc = np.float32(y + seen.row0 + 0.5)
        for i in range(seen.triangle.shape[1]):
            x = i + x0
            if not _is_hull(shown[y, i], matte[y, x]):
                continue
            w0, w1, w2, a, b, c = _weights(surface, seen.triangle[y, i], np.float32(x + 0.5), yc)
            for k in range(values.shape[1]):
                out[y, x, k] = w0 * values[a, k] + w1 * values[b, k] + w2 * values[c, k]


@threaded
def draw_texture(seen, x0, surface, maps, scale, bias, shown, out):  # type: ignore[no-untyped-def]
    """Add a map (h, w, 1) over the texture as much as the hull is shown: out += shown · (scale · map + bias).

    shown: (rows, w); out: (rows, W, 1) float32.
    """
    height, width = surface.texture.shape[0], surface.texture.shape[1]
    for y in prange(seen.triangle.shape[0]):
        yc = np.float32(y + seen.row0 + 0.5)
        for i in range(seen.triangle.shape[1]):
            if shown[y, i] <= np.float32(0.0):
                continue
            x = i + x0
            u, w = _texture_place(surface, seen.triangle[y, i], np.float32(x + 0.5), yc)
            across, down = np.float32(maps.shape[1] / (width - 2 * PAD)), np.float32(maps.shape[0] / (height - 2 * PAD))
            iu, iv, du, dv = texel(u * across, w * down, maps.shape[1], maps.shape[0])
            out[y, x, 0] += shown[y, i] * (scale * bilinear(maps, iu, iv, du, dv, 0) + bias)


@threaded
def draw_origin(seen, x0, surface, origin, size, shown, matte, out):  # type: ignore[no-untyped-def]
    """The UV pass where more of a pixel is the hull's than not: where in the portrait its texel comes from.

    origin: (h, w, 2) float32, pixels of the portrait, over the texture; size: the portrait's width and height.
    """
    height, width = surface.texture.shape[0], surface.texture.shape[1]
    for y in prange(seen.triangle.shape[0]):
        yc = np.float32(y + seen.row0 + 0.5)
        for i in range(seen.triangle.shape[1]):
            x = i + x0
            if not _is_hull(shown[y, i], matte[y, x]):
                continue
            u, w = _texture_place(surface, seen.triangle[y, i], np.float32(x + 0.5), yc)
            iu = min(max(int(u * (origin.shape[1] / (width - 2 * PAD))), 0), origin.shape[1] - 1)
            iv = min(max(int(w * (origin.shape[0] / (height - 2 * PAD))), 0), origin.shape[0] - 1)
            out[y, x, 0] = origin[iv, iu, 0] / size[0]
            out[y, x, 1] = np.float32(1.0) - origin[iv, iu, 1] / size[1]
            out[y, x, 2] = np.float32(1.0)
