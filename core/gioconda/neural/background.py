"""The background behind the person, filled smoothly, once a portrait: lines run on a little. Hair that the matte missed
goes to the person, so that no ghost of it stays behind.

In the neutral pose the picture is still the source, bit for bit: plate and person put together give it. Nothing here
chooses between alternatives that are nearly equal: another version of a library changes last bits, never what is seen.
"""

from __future__ import annotations

import numpy as np

from .. import landmarks as lm
from ..arrays import Float32, Mask
from ..engine.kernels import smoothstep
from ..engine.plate import inpainted
from ..engine.portrait import Portrait, person_alpha, with_plate
from ..imaging import resample
from ..imaging.color import choose_display
from .encoding import decode, encode

WORK_PX = 1024  # longer side at which the background is filled: larger pictures get it enlarged, for it is soft
OPAQUE = 0.999  # alpha; resizing rounds it
HIDES = 0.004  # of alpha: from here on a pixel tells nothing of the background
HAZE = 0.1  # of alpha: less than this is no person unless its colour says so
MARGIN = 0.045  # face heights: what lies so close to the person may be the person's, hair that the matte missed
GAP = 0.06  # face heights: gaps of the outline up to twice as wide are the person's, unless they show the background
LINES_PX = 512  # longer side of the picture in which lines go on a little behind the person
SOFTNESS = 0.9 / 128  # of the longer side: what is filled has no finer detail


def fill_background(portrait: Portrait, *, own_matte: bool = False) -> Portrait:
    """The portrait with the background that it hides filled. A picture that is transparent somewhere stays as it is.

    own_matte: the artist's: it stays as it is, also where it seems to miss hair.
    """
    matte = person_alpha(portrait.layers, portrait.source.shape[:2])
    opaque = all((portrait.source[rows, :, 3] > OPAQUE).all() for rows in resample.bands(portrait.height))
    if not opaque or matte.max() <= 0:
        return portrait
    height, width = matte.shape
    w, h = _smaller(width, height, WORK_PX)
    gain = choose_display(portrait.source).gain
    picture = encode(resample.resize(portrait.source[..., :3], w, h), gain)
    alpha = resample.resize(matte, w, h)
    scale = min(1.0, WORK_PX / max(height, width))
    face_px = float(np.linalg.norm(portrait.landmarks[lm.FOREHEAD, :2] - portrait.landmarks[lm.CHIN, :2])) * scale
    hole = resample.dilate(alpha > HIDES, max(2.0, MARGIN * face_px))
    if hole.all():
        return portrait
    background = _filled(picture, hole)
    missed = np.zeros_like(alpha) if own_matte else missed_hair(picture, background, alpha, hole, face_px)
    background = _joined(picture, background, (alpha <= HIDES) & (missed < 0.02), face_px)
    if not own_matte:
        found = resample.resize(missed, width, height, method="linear")
        matte = np.where(matte < HAZE, found, np.maximum(matte, found))
    plate = np.ones((height, width, 4), np.float32)
    plate[..., :3] = resample.resize(decode(background, gain), width, height, method="linear")
    return with_plate(portrait, matte, plate, exact_plate=not own_matte)


def _smaller(width: int, height: int, longest: int) -> tuple[int, int]:
    scale = min(1.0, longest / max(height, width))
    return max(8, round(width * scale)), max(8, round(height * scale))


def _filled(picture: Float32, hole: Mask) -> Float32:
    """A picture (H, W, 3), encoded, with its hole (H, W) filled."""
    height, width = hole.shape
    w, h = _smaller(width, height, LINES_PX)
    small_hole = resample.resize(hole.astype(np.float32), w, h) > 0
    coarse = resample.gaussian_blur(inpainted(resample.resize(picture, w, h), ~small_hole), SOFTNESS * max(w, h))
    smooth = resample.resize(coarse, width, height, method="cubic")
    return np.where(hole[..., None], smooth, picture).astype(np.float32)


def missed_hair(picture: Float32, background: Float32, alpha: Float32, hole: Mask, face_px: float) -> Float32:
    """How much of the person there is where the matte sees nobody, (H, W): hair, judged by its colour.

    A pixel I in the hole's margin is α F + (1 - α) B, F the person's colour nearby, B the filled background. That is
    believed where I differs from B by more than the background itself varies, and towards F; close to the person
    sooner than further away. In small gaps of the outline (hair clips, combs) any colour is the person's that is not
    the background's.
    Before a background that varies much (flags, shelves) colours tell nothing: nothing is found there.
    """
    person = resample.fill_holes_smooth(picture, alpha > 0.9)
    weight, along, beside = _mixed(picture, background, person)
    apart = np.hypot(along, beside)
    distance = resample.distance_inside(alpha <= 0.5) / (MARGIN * face_px)
    varies = _variation(picture, hole, face_px)
    needed = (0.7 + 3 * distance) * varies + 0.01 + 0.03 * distance
    needed += 4 * np.maximum(varies - 0.05, 0)
    aside = beside / np.maximum(apart, 1e-4)
    hair = smoothstep((2 * apart / needed - 1).astype(np.float64)) * smoothstep((1.5 - 2 * aside).astype(np.float64))
    thing = smoothstep((apart / (4 * needed) - 1).astype(np.float64)) * smoothstep((4 * aside - 2).astype(np.float64))
    thing *= _gaps(alpha, face_px)
    found = np.where((alpha < 1) & hole, np.maximum(weight * hair, thing), 0).astype(np.float32)
    # what runs on beyond the margin is a line of the background
    outside = (alpha <= HAZE) & (found > 0.1) & (distance > 0.3)
    rim = hole & (resample.distance_inside(hole) < np.maximum(1.5, 0.12 * MARGIN * face_px))
    return np.where(resample.connected(outside, rim), 0, found).astype(np.float32)


def _joined(picture: Float32, background: Float32, shown: Mask, face_px: float) -> Float32:
    """The filled background as bright as the picture where that begins to be `shown`: no rim is left around people."""
    size = 0.012 * face_px
    weight = resample.gaussian_blur(shown.astype(np.float32), size)
    apart = resample.gaussian_blur(np.where(shown[..., None], picture - background, 0).astype(np.float32), size)
    near = weight > 0.1
    return background + resample.fill_holes_smooth(apart / np.maximum(weight, 0.1)[..., None], near) * ~shown[..., None]


def _mixed(picture: Float32, background: Float32, person: Float32) -> tuple[Float32, Float32, Float32]:
    """How much of `person` there is over `background`, 0..1; how far the picture is from it that way, and beside."""
    towards, apart = person - background, picture - background
    weight = np.clip((apart * towards).sum(2) / np.maximum((towards**2).sum(2), 1e-4), 0, 1)
    beside = np.linalg.norm(apart - weight[..., None] * towards, axis=2)
    return weight, weight * np.linalg.norm(towards, axis=2), beside


def _variation(picture: Float32, hole: Mask, face_px: float) -> Float32:
    """How much the background varies around each pixel as far as it is seen, root mean square, (H, W)."""
    seen = ~hole
    filled = resample.fill_holes_smooth(picture, seen)
    rough = ((filled - resample.gaussian_blur(filled, 0.02 * face_px)) ** 2).sum(2)
    weight = resample.gaussian_blur(seen.astype(np.float32), 0.06 * face_px)
    rough = resample.gaussian_blur(np.where(seen, rough, 0), 0.06 * face_px) / np.maximum(weight, 1e-3)
    return np.sqrt(np.maximum(resample.fill_holes_smooth(rough, weight > 0.05), 0))


def _gaps(alpha: Float32, face_px: float) -> Mask:
    """Small holes and notches of the outline: what growing and shrinking it closes."""
    reach = GAP * face_px
    return resample.erode(resample.dilate(alpha > 0.5, reach), reach)
