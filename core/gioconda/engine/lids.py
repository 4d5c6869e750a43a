"""Lids that close: the skin above the eye drawn down over it, to a lash line that meets the lower lid.

The detector's lid points lie inside the eye as often as on its edge. Skin that is pulled down with them takes lashes
and slivers of eye along, so a closing lid is painted anew, from the skin between the eye's real edge and the fold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .. import landmarks as lm
from ..arrays import Float, Float32
from ..imaging import resample
from .kernels import compiled, cubic, smoothstep, smoothstep32
from .patch import Patch, padded

_COLUMNS = 65  # across the eye; the lids are looked up in a table of that many columns
_BEYOND = 0.14  # how far the table reaches past the corners, eye widths
_STEPS = 24  # between the lid and its fold, when the eye's edge is looked for
_UNLIKE = 0.4  # of the lid's brightness: what differs from it by more is eye or lashes
_LASHES = 0.016  # half the thickness of the lash line, eye widths
_SLIT, _NO_SLIT = 0.06, 0.02  # eye widths: an eye less open than the first is closed further, until the second: shut


@dataclass(frozen=True)
class Lid:
    """The skin around one eye, in the crop of its `Eye`.

    Attributes:
        skin: padded (h + 2 PAD, w + 2 PAD, 4) float32, the picture.
        soft: the same, blurred: shown where the lid is stretched, which would make streaks of the picture's grain.
        edge: (_COLUMNS,) float64: from the upper lid's points to the skin above the eye, eye widths.
        lash: (3,) float64, the colour of the lash line.
        light: what the lid is multiplied with when it has come out of the brow's shadow.
    """

    skin: Float32
    soft: Float32
    edge: Float
    lash: Float
    light: float


def crease_above(loop: tuple[int, ...]) -> tuple[int, ...]:
    """The landmarks of the fold above an eye, in the order of its upper lid."""
    return lm.CREASE_RIGHT if loop == lm.EYE_RIGHT else lm.CREASE_LEFT


def find_lid(crop: Float32, outline: Float, fold: Float) -> Lid:
    """The lid of an eye that is open in the picture.

    Args:
        crop: (h, w, 4) float32 around the eye.
        outline: (16, 2) the eye's points, fold: (7, 2) the fold's above it, pixels of the crop.
    """
    width = float(np.linalg.norm(outline[8] - outline[0]))
    along = (outline[8] - outline[0]) / width
    where = _columns(outline, fold, along)
    up = _upward(along, fold, outline)
    smooth = resample.gaussian_blur(crop, 0.015 * width)
    fraction = np.linspace(0, 1, _STEPS)
    at = where.upper[:, None] + (where.height[:, None] * fraction)[..., None] * up
    bright = resample.pixels_at(smooth, at)[..., :3].mean(2)
    skin = np.median(bright[:, _STEPS // 2 : -2], axis=1)[:, None]
    unlike = np.abs(bright - skin) > _UNLIKE * np.maximum(skin, 1e-4)
    unlike[:, int(0.7 * _STEPS) :] = False
    last = np.where(unlike.any(1), _STEPS - 1 - np.argmax(unlike[:, ::-1], axis=1), 0)
    reached = fraction[np.minimum(last + 2, _STEPS - 1)] * where.height
    edge = np.clip(reached, 0.035 * width, 0.75 * where.height) / width
    # smoothed, but nowhere below what its neighbours need
    near = np.pad(edge, 3, mode="edge")
    edge = np.max([near[k : k + _COLUMNS] for k in range(7)], axis=0)
    edge = np.convolve(np.pad(edge, 4, mode="edge"), np.hanning(11)[1:-1] / np.hanning(11).sum(), mode="valid")
    dark = np.percentile(crop[..., :3].reshape(-1, 3), 4, axis=0)
    soft = resample.gaussian_blur(crop, 0.04 * width)
    level = float(np.median(skin[_COLUMNS // 5 : -_COLUMNS // 5]))
    below = where.lower - 0.18 * width * up
    x, y = (np.clip(below[:, k], 0, crop.shape[1 - k] - 1).astype(int) for k in range(2))
    around = float(np.median(soft[y, x, :3].mean(1)))
    light = float(np.clip((around / max(level, 1e-4)) ** 0.55, 1, 1.9))
    return Lid(padded(crop), padded(soft), edge, np.minimum(dark, 0.3 * level).astype(np.float64), light)


@dataclass(frozen=True)
class _Columns:
    """Both lids, column by column along the eye's axis; `at` where, in eye widths from the outer corner.

    Attributes:
        upper, lower: (_COLUMNS, 2) pixels; height: (_COLUMNS,) from the upper lid to the fold, pixels.
    """

    at: Float
    upper: Float
    lower: Float
    height: Float


def _columns(outline: Float, fold: Float, along: Float, tau: Float | None = None) -> _Columns:
    """tau: the columns as positions on the upper lid's curve, 0..8, as another pose has them."""
    origin, width = outline[0], float((outline[8] - outline[0]) @ along)
    up = _upward(along, fold, outline)
    at = np.linspace(-_BEYOND, 1 + _BEYOND, _COLUMNS)
    over, under, above = outline[:9], outline[[0, *range(15, 7, -1)]], fold
    over_x, under_x, above_x = (np.maximum.accumulate((p - origin) @ along / width) for p in (over, under, above))
    if tau is not None:
        at = np.interp(tau, np.arange(9), over_x) + at - np.clip(at, 0, 1)
    over_y, under_y = np.interp(at, over_x, (over - origin) @ up), np.interp(at, under_x, (under - origin) @ up)
    above_y = np.interp(at, above_x, (above - origin) @ up)
    base = origin + at[:, None] * width * along
    kernel = np.array([1, 2, 3, 2, 1]) / 9
    over_y, under_y, above_y = (
        np.convolve(np.pad(y, 2, mode="edge"), kernel, "valid") for y in (over_y, under_y, above_y)
    )
    height = np.maximum(above_y - over_y, 0.04 * width)
    return _Columns(at, base + over_y[:, None] * up, base + under_y[:, None] * up, height)


def _upward(along: Float, fold: Float, outline: Float) -> Float:
    """Across the eye, towards the brow."""
    up = np.array([along[1], -along[0]])
    return up if (fold.mean(0) - outline.mean(0)) @ up > 0 else -up


def close_lid(
    lid: Lid,
    loop: tuple[int, ...],
    origin: Float,
    landmarks: Float,
    target: Float,
    zoom: float,
    size: tuple[int, int],
    eye: Patch,
) -> Patch:
    """The eye's patch with the lid over it, the same patch while the eye is open.

    Args:
        loop: the eye's 16 landmarks; origin: the crop's corner in the picture.
        landmarks, target: (478, 3) landmarks in the portrait and in this frame, pixels.
        zoom: portrait pixels per frame pixel.
        size: width and height of the picture.
    """
    crease = list(crease_above(loop))
    still, now = landmarks[list(loop), :2], target[list(loop), :2]
    gap, gap_still = (np.linalg.norm(p[1:8] - p[:8:-1], axis=1).mean() for p in (now, still))
    width, width_still = float(np.linalg.norm(now[8] - now[0])), float(np.linalg.norm(still[8] - still[0]))
    closed = smoothstep((0.6 - gap / max(gap_still, 0.04 * width_still)) / 0.35)
    shut = smoothstep((_SLIT - gap * zoom / width_still) / (_SLIT - _NO_SLIT))
    if closed <= 0 or width * zoom < 0.3 * width_still:
        return eye
    along, along_still = (now[8] - now[0]) / width, (still[8] - still[0]) / width_still
    there = _columns(now, target[crease, :2], along)
    over = np.maximum.accumulate((now[:9] - now[0]) @ along / width)
    tau = np.interp(there.at, over + 1e-9 * np.arange(9), np.arange(9))
    here = _columns(still, landmarks[crease, :2], along_still, tau)
    up, up_still = (_upward(a, p[crease, :2], q) for a, p, q in ((along, target, now), (along_still, landmarks, still)))
    base = now[0] + (there.at * width)[:, None] * along
    upper, lower = (-((p - base) @ up) for p in (there.upper, there.lower))
    crossed = upper > lower
    upper, lower = (np.where(crossed, (upper + lower) / 2, y) for y in (upper, lower))
    # close an eye that is almost shut
    upper = upper + shut * 0.5 * (lower - upper)
    heights = [upper, lower, there.height, here.height, lid.edge * width_still]
    table = np.column_stack([*heights, here.upper - origin, here.lower - origin]).astype(np.float32)
    corners = np.concatenate([there.upper + there.height[:, None] * up, there.lower - 0.16 * width * up, now])
    patch = _enlarged(eye, corners, size)
    if patch is None:
        return eye
    shape = _Shape(
        table=table,
        corner=(now[0] - patch.origin).astype(np.float32),
        along=along.astype(np.float32),
        up=up.astype(np.float32),
        crop_up=up_still.astype(np.float32),
        closed=np.float32(closed),
        shut=np.float32(shut),
        width=np.float32(width),
        zoom=np.float32(zoom),
        line=np.float32(_LASHES * width),
        light=np.float32(lid.light),
    )
    _draw(_Skin(lid.skin, lid.soft, lid.lash.astype(np.float32)), shape, patch.colour, patch.coverage)
    return patch


def _enlarged(patch: Patch, points: Float, size: tuple[int, int]) -> Patch | None:
    """The patch on a larger box that holds the points too, inside the picture."""
    (x, y), (h, w) = patch.origin, patch.coverage.shape
    x0, y0 = (int(v) for v in np.clip(np.minimum(np.floor(points.min(0)), (x, y)), 0, size))
    x1, y1 = (int(v) for v in np.clip(np.maximum(np.ceil(points.max(0)), (x + w, y + h)), 0, size))
    if x1 - x0 < 2 or y1 - y0 < 2:
        return None
    colour, coverage = np.zeros((y1 - y0, x1 - x0, 4), np.float32), np.zeros((y1 - y0, x1 - x0), np.float32)
    colour[..., 3] = 1
    inside = slice(y - y0, y - y0 + h), slice(x - x0, x - x0 + w)
    colour[inside], coverage[inside] = patch.colour, patch.coverage
    return Patch((x0, y0), colour, coverage)


@compiled
def _sample(texture, x, y):  # type: ignore[no-untyped-def]
    """`kernels.cubic`, compiled once for all its uses here."""
    return cubic(texture, x, y)


class _Skin(NamedTuple):
    """What a lid looks like: padded textures skin and soft, see `Lid`; lash (3,) float32."""

    skin: Float32
    soft: Float32
    lash: Float32


class _Shape(NamedTuple):
    """Where a lid is drawn, in pixels of the patch, and how much of it.

    Attributes:
        table: (_COLUMNS, 9) float32: below the eye's axis upper and lower lid; heights of the lid in frame and
            portrait; the skin's edge; where in the crop the upper and the lower lid's points lie (x, y each).
        corner, along, up: (2,) float32, the outer corner, and the directions along and across the eye.
        crop_up: (2,) float32, across the eye in the crop.
        closed, shut: 0..1; width: of the eye; zoom: portrait pixels per pixel; line: of the lashes; light: see `Lid`.
    """

    table: Float32
    corner: Float32
    along: Float32
    up: Float32
    crop_up: Float32
    closed: np.float32
    shut: np.float32
    width: np.float32
    zoom: np.float32
    line: np.float32
    light: np.float32


@compiled
def _draw(look, shape, colour, coverage):  # type: ignore[no-untyped-def]
    """Composite a lid (`_Skin`, `_Shape`) over an eye's patch: its colour and coverage."""
    one, half, none = np.float32(1.0), np.float32(0.5), np.float32(0.0)
    skin, soft, table, crop_up = look.skin, look.soft, shape.table, shape.crop_up
    closed, shut, width, zoom, line = shape.closed, shape.shut, shape.width, shape.zoom, shape.line
    last = table.shape[0] - 1
    beyond = np.float32(_BEYOND)
    values = np.empty(table.shape[1], np.float32)
    over = np.empty(3, np.float32)
    for row in range(coverage.shape[0]):
        for column in range(coverage.shape[1]):
            dx, dy = np.float32(column + 0.5) - shape.corner[0], np.float32(row + 0.5) - shape.corner[1]
            a = (dx * shape.along[0] + dy * shape.along[1]) / width
            ends = smoothstep32((a + beyond) / np.float32(0.15)) * smoothstep32((one + beyond - a) / np.float32(0.15))
            if ends <= none:
                continue
            b = -(dx * shape.up[0] + dy * shape.up[1])
            at = (a + beyond) / (one + np.float32(2.0) * beyond) * np.float32(last)
            k = min(max(int(at), 0), last - 1)
            part = at - np.float32(k)
            for j in range(values.shape[0]):
                values[j] = table[k, j] + part * (table[k + 1, j] - table[k, j])
            up, down = values[0] - b, b - values[1]
            if up > values[2] or down > np.float32(0.14) * width:
                continue
            above, below = min(max(up + half, none), one), min(max(down + half, none), one)
            slit = max(one - above - below, none)
            fade = one - smoothstep32((up / values[2] - np.float32(0.55)) / np.float32(0.45))
            c_above = closed * above * fade
            c_below = shut * below * (one - smoothstep32((down / width - np.float32(0.03)) / np.float32(0.1)))
            c_slit = shut * slit
            total = (c_above + c_below + c_slit) * ends
            if total <= none:
                continue
            # the lid's skin, from the eye's real edge up to the fold
            fraction = min(max(up / values[2], none), one)
            high = values[4] + fraction * (values[3] - values[4])
            u, v = values[5] + high * crop_up[0], values[6] + high * crop_up[1]
            s0, s1, s2, _ = _sample(skin, u, v)
            t0, t1, t2, _ = _sample(soft, u, v)
            pull = values[2] * zoom / max(values[3] - values[4], one)
            mix = smoothstep32((pull - np.float32(1.5)) / np.float32(3.0)) * fade
            # below, a little away from the eye
            low = max(down, none) * zoom
            away = np.float32(0.035) * width * zoom
            low += away * max(one - low / (np.float32(4.0) * away), none)
            l0, l1, l2, _ = _sample(skin, values[7] - low * crop_up[0], values[8] - low * crop_up[1])
            # stretched skin has lost its grain: take that of the skin below the eye
            low = (max(up, none) + np.float32(0.08) * width) * zoom
            u, v = values[7] - low * crop_up[0], values[8] - low * crop_up[1]
            g0, g1, g2, _ = _sample(skin, u, v)
            h0, h1, h2, _ = _sample(soft, u, v)
            grain = (g0 + g1 + g2) / max(h0 + h1 + h2, np.float32(1e-4))
            grain = min(max(grain, np.float32(0.8)), np.float32(1.25)) - one
            within = smoothstep32(a / np.float32(0.25)) * smoothstep32((one - a) / np.float32(0.25))
            lit = (one + (shape.light - one) * fade * within) * (one + np.float32(0.7) * mix * grain)
            near = max(max(up, down), none) / line
            thick = np.exp(-near * near * (half if up > none else one)) * smoothstep32(
                (a + np.float32(0.02)) / np.float32(0.2)
            )
            thick *= smoothstep32((np.float32(1.02) - a) / np.float32(0.2)) * np.float32(0.85)
            whole = c_above + c_below + c_slit
            over[0] = ((c_above + c_slit) * (s0 + mix * (t0 - s0)) * lit + c_below * l0) / whole
            over[1] = ((c_above + c_slit) * (s1 + mix * (t1 - s1)) * lit + c_below * l1) / whole
            over[2] = ((c_above + c_slit) * (s2 + mix * (t2 - s2)) * lit + c_below * l2) / whole
            was = coverage[row, column] * (one - total)
            both = total + was
            for j in range(3):
                value = over[j] + thick * (min(look.lash[j], over[j]) - over[j])
                colour[row, column, j] = (total * value + was * colour[row, column, j]) / both
            coverage[row, column] = both
