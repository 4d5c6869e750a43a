"""The portrait's own teeth: cut out of an open mouth, continued to the gum, their colour and biting edge measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from .. import landmarks as lm
from ..arrays import Float, Float32, Mask
from ..imaging import draw, resample
from ..imaging.srgb import LUMINANCE
from .kernels import PAD, smoothstep
from .patch import catmull_rom_loop, padded

# Lengths are shares of the distance between the outer corners of the eyes, about 90 mm.
CROWN = 0.115  # height of an upper front tooth, from its edge to the gum
_BESIDE, _ABOVE = 0.1, 0.14  # margins of the crop beside and above the lips
_RIM = 0.012  # the outermost band of the opening shows the lips' edge, not teeth
_SOFT = 0.006
_FRONT = 0.09  # half the width of the front teeth
_SHADE = 0.025  # how far down the upper lip shades the teeth
_SAMPLED = 0.03  # height, below that shade, over which a tooth's colour is averaged
_PAPILLA = 0.025  # how far the gum reaches down between two teeth
_BETWEEN_ROWS = 0.012  # a gap of this height ends the upper row
_LEVEL = np.radians(4)  # a face tilted by less counts as upright
_LEAST = 0.08  # of an open mouth: a smaller share is not taken for teeth


@dataclass(frozen=True)
class OwnTeeth:
    """The teeth that a portrait shows.

    Attributes:
        picture: padded crop (h + 2 PAD, w + 2 PAD, 4) float32, straight alpha: 1 where it can be laid over the
            arch; empty when the mouth is closed.
        to_crop: (2, 3) float64, from the picture to the crop, in which the face is upright; pixels.
        colour: (3,) float64 linear, of lit teeth; None where no teeth are seen.
        edge: how far below the middle of the upper lip the front teeth end, in distances between the eyes' corners;
            None likewise.
    """

    picture: Float32
    to_crop: Float
    colour: Float | None = None
    edge: float | None = None


NONE = OwnTeeth(np.zeros((0, 0, 4), np.float32), np.zeros((2, 3)))


def find_teeth(colour: Float32, landmarks: Float, skin: Float) -> OwnTeeth:
    """The teeth of a mouth that is open. colour: (H, W, 4) linear; landmarks: (478, 3) pixels; skin: (3,) linear."""
    across = landmarks[lm.EYE_OUTER_LEFT, :2] - landmarks[lm.EYE_OUTER_RIGHT, :2]
    interocular = float(np.linalg.norm(across))
    lips = landmarks[list(lm.LIPS_INNER), :2]
    if np.ptp(np.clip(lips, 0, colour.shape[1::-1]), axis=0).min() < 2:  # outside the picture
        return NONE
    upright = _upright(across / interocular)
    lips = lips @ upright.T
    low = np.floor(lips.min(0) - np.array([_BESIDE, _ABOVE]) * interocular)
    width, height = (int(v) for v in np.ceil(lips.max(0) + _BESIDE * interocular - low))
    to_crop = np.concatenate([upright, -low[:, None]], axis=1)
    back = np.concatenate([upright.T, (upright.T @ low)[:, None]], axis=1)
    crop = resample.warp_affine(colour, back, width, height, method="cubic")
    inside = draw.fill_polygon(catmull_rom_loop(lips - low, 4), width, height)
    free = resample.erode(inside, _RIM * interocular)
    teeth = _bright(crop, free > 0.5, skin)
    lit, edge = None, None
    if teeth is None:
        crop[..., 3] = resample.gaussian_blur(free, 0.008 * interocular)  # its end is hidden by a soft rim
    else:
        lit = np.median(crop[teeth][:, :3].astype(np.float64), axis=0)
        middle = upright @ landmarks[lm.LIP_TOP, :2] - low
        crop, bottom = _continued(crop, free, teeth, float(middle[0]), interocular)
        front = bottom[np.abs(np.arange(len(bottom)) - middle[0]) < _FRONT * interocular]
        if np.isfinite(front).any():
            edge = float(np.nanpercentile(front, 20) - middle[1]) / interocular
    texture = padded(crop)
    texture[..., 3] *= np.pad(np.ones(crop.shape[:2], np.float32), PAD)
    return OwnTeeth(texture, to_crop, lit, edge)


def _upright(across: Float) -> Float:
    """The rotation (2, 2) that makes a face upright; none where its eyes are as good as level: pixels stay as they are.

    across: (2,) unit vector from the person's right eye to the left.
    """
    if across[0] > np.cos(_LEVEL):
        return np.eye(2)
    return np.array([across, [-across[1], across[0]]])


def _bright(crop: Float32, free: Mask, skin: Float) -> Mask | None:
    """Which pixels of an open mouth are teeth, (h, w); None where none are seen.

    Lips, gums and tongue are red, the rest is dark: teeth have more green and blue than all of it (Otsu 1979).
    """
    if free.sum() < 40:
        return None
    pale = np.sqrt(np.clip(crop[..., 1:3].min(2), 0, None))
    top = max(float(np.percentile(pale[free], 99)), 1e-6)
    teeth = resample.otsu_mask(pale / top, free)
    if teeth.sum() < _LEAST * free.sum():
        return None
    lit, rest = np.median(crop[teeth][:, :3], axis=0), np.median(crop[free & ~teeth][:, :3], axis=0)
    bright = lit @ LUMINANCE > max(0.25 * (skin @ LUMINANCE), 1.7 * (rest @ LUMINANCE))
    # enamel is not redder than the skin around it
    pale_enough = lit[:2].min() * skin.max() >= 0.95 * skin[:2].min() * lit.max()
    return teeth if bright and pale_enough else None


def _continued(crop: Float32, free: Float32, teeth: Mask, middle: float, interocular: float) -> tuple[Float32, Float]:
    """The crop with the teeth going on above, where a risen lip shows more, its alpha where teeth are; and where each
    column's teeth end, (w,) rows, NaN where there are none.

    What lies below the teeth (lower lip, tongue, the dark) does not move with the skull: it is left out.
    """
    height, columns = crop.shape[0], np.arange(crop.shape[1])
    rows = np.arange(height)[:, None]
    has, ends = _upper_row(teeth, max(1, int(round(_BETWEEN_ROWS * interocular))))
    bottom = np.interp(columns, has, ends)  # gaps between teeth stay, and stay dark
    tiled = np.tile(bottom.astype(np.float32), (3, 1))
    bottom = resample.gaussian_blur(tiled, 0.004 * interocular)[1].astype(np.float64)
    solid = free > 0.5
    lip = np.where(solid.any(0), np.argmax(solid, axis=0), bottom)
    # upwards a tooth is continued in the colour that it has below the lip's shade
    shade = np.minimum(_SHADE * interocular, 0.4 * np.maximum(bottom - lip, 0))
    deep = max(1, int(round(_SAMPLED * interocular)))
    below = lip + shade + np.arange(deep)[:, None] * np.minimum(1, shade / deep)
    lit = crop[np.clip(below.astype(int), 0, height - 1), columns, :3].mean(0)
    own = np.clip((rows - lip) / np.maximum(shade, 1e-6) - 0.3, 0, 1)[..., None].astype(np.float32)
    colour = lit + own * (crop[..., :3] - lit)
    # as far up as its crown reaches; between two teeth the gum comes down
    beside = np.clip((np.abs(columns - middle) / interocular - _FRONT) / _FRONT, 0, 1)
    crown = CROWN - 0.02 * beside - _PAPILLA * (1 - _of_a_tooth(lit.mean(1), 0.05 * interocular))
    hidden = np.maximum(crown * interocular - (bottom - lip), 0.012 * interocular)
    above = 1 - smoothstep((lip - rows - 0.6 * hidden) / (0.4 * hidden))
    alpha = np.where(rows >= lip, np.maximum(free, rows <= lip + _RIM * interocular), above)
    first, last = has[[0, -1]]
    sides = 1 - smoothstep(np.maximum(first - columns, columns - last) / (0.035 * interocular))
    alpha = (alpha * sides * (rows < bottom) * (lip < bottom)).astype(np.float32)
    alpha = resample.gaussian_blur(alpha, _SOFT * interocular)
    return np.dstack([colour, alpha]), np.where((columns >= first) & (columns <= last), bottom, np.nan)


def _upper_row(teeth: Mask, gap: int) -> tuple[npt.NDArray[np.intp], Float]:
    """Columns with teeth, and the row where the upper ones end in each: something else follows for `gap` rows."""
    has = np.flatnonzero(teeth.any(0))
    ends = np.empty(len(has))
    for k, x in enumerate(has):
        rows = np.flatnonzero(teeth[:, x])
        breaks = np.flatnonzero(np.diff(rows) > gap)
        ends[k] = rows[breaks[0] if len(breaks) else -1] + 1
    # a lower tooth that touches the upper ones is not part of their row
    usual = ndimage.median_filter(ends, min(12 * gap + 1, len(ends)))
    return has, ndimage.median_filter(np.minimum(ends, usual + gap), min(2 * gap + 1, len(ends)))


def _of_a_tooth(brightness: Float32, reach: float) -> Float:
    """0 between two teeth … 1 in the middle of one, (w,), from how bright a row of them is."""
    size = 2 * int(reach) + 1
    high, low = ndimage.maximum_filter1d(brightness, size), ndimage.minimum_filter1d(brightness, size)
    part = (brightness - low) / np.maximum(np.maximum(high - low, 0.15 * high), 1e-6)
    return np.asarray(np.clip(part / 0.7, 0, 1), np.float64)
