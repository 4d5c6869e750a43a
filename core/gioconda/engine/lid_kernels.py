"""The kernel that draws a closing lid over an eye's patch."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..arrays import Float32
from .kernels import bilinear, compiled, cubic, smoothstep32, texel


class LidShape(NamedTuple):
    """Where a lid is drawn and how much of it; columns and heights as in `LidCurves`, pixels of the patch.

    Attributes:
        table: (COLUMNS, 12) float32: the upper lid and the line it closes on; brow, fold, line and pouch in the frame,
            the same in the portrait; how long lashes are, 0..1; how strong the line is, 0..1.
        first, step: of the columns, eye widths.
        corner, along, up: (2,) float32, and width: of the eye in the frame.
        crop_corner, crop_along, crop_up: (2,), crop_width: of the eye in the texture.
        closed, shut, lashed: 0..1, how much of the lid is painted; of it over the slit between the lids; of the lashes.
        raised, hanging: how long the lashes are seen above and below the lid's edge, 1 as in the portrait; upward: 0..1
            what shows of those above.
        reach: height of the table of lashes, eye widths; line: half the closing line's thickness, eye widths.
        drawn: see `Lid`.
    """

    table: Float32
    first: np.float32
    step: np.float32
    corner: Float32
    along: Float32
    up: Float32
    width: np.float32
    crop_corner: Float32
    crop_along: Float32
    crop_up: Float32
    crop_width: np.float32
    closed: np.float32
    shut: np.float32
    lashed: np.float32
    raised: np.float32
    hanging: np.float32
    upward: np.float32
    reach: np.float32
    line: np.float32
    drawn: np.float32


@compiled
def _texture(texture, x, y):  # type: ignore[no-untyped-def]
    return cubic(texture, x, y)


@compiled
def _lash(lashes, height, column):  # type: ignore[no-untyped-def]
    """The table of lashes, (COLUMNS, HEIGHTS, 1), at a row and a column of it."""
    last = np.float32(lashes.shape[1] - 1)
    if height > last:
        return np.float32(0.0)
    iu, iv, du, dv = texel(
        max(height, np.float32(0.0)) + np.float32(0.5), column + np.float32(0.5), lashes.shape[1], lashes.shape[0]
    )
    return bilinear(lashes, iu, iv, du, dv, 0)


@compiled
def draw_lid(skin, lashes, lash, shape, colour, coverage):  # type: ignore[no-untyped-def]
    """Composite a lid over an eye's patch: its colour (h, w, 4) and coverage (h, w), float32, changed in place.

    skin, lashes with one channel more, lash: of the `Lid`; shape: `LidShape`.
    """
    one, half, none, two = np.float32(1.0), np.float32(0.5), np.float32(0.0), np.float32(2.0)
    table, width, closed, shut, drawn = shape.table, shape.width, shape.closed, shape.shut, shape.drawn
    last = table.shape[0] - 1
    pixel = one / width
    rows_per_height = np.float32(lashes.shape[1] - 1) / shape.reach
    values = np.empty(table.shape[1], np.float32)
    for row in range(coverage.shape[0]):
        for column in range(coverage.shape[1]):
            dx, dy = np.float32(column + 0.5) - shape.corner[0], np.float32(row + 0.5) - shape.corner[1]
            a = (dx * shape.along[0] + dy * shape.along[1]) * pixel
            place = (a - shape.first) / shape.step
            if place <= none or place >= np.float32(last):
                continue
            b = -(dx * shape.up[0] + dy * shape.up[1]) * pixel
            k = min(int(place), last - 1)
            part = place - np.float32(k)
            for j in range(values.shape[0]):
                values[j] = table[k, j] + part * (table[k + 1, j] - table[k, j])
            upper, line = values[0], values[1]
            if b < values[2] or b > values[5] + np.float32(0.15):
                continue
            # as the mesh has it above the fold and below the line, evenly between: the lid unrolls
            if b < values[3]:
                i = 2
            elif b < values[4]:
                i = 3
            else:
                i = 4
            t = (b - values[i]) / max(values[i + 1] - values[i], np.float32(1e-3))
            high = values[i + 4] + t * (values[i + 5] - values[i + 4])
            u = shape.crop_corner[0] + shape.crop_width * (a * shape.crop_along[0] - high * shape.crop_up[0])
            v = shape.crop_corner[1] + shape.crop_width * (a * shape.crop_along[1] - high * shape.crop_up[1])
            s0, s1, s2, mask = _texture(skin, u, v)
            above = upper - b
            covered = min(max(above * width + half, none), one)
            under = min(max((b - line) * width + half, none), one)
            slit = max(one - covered - under, none)
            total = closed * covered * mask + shut * slit * min(two * mask, one)
            total += shut * under * min(np.float32(1.5) * mask, one)
            beside = max(smoothstep32(-a / np.float32(0.07)), smoothstep32((a - one) / np.float32(0.07)))
            total = max(
                total, closed * beside * mask * (one - smoothstep32((b - line - np.float32(0.02)) / np.float32(0.1)))
            )
            total = min(total, one)
            # the lid's rim turns away from the light, and shades the eye
            edge = above / np.float32(0.035)
            rim = one - np.float32(0.1) * (one - drawn) * np.exp(-edge * edge)
            shade = one
            if above < none:
                edge = above / np.float32(0.08)
                shade -= np.float32(0.45) * (one - drawn) * shape.lashed * np.exp(-edge * edge)
            # lashes: above the edge while the eye is open, hanging over it when it is shut
            taper = values[10]
            o = none
            if shape.upward > none and above > -pixel:
                o = _lash(lashes, above / (shape.raised * taper) * rows_per_height, place)
                o *= np.float32(0.7) * shape.upward * min(above * width + one, one)
            if shape.upward < one and above < pixel:
                hang = _lash(lashes, -above / (shape.hanging * taper) * rows_per_height, place)
                o = max(o, hang * (one - shape.upward) * min(one - above * width, one))
            o *= one - drawn
            thick = shape.line
            if above < none:
                thick += np.float32(0.018) * shut
            thick = thick * np.sqrt(taper)
            near = above / (thick + np.float32(1.4) * pixel)
            soft = np.exp(-near * near)
            hard = min(max((thick - abs(above)) * width + half, none), one)
            o = max(o, values[11] * (soft + drawn * (hard - soft)))
            o = min(o, one) * shape.lashed
            if total <= none and o <= none:
                continue
            was = coverage[row, column] * (one - total)
            both = total + was
            cover = both + (one - both) * o
            over = (s0 * rim, s1 * rim, s2 * rim)
            for j in range(3):
                under_lash = total * over[j] + was * colour[row, column, j] * shade
                colour[row, column, j] = (under_lash * (one - o) + lash[j] * o) / cover
            coverage[row, column] = cover
