"""The mouth's inner loops, compiled: light through the lips, and the model drawn with the portrait's own texture."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...arrays import Float32, Int
from ..kernels import FAR, compiled, cubic, inlined


class Surface(NamedTuple):
    """The model in one frame, ready to be drawn.

    Attributes:
        position: (V, 3) float32, pixels of the picture drawn.
        triangles: (T, 3) int32; what turns its back is not drawn.
        layer: (T,) int32, which of `textures` a triangle shows.
        values: (V, 7) float32: where in the textures (x, y, pixels), how much of them shows 0..1, their gain, and the
            colour beneath them.
        textures: (3, h + 2 PAD, w + 2 PAD, 4) float32, linear RGB and how much of it is known, 0..1. The last one is
            laid over all layers, so much as `whole` says.
        whole: 0..1.
    """

    position: Float32
    triangles: Int
    layer: Int
    values: Float32
    textures: Float32
    whole: np.float32


@compiled
def light_through(points, normals, centres, areas, out):  # type: ignore[no-untyped-def]
    """What share of the outside light reaches each point through an opening.

    Form factor of disks: Wallace, Elmquist, Haines, "A ray tracing algorithm for progressive radiosity", 1989.

    Args:
        points, normals: (V, 3) head space; centres: (P, 3), areas: (P,) of the opening's patches.
        out: (V,) float64.
    """
    for i in range(len(points)):
        total = 0.0
        for k in range(len(areas)):
            dx, dy = centres[k, 0] - points[i, 0], centres[k, 1] - points[i, 1]
            dz = min(centres[k, 2] - points[i, 2], -0.02)
            square = dx * dx + dy * dy + dz * dz
            distance = np.sqrt(square)
            # a third comes from all around: the walls throw light, too
            facing = 0.35 + 0.65 * (normals[i, 0] * dx + normals[i, 1] * dy + normals[i, 2] * dz) / distance
            if facing > 0:
                total += areas[k] * (-dz / distance) * facing / (np.pi * square + areas[k])
        out[i] = total


@inlined
def _edges(position, triangles, t):  # type: ignore[no-untyped-def]
    """A triangle's corners and twice its signed area."""
    a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
    x0, y0 = position[a, 0], position[a, 1]
    area = (position[b, 0] - x0) * (position[c, 1] - y0) - (position[c, 0] - x0) * (position[b, 1] - y0)
    return a, b, c, area


@compiled
def find_nearest(position, triangles, samples, nearest, depth):  # type: ignore[no-untyped-def]
    """Which triangle is nearest at each sample of a picture.

    Args:
        samples: per pixel along each axis.
        nearest: (h · samples, w · samples) int32, out, -1 where there is none; depth: the same in float32, out.
    """
    height, width = nearest.shape
    for y in range(height):
        for x in range(width):
            nearest[y, x] = -1
            depth[y, x] = FAR
    for t in range(len(triangles)):
        a, b, c, area = _edges(position, triangles, t)
        if area >= -1e-9:  # seen from behind
            continue
        x0, y0, x1, y1 = (
            position[a, 0] * samples,
            position[a, 1] * samples,
            position[b, 0] * samples,
            position[b, 1] * samples,
        )
        x2, y2 = position[c, 0] * samples, position[c, 1] * samples
        top, bottom = max(0, int(np.ceil(min(y0, y1, y2) - 0.5))), min(height - 1, int(np.floor(max(y0, y1, y2) - 0.5)))
        left, right = max(0, int(np.ceil(min(x0, x1, x2) - 0.5))), min(width - 1, int(np.floor(max(x0, x1, x2) - 0.5)))
        if top > bottom or left > right:
            continue
        inverse = np.float32(1.0) / (area * samples * samples)
        # weights of the second and third corner, and depth, as they change along x
        x1_step, x2_step = (y2 - y0) * inverse, -(y1 - y0) * inverse
        z0, dz1, dz2 = position[a, 2], position[b, 2] - position[a, 2], position[c, 2] - position[a, 2]
        z_step = x1_step * dz1 + x2_step * dz2
        dx = left + np.float32(0.5) - x0
        for y in range(top, bottom + 1):
            dy = y + np.float32(0.5) - y0
            w1 = (dx * (y2 - y0) - dy * (x2 - x0)) * inverse
            w2 = (dy * (x1 - x0) - dx * (y1 - y0)) * inverse
            z = z0 + w1 * dz1 + w2 * dz2
            for x in range(left, right + 1):
                if w1 >= 0 and w2 >= 0 and w1 + w2 <= 1 and z < depth[y, x]:
                    depth[y, x] = z
                    nearest[y, x] = t
                w1 += x1_step
                w2 += x2_step
                z += z_step


@inlined
def _shaded(surface, t, x, y):  # type: ignore[no-untyped-def]
    """Of triangle t at (x, y): the model's colour; the portrait's, premultiplied; and how much of that shows."""
    position, values = surface.position, surface.values
    a, b, c, area = _edges(position, surface.triangles, t)
    dx, dy = x - position[a, 0], y - position[a, 1]
    w1 = (dx * (position[c, 1] - position[a, 1]) - dy * (position[c, 0] - position[a, 0])) / area
    w2 = (dy * (position[b, 0] - position[a, 0]) - dx * (position[b, 1] - position[a, 1])) / area
    w1, w2 = min(max(w1, np.float32(0)), np.float32(1)), min(max(w2, np.float32(0)), np.float32(1))
    w0 = np.float32(1) - w1 - w2
    model_r = w0 * values[a, 4] + w1 * values[b, 4] + w2 * values[c, 4]
    model_g = w0 * values[a, 5] + w1 * values[b, 5] + w2 * values[c, 5]
    model_b = w0 * values[a, 6] + w1 * values[b, 6] + w2 * values[c, 6]
    r, g, b_, shows = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
    seen = w0 * values[a, 2] + w1 * values[b, 2] + w2 * values[c, 2]
    layer = surface.layer[t]
    if surface.whole > 0 or (layer < 2 and seen > np.float32(0.01)):
        u = w0 * values[a, 0] + w1 * values[b, 0] + w2 * values[c, 0]
        v = w0 * values[a, 1] + w1 * values[b, 1] + w2 * values[c, 1]
        gain = w0 * values[a, 3] + w1 * values[b, 3] + w2 * values[c, 3]
        if layer < 2:
            own_r, own_g, own_b, known = cubic(surface.textures[layer], u, v)
            shows = seen * known
            r, g, b_ = shows * gain * own_r, shows * gain * own_g, shows * gain * own_b
        if surface.whole > 0:
            own_r, own_g, own_b, known = cubic(surface.textures[2], u, v)
            known = known * surface.whole
            r += known * (gain * own_r - r)
            g += known * (gain * own_g - g)
            b_ += known * (gain * own_b - b_)
            shows += known * (np.float32(1) - shows)
    return (model_r, model_g, model_b), (r, g, b_, shows)


@compiled
def draw(surface, coverage, samples, dark, nearest, model, own):  # type: ignore[no-untyped-def]
    """Draw a `Surface` where it shows, each pixel the mean of its samples; each triangle in a pixel is shaded once.

    Args:
        coverage: (h, w) float32: where it is 0 nothing is drawn.
        samples: per pixel along each axis, at most 3.
        dark: (3,) float32, what is seen where there is no surface.
        nearest: from `find_nearest`.
        model: (h, w, 3) float32, out, the model's own colours.
        own: (h, w, 4) float32, out, the textures over it, premultiplied.
    """
    height, width = coverage.shape
    done = np.empty(9, np.int32)
    for y in range(height):
        for x in range(width):
            for k in range(3):
                model[y, x, k] = dark[k]
            for k in range(4):
                own[y, x, k] = 0
            if coverage[y, x] <= 0:
                continue
            for k in range(3):
                model[y, x, k] = 0
            count = 0
            for sy in range(samples):
                for sx in range(samples):
                    t = nearest[y * samples + sy, x * samples + sx]
                    known = False
                    for k in range(count):
                        known = known or done[k] == t
                    if known:
                        continue
                    done[count] = t
                    count += 1
                    many, mx, my = np.float32(0), np.float32(0), np.float32(0)
                    for oy in range(samples):
                        for ox in range(samples):
                            if nearest[y * samples + oy, x * samples + ox] == t:
                                many += np.float32(1)
                                mx += ox + np.float32(0.5)
                                my += oy + np.float32(0.5)
                    share = many / np.float32(samples * samples)
                    if t < 0:
                        for k in range(3):
                            model[y, x, k] += share * dark[k]
                    else:
                        colour, texture = _shaded(surface, t, x + mx / (many * samples), y + my / (many * samples))
                        for k in range(3):
                            model[y, x, k] += share * colour[k]
                        for k in range(4):
                            own[y, x, k] += share * texture[k]
