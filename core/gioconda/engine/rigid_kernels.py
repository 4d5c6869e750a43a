"""Draws rigid things from which triangle of their surface is seen where. Compiled by numba."""

from __future__ import annotations

import numpy as np

from .kernels import bilinear, compiled, cubic, plane_at, texel


@compiled
def draw_rigid(triangle, there, texture, coverage, colour, shown):  # type: ignore[no-untyped-def]
    """Sample what is covered of a rigid thing's texture.

    Args:
        triangle: (h, w) int32 of a `kernels.ZBuffer`.
        there: (T, 2, 3) float32, planes of where in the texture a pixel is, its pixels.
        texture: padded (H + 2 PAD, W + 2 PAD, 4) float32; coverage: (H, W, 1) float32.
        colour: (h, w, 4) and shown: (h, w) float32, zeros, out.
    """
    for y in range(triangle.shape[0]):
        yc = np.float32(y + 0.5)
        for x in range(triangle.shape[1]):
            t = triangle[y, x]
            if t < 0:
                continue
            xc = np.float32(x + 0.5)
            u, v = plane_at(there, t, 0, xc, yc), plane_at(there, t, 1, xc, yc)
            iu, iv, du, dv = texel(u, v, coverage.shape[1], coverage.shape[0])
            covered = bilinear(coverage, iu, iv, du, dv, 0)
            if covered > np.float32(0.0):
                shown[y, x] = covered
                colour[y, x, 0], colour[y, x, 1], colour[y, x, 2], colour[y, x, 3] = cubic(texture, u, v)
