"""Which pixels of a frame show the person, as lists: what a renderer needs that shades somewhere else."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import partial

import numpy as np

from .. import native
from ..arrays import Float32, Int
from .frame import Band

_SIZE, _INT = ctypes.c_int64, native.Array.of(np.int32)
_MASK, _LONG = native.Array.of(np.bool_), native.Array.of(np.int64)
_count = native.kernel("pixel_lists_count", _INT, _MASK, _SIZE, _LONG, _SIZE, _SIZE)
_fill = native.kernel("pixel_lists_fill", _INT, _MASK, _SIZE, _LONG, _INT, _INT, _SIZE, _SIZE)


@dataclass(frozen=True)
class PixelLists:
    """The pixels of a whole frame that are not just background; numbered row by row.

    Attributes:
        plain: (n,) int32 and plain_triangle (n,) int32: pixels that show one triangle's colour.
        multisampled: (m,) int32 and multisampled_triangle (m, SUBSAMPLES) int32, MISS where nothing is shown: pixels
            that need several samples or are filled, see `kernels.shade_multisampled`.
        patch: (k,) int32, patch_colour (k, 4), patch_coverage (k, 1) float32: eyes and mouth; to be weighed with the
            matte.
        hull: (h,) int32, hull_layer (h, 6) float32: the back of the head between person and background, see
            `hull_kernels.sample_hull`. No pixel is named twice in any list.
    """

    plain: Int
    plain_triangle: Int
    multisampled: Int
    multisampled_triangle: Int
    patch: Int
    patch_colour: Float32
    patch_coverage: Float32
    hull: Int
    hull_layer: Float32


def list_pixels(band: Band, *, smooth_edges: bool = True) -> PixelLists:
    """The lists of a whole frame, from what is shown in it."""
    shown = band.buffer.triangle
    several, triangles = band.multisampled(smooth_edges)
    excluded = np.zeros(shown.shape, np.bool_)
    excluded[several[:, 0], several[:, 1]] = True
    starts = np.zeros(len(shown) + 1, np.int64)
    rows, width = shown.shape
    native.in_bands(partial(_count, shown, excluded, width, starts[1:]), 0, rows)
    np.cumsum(starts, out=starts)
    plain, triangle = np.empty(starts[-1], np.int32), np.empty(starts[-1], np.int32)
    native.in_bands(partial(_fill, shown, excluded, width, starts, plain, triangle), 0, rows)
    multisampled = (several[:, 0] * band.width + several[:, 1]).astype(np.int32)
    return PixelLists(
        plain, triangle, multisampled, np.ascontiguousarray(triangles, np.int32), *_patches(band), *_hull(band)
    )


def _hull(band: Band) -> tuple[Int, Float32]:
    if band.hull is None:
        return np.zeros(0, np.int32), np.zeros((0, 6), np.float32)
    band.hull.sample()
    y, x = np.nonzero(band.hull.layer[..., 4])
    numbered = (y + band.hull.rows.start) * band.width + x + band.hull.columns.start
    return numbered.astype(np.int32), band.hull.layer[y, x]


def _patches(band: Band) -> tuple[Int, Float32, Float32]:
    """Eyes and mouth as one list; where two overlap, the later over the earlier as on a matte of 1."""
    found: list[tuple[Int, Float32, Float32]] = []
    for patch in band.posed.patches:
        rows, columns, inside = band.overlap(patch)
        coverage = patch.coverage[inside]
        if not patch.anywhere:
            coverage = coverage * band.on_face(rows, columns)
        y, x = np.nonzero(coverage)
        numbered = ((y + rows.start) * band.width + x + columns.start).astype(np.int32)
        found.append((numbered, patch.colour[inside][y, x], coverage[y, x][:, None]))
    if not found:
        return np.zeros(0, np.int32), np.zeros((0, 4), np.float32), np.zeros((0, 1), np.float32)
    pixel, colour, coverage = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return _merge_duplicates(pixel, colour, coverage.astype(np.float32))


def _merge_duplicates(pixel: Int, colour: Float32, coverage: Float32) -> tuple[Int, Float32, Float32]:
    """Merge what is listed twice: c over b is c + (1 - c) b, with the colours in the same proportion."""
    order = np.argsort(pixel, kind="stable")
    pixel, colour, coverage = pixel[order], colour[order], coverage[order]
    begins = np.flatnonzero(np.diff(pixel, prepend=-1))
    if len(begins) == len(pixel):
        return pixel, colour, coverage
    out_colour, out_coverage = colour[begins], coverage[begins]
    layers = np.diff(begins, append=len(pixel))
    for k in range(1, int(layers.max())):
        several = layers > k
        later = begins[several] + k
        c, b = coverage[later], out_coverage[several]
        total = c + (1 - c) * b
        out_colour[several] = (c * colour[later] + (1 - c) * b * out_colour[several]) / total
        out_coverage[several] = total
    return pixel[begins], out_colour, out_coverage
