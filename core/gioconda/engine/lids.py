"""Lids that close: skin that unrolls from the fold, down to the line on which the lids meet, with the eye's own lashes.

The detector's lid points lie inside the eye as often as on its edge. Skin that is pulled down with them takes lashes
and slivers of eye along, so a closing lid is painted anew, from `lid_skin`; late and little, for a half-shut eye is
still mostly the portrait's own.
"""

from __future__ import annotations

import numpy as np

from ..arrays import Float
from .kernels import smoothstep
from .lid_curves import AT, LidCurves, eye_opening, lid_curves
from .lid_kernels import LidShape, draw_lid
from .lid_skin import LASHES, Lid
from .patch import Patch, pixels_around

_ONSET, _WHOLE = 0.5, 0.2  # of the portrait's opening: from where on a lid is painted, and wholly
_DRAWN_ONSET, _DRAWN_WHOLE = 0.97, 0.9  # the same of a drawn eye
_LASHES_ONSET, _LASHES_WHOLE = 0.75, 0.4  # the same of the lashes, which come first
_SLIT, _NO_SLIT = 0.06, 0.02  # eye widths: an eye less open than the first is closed further, until the second: shut
_APART = 0.03  # eye widths between two curves, at least


def close_lid(lid: Lid, loop: tuple[int, ...], target: Float, zoom: float, size: tuple[int, int], eye: Patch) -> Patch:
    """The eye's patch with the lid over it, the same patch while the eye is open.

    Args:
        loop: the eye's 16 landmarks.
        target: (478, 3) landmarks in this frame, pixels.
        zoom: portrait pixels per frame pixel.
        size: width and height of the picture.
    """
    rest = lid.rest
    width, gap = eye_opening(target, loop)
    opened = gap * zoom / max(rest.gap, 0.04 * rest.width)
    # a drawn eye is lines: they are moved from the start, never stretched
    onset, whole = (a + lid.drawn * (b - a) for a, b in ((_ONSET, _DRAWN_ONSET), (_WHOLE, _DRAWN_WHOLE)))
    closed = smoothstep((onset - opened) / (onset - whole))
    lashed = max(closed, smoothstep((_LASHES_ONSET - opened) / (_LASHES_ONSET - _LASHES_WHOLE)))
    if lashed <= 0 or width * zoom < 0.3 * rest.width:
        return eye
    now = lid_curves(target, loop)
    shut = smoothstep((_SLIT - gap * zoom / rest.width) / (_SLIT - _NO_SLIT))
    upper, line = _apart(now)
    upper = upper + shut * 0.5 * (line - upper)
    patch = _enlarged(eye, _corners(now), size)
    if patch is None:
        return eye
    # lashes turn about the lid's edge: seen shorter, from their ends, then hanging over the cheek
    turned = float(np.clip((opened - 0.35) / 0.45, -0.75, 1))
    taper = np.clip(smoothstep((AT + 0.04) / 0.30) * smoothstep((1 - AT) / 0.35), 0.12, 1)
    dark = np.maximum(0.95 * np.maximum(lid.lashes[:, 0], 0.6), lid.drawn)
    strength = dark * smoothstep((AT + 0.02) / 0.2) * smoothstep((0.97 - AT) / 0.2)
    at_rest = _knots(rest, rest.lower)
    lid_at_rest = np.maximum(rest.upper - at_rest[1], _APART)
    columns = [upper, line, *_knots(now, line), *at_rest, taper, strength, lid_at_rest]
    shape = LidShape(
        table=np.column_stack(columns).astype(np.float32),
        first=np.float32(AT[0]),
        step=np.float32(AT[1] - AT[0]),
        corner=(now.corner - patch.origin).astype(np.float32),
        along=now.along.astype(np.float32),
        up=now.up.astype(np.float32),
        width=np.float32(now.width),
        crop_corner=rest.corner.astype(np.float32),
        crop_along=rest.along.astype(np.float32),
        crop_up=rest.up.astype(np.float32),
        crop_width=np.float32(rest.width),
        closed=np.float32(closed),
        shut=np.float32(shut),
        raised=np.float32(max(turned, 0.3)),
        hanging=np.float32(max(-turned, 0.3)),
        upward=np.float32(smoothstep((turned + 0.25) / 0.5)),
        reach=np.float32(LASHES),
        line=np.float32(lid.line),
        lashed=np.float32(lashed),
        drawn=np.float32(lid.drawn),
    )
    draw_lid(lid.skin, lid.lashes, lid.lash, shape, patch.colour, patch.coverage)
    return patch


def _apart(now: LidCurves) -> tuple[Float, Float]:
    """The upper lid and the line it closes on: the lower lid, halfway where they cross. (COLUMNS,) each"""
    crossed, between = now.upper > now.lower, (now.upper + now.lower) / 2
    return np.where(crossed, between, now.upper), np.where(crossed, between, now.lower)


def _knots(curves: LidCurves, line: Float) -> tuple[Float, Float, Float, Float]:
    """Brow, fold, line and pouch, in this order down the columns."""
    fold = np.minimum(curves.fold, line - _APART)
    return np.minimum(curves.brow, fold - _APART), fold, line, np.maximum(curves.pouch, line + _APART)


def _corners(now: LidCurves) -> Float:
    """Points around all that a lid may cover, pixels."""
    return np.concatenate([now.picture(AT, now.brow), now.picture(AT, np.maximum(now.lower + 0.3, now.upper))])


def _enlarged(patch: Patch, points: Float, size: tuple[int, int]) -> Patch | None:
    """The patch on a larger box that holds the points too, inside the picture."""
    (x, y), (h, w) = patch.origin, patch.coverage.shape
    x0, y0, x1, y1 = pixels_around(np.concatenate([points, [(x, y), (x + w, y + h)]]), size)
    if x1 - x0 < 2 or y1 - y0 < 2:
        return None
    colour, coverage = np.zeros((y1 - y0, x1 - x0, 4), np.float32), np.zeros((y1 - y0, x1 - x0), np.float32)
    colour[..., 3] = 1
    inside = slice(y - y0, y - y0 + h), slice(x - x0, x - x0 + w)
    colour[inside], coverage[inside] = patch.colour, patch.coverage
    return Patch((x0, y0), colour, coverage)
