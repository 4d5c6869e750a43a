"""Finds spectacles: frames, bridge and temples, as a mask of what does not bend with the face.

Frames are thin structures that differ from the skin they lie on (top-hat and black-hat: Serra, Image Analysis and
Mathematical Morphology, 1982) along paths that faces without spectacles do not have: across the bridge of the nose, and
around the lower half of each eye. Rather none than wrong ones: rimless lenses are not found.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .. import landmarks as lm
from ..arrays import Float, Float32, Int, UInt8
from ..imaging import draw, resample
from ..maths import filters

UNIT = 200  # pixels between the eyes' outer corners in the cut-out that is looked at
_WIDE, _HIGH, _ABOVE = 2.6, 1.3, 0.42  # the cut-out, in units; how much of it is above the eyes
_GLINT = 0.7  # what is lighter than the skin counts less: glints are, too
_BROW = 0.4  # how much less brows count
_THICK = 9.0  # pixels: half the thickness of the widest frame
# How much a bridge (all but the weakest sixth of it), lower rims (all but a third) and temples differ at least.
_BRIDGE, _RIM, _TEMPLE = 0.12, 0.085, 0.1
_SHARE = 0.6  # of how much a path differs: beside it, as far as that much differs, is frame
_WIDEST, _AVERAGED = 12, 7  # pixels to either side, at most; steps along a path over which its width is averaged
_UNEVEN = 1.6  # times a path's usual width: more is a brow or a shadow beside it
_STEPS = 40  # along the bridge
_ANGLES = np.radians(np.arange(0, 360, 3))
_LOWER = slice(7, 54)  # of them: below the eye, where no brow is


@dataclass(frozen=True)
class _CutOut:
    """The eyes' surroundings, upright. to_picture: (2, 3), its pixels → the picture's; points: (478, 2) in it."""

    unlike: Float32  # (h, w): how much each pixel differs from a surface without thin structures
    points: Float
    to_picture: Float


@dataclass(frozen=True)
class _Path:
    """A path of a frame.

    Attributes:
        middle: (N, 2), cut-out pixels; low, high: (N, 2), where the frame ends to either side.
        unlike: (N,), how much it differs there.
    """

    middle: Float
    low: Float
    high: Float
    unlike: Float

    def part(self, which: slice) -> _Path:
        return _Path(self.middle[which], self.low[which], self.high[which], self.unlike[which])


def find_spectacles(srgb: UInt8, landmarks: Float) -> Float32 | None:
    """Where spectacles are, (H, W) float32 0..1; None where there are none.

    srgb: (H, W, 3) uint8; landmarks: (478, 3) pixels.
    """
    cut = _cut_out(srgb, landmarks)
    bridge = _bridge(cut)
    rims = [_rim(cut, corners) for corners in ((33, 133), (362, 263))]
    if np.percentile(bridge.unlike, 15) < _BRIDGE:
        return None
    if min(float(np.percentile(rim.unlike[_LOWER], 30)) for rim in rims) < _RIM:
        return None
    h, w = cut.unlike.shape
    mask = np.zeros((h, w), np.float32)
    for rim in rims:
        inner, outer = (draw.fill_polygon(side, w, h) for side in (rim.low, rim.high))
        mask = np.maximum(mask, outer - inner)
    temples = [_temple(cut, rim, ear) for rim, ear in zip(rims, (lm.EAR_RIGHT, lm.EAR_LEFT), strict=True)]
    for bar in (bridge, *temples):
        if bar is not None:
            mask = np.maximum(mask, draw.fill_polygon(np.concatenate([bar.low, bar.high[::-1]]), w, h))
    height, width = srgb.shape[:2]
    linear, shift = cut.to_picture[:, :2], cut.to_picture[:, 2]
    back = np.linalg.inv(linear)
    into = np.concatenate([back, (1 - back @ shift)[:, None]], axis=1)  # 1: the border is nothing
    found = resample.warp_affine(np.pad(mask, 1), into, width, height)
    return np.asarray(np.clip(found, 0, 1), np.float32)


def _cut_out(srgb: UInt8, landmarks: Float) -> _CutOut:
    right, left = landmarks[lm.EYE_OUTER_RIGHT, :2], landmarks[lm.EYE_OUTER_LEFT, :2]
    along = (left - right) / UNIT
    linear = np.array([[along[0], -along[1]], [along[1], along[0]]])
    width, height = round(_WIDE * UNIT), round(_HIGH * UNIT)
    shift = (left + right) / 2 - linear @ [width / 2, height * _ABOVE]
    to_picture = np.concatenate([linear, shift[:, None]], axis=1)
    picture = resample.warp_affine(srgb, to_picture, width, height, method="area").astype(np.float32) / 255
    red, green, blue = np.moveaxis(picture, 2, 0)
    # light, and two differences of colours: frames may be as light as the skin
    planes = (0.3 * red + 0.59 * green + 0.11 * blue, red - green, 0.5 * (green - blue))
    hats = []
    for plane in planes:
        smooth = resample.gaussian_blur(np.ascontiguousarray(plane, np.float32), 0.8)
        black = resample.erode(resample.dilate(smooth, _THICK), _THICK) - smooth
        white = smooth - resample.dilate(resample.erode(smooth, _THICK), _THICK)
        hats.append(np.stack([black, np.float32(_GLINT) * white]))
    dark, light = hats[0]
    colour = np.sqrt(hats[1].max(0) ** 2 + hats[2].max(0) ** 2)
    points = (landmarks[:, :2] - shift) @ np.linalg.inv(linear).T
    unlike = np.hypot(np.maximum(dark, light), colour)
    for brow in (lm.BROW_RIGHT, lm.BROW_LEFT):
        hair = draw.fill_polygon(points[list(brow)], width, height)
        unlike *= 1 - _BROW * resample.gaussian_blur(resample.dilate(hair, 0.02 * UNIT), 2.0)
    return _CutOut(unlike, points, to_picture)


def _bridge(cut: _CutOut) -> _Path:
    """The path across the nose that differs most."""
    inner = cut.points[[lm.EYE_INNER_RIGHT, lm.EYE_INNER_LEFT]]
    x = np.linspace(inner[0, 0] + 4, inner[1, 0] - 4, _STEPS)
    y = inner[:, 1].mean() + UNIT * np.arange(-0.26, 0.16, 1 / UNIT)
    return _path(cut, *np.meshgrid(x, y, indexing="ij"), effort=0.02, jump=2)


def _rim(cut: _CutOut, corners: tuple[int, int]) -> _Path:
    """The closed path around an eye that differs most, a step an angle."""
    middle = cut.points[list(corners)].mean(0) + [0, 0.04 * UNIT]
    angle = np.concatenate([_ANGLES] * 3)[:, None]  # three times round: the middle one is closed
    radius = np.arange(0.15 * UNIT, 0.34 * UNIT)
    x, y = middle[0] + 1.4 * np.cos(angle) * radius, middle[1] + np.sin(angle) * radius
    return _path(cut, x, y, effort=0.015, jump=3).part(slice(len(_ANGLES), 2 * len(_ANGLES)))


def _temple(cut: _CutOut, rim: _Path, ear: int) -> _Path | None:
    """The path from a rim's outer end to where it stops to differ before the ear; None: it is not seen."""
    side = np.sign(cut.points[ear, 0] - rim.middle[:, 0].mean())
    start = rim.middle[np.argmax(rim.middle[:, 0] * side)]
    away = float((cut.points[ear, 0] - start[0]) * side)
    if away < 0.08 * UNIT:
        return None
    x = start[0] + side * np.arange(0, away, 2.0)
    y = start[1] + UNIT * np.arange(-0.22, 0.14, 1 / UNIT)
    path = _path(cut, *np.meshgrid(x, y, indexing="ij"), effort=0.03, jump=1)
    weak = np.flatnonzero(np.convolve(path.unlike, np.ones(5) / 5, mode="same") < _TEMPLE)
    length = int(weak[0]) if len(weak) else len(x)
    return path.part(slice(length)) if length * 2 > 0.08 * UNIT else None


def _path(cut: _CutOut, x: Float, y: Float, *, effort: float, jump: int) -> _Path:
    """Through a grid of places (n, m), one of each row, the path that differs most (dynamic programming).

    effort: what a step aside costs; jump: at most so many aside from row to row.
    """
    x, y = np.broadcast_arrays(x, y)
    gain = resample.remap(cut.unlike, x + 0.5, y + 0.5).astype(np.float64)
    best, came = gain[0], np.zeros(gain.shape, np.int64)
    index = np.arange(gain.shape[1])
    for row in range(1, len(gain)):
        before = np.stack([_shifted(best, step) - effort * abs(step) for step in range(-jump, jump + 1)])
        chosen = before.argmax(0)
        came[row] = index + chosen - jump
        best = before[chosen, index] + gain[row]
    picked = [int(best.argmax())]
    for row in range(len(gain) - 1, 0, -1):
        picked.append(int(came[row, picked[-1]]))
    rows, columns = np.arange(len(gain)), np.array(picked[::-1])
    unlike = gain[rows, columns]
    least = _SHARE * filters.median(unlike, _AVERAGED)
    low, high = (_end(gain, columns, least, step) for step in (-1, 1))
    middle, one, other = (np.stack([x[rows, where], y[rows, where]], axis=1) for where in (columns, low, high))
    return _Path(middle, one, other, unlike)


def _end(gain: Float, columns: Int, least: Float, step: int) -> Int:
    """How far each row differs by at least so much from its column on, towards lower (-1) or higher (1) columns, (n,).

    One column more, so that the edge is taken along; the median of neighbouring rows, so that nothing sticks out.
    """
    away = columns[:, None] + step * np.arange(1, _WIDEST + 1)
    differs = gain[np.arange(len(gain))[:, None], np.clip(away, 0, gain.shape[1] - 1)] >= least[:, None]
    wide = filters.median(np.cumprod(differs, axis=1).sum(1) + 1, _AVERAGED)
    wide = np.minimum(wide, np.ceil(_UNEVEN * np.median(wide)).astype(int))
    return np.asarray(np.clip(columns + step * wide, 0, gain.shape[1] - 1))


def _shifted(values: Float, step: int) -> Float:
    """values[i + step]; nothing beyond the ends."""
    padded = np.pad(values, abs(step), constant_values=-1e9)
    return padded[abs(step) + step : abs(step) + step + len(values)]
