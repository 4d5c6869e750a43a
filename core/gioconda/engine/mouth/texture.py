"""Which pixels of an open mouth are teeth, and of which row; what a portrait's mouth shows as textures of the model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...arrays import Float, Float32, Mask
from ...imaging import resample
from ...imaging.srgb import LUMINANCE
from ...maths import filters
from ..anatomy import LOWER_TEETH, UPPER_TEETH, mouth_model
from ..patch import padded
from . import kernels
from .inside import Inside
from .shape import triangle_layer

# Lengths are shares of the distance between the outer corners of the eyes, about 90 mm.
_NEAR = 0.028  # a tooth is within that distance of where the fitted arch is drawn
_GAP = 0.03  # dark lines between teeth, up to twice that wide, are the teeth's
_SEAM = 0.045  # how far from the fitted arches' own meeting the two rows may meet
_TONGUE_HUE = 0.3
_UNEVEN = 0.012
_CORE = 0.009
_LEAST = 0.06  # of an open mouth: a smaller share is not taken for teeth


@dataclass(frozen=True)
class Rows:
    """The two rows of teeth that are seen.

    Attributes:
        teeth: (2, h, w) float32, 0..1: upper, lower, dark lines between teeth included.
        enamel: (2, h, w) float32, without them.
        ends: (2, w) float64, where the row ends in each column, rows of the crop; NaN where lips hide it.
        drawn: (2, w) float64, where the model's does.
    """

    teeth: Float32
    enamel: Float32
    ends: Float
    drawn: Float


def find_rows(inside: Inside, position: Float, skin: Float, lips: Float) -> Rows | None:
    """Tell the rows apart, by where the fitted model has them; None where no teeth are seen.

    position: (V, 3) from `Inside.placed`; skin, lips: their colours, (3,) linear.
    """
    apart, hole = inside.apart, inside.hole
    layer, _ = inside.layers(position)
    seam, drawn = _seam(inside, position)
    rows = np.arange(len(hole))[:, None]
    sides = rows < seam, rows >= seam
    zones = [resample.dilate(layer == k, _NEAR * apart) & hole & sides[k] for k in (UPPER_TEETH, LOWER_TEETH)]
    enamel = _enamel(inside, zones, skin, lips)
    solid = (enamel.max(0) > 0.5) & (inside.known > 0.5)
    if solid.sum() < _LEAST * hole.sum() or not _are_teeth(inside, solid, skin):
        return None
    teeth, ends = [], []
    for k in (UPPER_TEETH, LOWER_TEETH):
        whole = resample.erode(resample.dilate(enamel[k], _GAP * apart), _GAP * apart) * sides[k]
        ends.append(_ends(whole, hole, apart, upper=k == UPPER_TEETH))
        teeth.append(resample.gaussian_blur(whole.astype(np.float32), 0.006 * apart))
    return Rows(np.stack(teeth), enamel, np.stack(ends), drawn)


def _seam(inside: Inside, position: Float) -> tuple[Float, Float]:
    """Where the upper row ends in each column, (w,), and where the model's rows end, (2, w).

    Along what is darkest near the middle between the fitted rows, by dynamic programming; measured from that middle,
    so that it follows the arch's curve.
    """
    hole, apart = inside.hole, inside.apart
    height, width = hole.shape
    drawn = np.stack([_silhouette(inside, position, k) for k in (UPPER_TEETH, LOWER_TEETH)])
    upper, lower = drawn
    middle = _soft(np.where(lower > upper, (upper + lower) / 2, upper), 0.02 * apart)
    look = np.sqrt(np.clip(inside.crop.mean(2), 0, None))
    look = resample.gaussian_blur(look, max(0.5, 0.004 * apart))
    top = max(float(np.percentile(look[hole], 95)), 1e-6) if hole.any() else 1.0
    reach = int(max(3.0, _SEAM * apart) + np.maximum(lower - upper, 0).max() / 2)
    offsets = np.arange(-reach, reach + 1)
    at = np.clip(np.round(middle[:, None] + offsets).astype(int), 0, height - 1)
    columns = np.arange(width)[:, None]
    cost = np.where(hole[at, columns], look[at, columns] / top, 1.0) + 0.5 * (offsets / reach) ** 2
    total, back = cost[0].copy(), np.zeros(cost.shape, np.intp)
    for x in range(1, width):
        beside = np.pad(total, 1, constant_values=1e9)
        options = np.stack([beside[:-2] + 0.1, beside[1:-1], beside[2:] + 0.1])
        choice = options.argmin(0)
        back[x] = np.arange(len(offsets)) + choice - 1
        total = cost[x] + options.min(0)
    path = np.zeros(width, np.intp)
    path[-1] = total.argmin()
    for x in range(width - 1, 0, -1):
        path[x - 1] = back[x, path[x]]
    return middle + offsets[path], drawn


def _silhouette(inside: Inside, position: Float, part: int) -> Float:
    """Where the model's row of front teeth ends in each column of the crop, also outside it. (w,)"""
    model = mouth_model()
    height, width = inside.hole.shape
    front = (triangle_layer() == part) & (model.vertices[model.triangles, 2] < 0.45).all(1)
    lower = position + [0, height, 0]
    nearest, depth = np.empty((3 * height, width), np.int32), np.empty((3 * height, width), np.float32)
    kernels.find_nearest(lower.astype(np.float32), np.ascontiguousarray(model.triangles[front]), 1, nearest, depth)
    solid = nearest >= 0
    has = solid.any(0)
    if not has.any():
        return np.full(width, float(height))
    ends = (3 * height - np.argmax(solid[::-1], axis=0) if part == UPPER_TEETH else np.argmax(solid, axis=0)) - height
    filled = np.interp(np.arange(width), np.flatnonzero(has), ends[has].astype(float))
    size = max(3, int(0.05 * inside.apart)) | 1
    extreme = filters.largest if part == UPPER_TEETH else filters.smallest
    return np.asarray(_soft(extreme(filled, size, ends="symmetric"), 0.02 * inside.apart))


def _enamel(inside: Inside, zones: list[Mask], skin: Float, lips: Float) -> Float32:
    """How much each pixel of either zone is enamel, (2, h, w): pale beside what is around it, nearer in hue to the
    brightest than to the lips."""
    apart = inside.apart
    pale = np.sqrt(np.clip(inside.crop[..., 1:3].min(2), 0, None))
    pale = resample.gaussian_blur(pale, max(0.5, 0.004 * apart))
    red = inside.crop[..., 0] / np.maximum(inside.crop.sum(2), 1e-6)
    red = resample.gaussian_blur(red, max(0.5, 0.004 * apart))
    bright = inside.hole & (pale > 0.6 * np.percentile(pale[inside.hole], 98))
    red_tooth = float(np.percentile(red[bright], 15)) if bright.any() else 1 / 3
    redder = float(lips[0] / max(lips.sum(), 1e-6)) - red_tooth
    result = np.zeros((2, *inside.hole.shape), np.float32)
    for k, zone in enumerate(zones):
        if zone.sum() <= 0.02 * inside.hole.sum():
            continue
        top = float(np.percentile(pale[zone], 95))
        if top < 0.36 * np.sqrt(max(float(skin[1:].min()), 1e-6)):  # as dark as lips: none
            continue
        around = resample.dilate(np.where(zone, pale, np.float32(0)), 0.045 * apart)
        around = np.maximum(resample.gaussian_blur(around, 0.03 * apart), 0.55 * top)
        likely = np.clip((pale / np.maximum(around, 1e-6) - (0.62 if k == UPPER_TEETH else 0.70)) / 0.16, 0, 1)
        if redder > 0.015:
            share = 0.55 if k == UPPER_TEETH else _TONGUE_HUE  # a pale tongue lies above the lower row
            likely = likely * np.clip((red_tooth + share * redder - red) / (0.25 * redder) + 0.5, 0, 1)
        result[k] = likely * zone
    return result


def _are_teeth(inside: Inside, solid: Mask, skin: Float) -> bool:
    """Whether what looks like enamel can be: bright beside the skin and the rest of the mouth, not redder than skin."""
    colour = np.median(inside.crop[solid], axis=0)
    others = inside.hole & (inside.known > 0.5) & ~solid
    rest = np.median(inside.crop[others], axis=0) @ LUMINANCE if others.sum() > 0.1 * inside.hole.sum() else 0.0
    bright = colour @ LUMINANCE > max(0.3 * (skin @ LUMINANCE), 1.5 * rest)
    return bool(bright and colour[:2].min() * skin.max() >= 0.6 * skin[:2].min() * colour.max())


def _ends(teeth: Float32, hole: Mask, apart: float, *, upper: bool) -> Float:
    """In each column the row where these teeth end, NaN where there are none or a lip hides it."""
    height = len(teeth)
    solid = teeth > 0.5
    if upper:
        ends, lip = height - np.argmax(solid[::-1], axis=0), height - np.argmax(hole[::-1], axis=0)
        free = lip - ends
    else:
        ends, lip = np.argmax(solid, axis=0), np.argmax(hole, axis=0)
        free = ends - lip
    sure = solid.any(0) & hole.any(0) & (free > 0.02 * apart)
    smooth = filters.median(ends.astype(float), max(3, int(0.05 * apart)) | 1, ends="symmetric")
    return np.where(sure, smooth, np.nan)


def edge_shift(inside: Inside, rows: Rows, position: Float, per_pixel: float) -> Float:
    """How far each vertex is moved, template y, so that the model's biting edges come where the portrait's are. (V,)"""
    model, apart = mouth_model(), inside.apart
    width = rows.ends.shape[1]
    result = np.zeros(len(position))
    for k in (UPPER_TEETH, LOWER_TEETH):
        sure = np.isfinite(rows.ends[k])
        gap = np.where(sure, np.nan_to_num(rows.ends[k]) - rows.drawn[k], 0.0)
        trend, here = (_smooth(gap, sure, share * apart) for share in (0.12, 0.03))
        # teeth are uneven by a millimetre; what is more is a corner of the mouth or a tooth of the other row
        shift = np.clip(trend + np.clip(here - trend, -_UNEVEN * apart, _UNEVEN * apart), -0.05 * apart, 0.05 * apart)
        near_edge = np.clip(1 - np.abs(model.vertices[:, 1] - model.bite[k]) / 0.11, 0, 1)
        there = np.interp(position[:, 0], np.arange(width) + 0.5, shift) * per_pixel
        result += np.where(model.part == k, there * near_edge, 0)
    return result


def _soft(values: Float, sigma: float) -> Float:
    return filters.gaussian(values, sigma, ends="symmetric")


def _smooth(values: Float, known: Mask, sigma: float) -> Float:
    """Known values of a row smoothed, fading to 0 far from them. (w,)"""
    weight = _soft(known.astype(float), sigma)
    total = _soft(np.where(known, values, 0.0), sigma)
    return np.asarray(total / np.maximum(weight, 1e-3) * np.clip(weight * 4, 0, 1))


def textures_of(inside: Inside, rows: Rows | None) -> Float32:
    """(3, h + 2 PAD, w + 2 PAD, 4) float32, see `Mouth.textures`; beyond what is known the colours go on smoothly."""
    teeth = np.zeros((2, *inside.hole.shape), np.float32) if rows is None else rows.teeth
    masks = [*teeth, np.ones(inside.hole.shape, np.float32)]
    layers = []
    for k, mask in enumerate(masks):
        known = mask * inside.known
        # a tooth's outermost pixels are half gum or lip: its own colour goes on there
        core = known > 0.5 if k == 2 else resample.erode(known > 0.5, _CORE * inside.apart)
        colour = resample.fill_holes_smooth(inside.crop, core)
        layers.append(padded(np.dstack([colour, known])))
    return np.stack(layers)
