"""The background behind the person, once a portrait: smooth where its surroundings are, else continued with patches of
them. Hair that the matte missed goes to the person, so that no ghost of it stays behind.

In the neutral pose the picture is still the source, bit for bit: plate and person put together give it.
"""

from __future__ import annotations

import numpy as np

from ..arrays import Float32, Int, Mask, UInt8
from ..imaging import resample
from ..imaging.color import choose_display
from ..imaging.encoding import decode, encode
from .inpaint import fill_with_patches
from .kernels import smoothstep

WORK_PX = 1024  # longer side at which the background is filled: larger pictures get it enlarged
PATCHES_PX = 320  # longer side at which patches are looked for
SMOOTH_PX = 512  # longer side at which it is filled smoothly
OPAQUE = 0.999  # alpha; resizing rounds it
HIDES = 0.004  # of alpha: from here on a pixel tells nothing of the background
HAZE = 0.1  # of alpha: less than this is no person unless its colour says so
MARGIN = 0.045  # face heights: what lies so close to the person may be the person's, hair that the matte missed
GAP = 0.06  # face heights: gaps of the outline up to twice as wide are the person's, unless they show the background
SOFTNESS = 0.9 / 128  # of the longer side: what is filled smoothly has no finer detail
PLAIN, PATTERNED = (
    0.025,
    0.06,
)  # how much the surroundings vary: up to the first only smooth, from the second on patches


def is_opaque(picture: Float32) -> bool:
    """Whether a picture (H, W, 4) hides everything behind it."""
    return all((picture[rows, :, 3] > OPAQUE).all() for rows in resample.bands(len(picture)))


def complete_background(
    picture: Float32, matte: Float32, face_px: float, *, own_matte: bool = False
) -> tuple[Float32, Float32] | None:
    """The picture without the person, and the matte with the hair that it missed.

    Args:
        picture: (H, W, 4) float32, scene-linear, opaque.
        matte: (H, W) float32, 0..1, what of the person `plate.split` found before any smooth background.
        face_px: the face's height.
        own_matte: the artist's: it stays as it is, also where it seems to miss hair.

    Returns:
        (H, W, 4) and (H, W) float32; None where nothing of the background is seen.
    """
    height, width = matte.shape
    w, h = _smaller(width, height, WORK_PX)
    scale = w / width
    gain = choose_display(picture).gain
    colour = encode(resample.resize(picture[..., :3], w, h), gain)
    alpha = resample.resize(matte, w, h)
    hole = resample.dilate(alpha > HIDES, max(2.0, MARGIN * face_px * scale))
    if hole.all() or not hole.any():
        return None
    varies = variation(colour, hole, face_px * scale)
    background = _filled(colour, hole, varies)
    missed = np.zeros_like(alpha)
    if not own_matte:
        missed = missed_hair(colour, background, alpha, hole, varies, face_px * scale)
    del varies
    background = _joined(colour, background, (alpha <= HIDES) & (missed < 0.02), face_px * scale)
    if not own_matte:
        found = resample.resize(missed, width, height, method="linear")
        matte = np.where(matte < HAZE, found, np.maximum(matte, found))
    plate = np.ones((height, width, 4), np.float32)
    light = decode(background, gain)
    for k in range(3):  # one at a time: at full size each is large
        plate[..., k] = resample.resize(np.ascontiguousarray(light[..., k]), width, height, method="linear")
    return plate, matte


def _smaller(width: int, height: int, longest: int) -> tuple[int, int]:
    scale = min(1.0, longest / max(height, width))
    return max(8, round(width * scale)), max(8, round(height * scale))


def _filled(picture: Float32, hole: Mask, varies: Float32) -> Float32:
    """A picture (H, W, 3), encoded, with its hole (H, W) filled. varies: see `variation`."""
    height, width = hole.shape
    smooth = _smooth(picture, hole)
    varied = (varies.astype(np.float64) - PLAIN) / (PATTERNED - PLAIN)
    varied = smoothstep(varied).astype(np.float32)
    if not (varied[hole] > 0).any():
        return smooth
    w, h = _smaller(width, height, PATCHES_PX)
    small_hole = resample.resize(hole.astype(np.float32), w, h) > 0
    small, start = (_bytes(resample.resize(each, w, h)) for each in (picture, smooth))
    found = fill_with_patches(small, small_hole, start)
    if found is None:
        return smooth
    patched = resample.resize(found[0].astype(np.float32) / 255, width, height, method="cubic")
    patched += _detail_of(picture, found[1], SOFTNESS * max(width, height))
    filled = smooth + varied[..., None] * (patched - smooth)
    return np.where(hole[..., None], filled, picture).astype(np.float32)


def _smooth(picture: Float32, hole: Mask) -> Float32:
    """The hole (H, W) filled smoothly."""
    height, width = hole.shape
    w, h = _smaller(width, height, SMOOTH_PX)
    small_hole = resample.resize(hole.astype(np.float32), w, h) > 0
    coarse = inpainted(resample.resize(picture, w, h), ~small_hole)
    coarse = resample.gaussian_blur(coarse, SOFTNESS * max(w, h))
    filled = resample.resize(coarse, width, height, method="cubic")
    return np.where(hole[..., None], filled, picture).astype(np.float32)


def inpainted(picture: Float32, known: Mask) -> Float32:
    """Unknown pixels continued from the rim (lines run on), fading into a smooth mixture deeper in. (h, w, 3)"""
    smooth = resample.fill_holes_smooth(picture, known)
    reach = 0.05 * max(known.shape)
    depth = resample.distance_inside(~known)
    near = (depth > 0) & (depth < reach)
    continued = resample.inpaint(np.where(known[..., None], picture, smooth), near, radius_px=4)
    smoothness = np.clip(depth / reach, 0, 1)[..., None]
    smoothness = smoothness * smoothness * (3 - 2 * smoothness)
    return np.where(known[..., None], picture, continued + smoothness * (smooth - continued)).astype(np.float32)


def _bytes(picture: Float32) -> UInt8:
    return np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8)


def _detail_of(picture: Float32, source: Int, softness: float) -> Float32:
    """What the places (h, w, 2) that patches were taken from have of finer detail, at the picture's size."""
    height, width = picture.shape[:2]
    h, w = source.shape[:2]
    coarse = resample.resize(resample.resize(picture, w, h), width, height, method="cubic")
    y, x = np.mgrid[:height, :width]
    row, column = (y * h // height, x * w // width)
    moved = source[row, column]
    from_y = np.clip(y + np.rint((moved[..., 0] - row) * (height / h)).astype(int), 0, height - 1)
    from_x = np.clip(x + np.rint((moved[..., 1] - column) * (width / w)).astype(int), 0, width - 1)
    return np.asarray((picture - coarse)[from_y, from_x], np.float32)


def missed_hair(
    picture: Float32, background: Float32, alpha: Float32, hole: Mask, varies: Float32, face_px: float
) -> Float32:
    """How much of the person there is where the matte sees nobody, (H, W): hair, judged by its colour.

    A pixel I in the hole's margin is α F + (1 - α) B, F the person's colour nearby, B the filled background. That is
    believed where I differs from B by more than the background itself varies, and towards F; close to the person
    sooner than further away. In small gaps of the outline (hair clips, combs) any colour is the person's that is not
    the background's.
    Before a background that varies much (flags, shelves) colours tell nothing: nothing is found there.
    varies: see `variation`.
    """
    person = resample.fill_holes_smooth(picture, alpha > 0.9)
    weight, along, beside = _mixed(picture, background, person)
    apart = np.hypot(along, beside)
    distance = resample.distance_inside(alpha <= 0.5) / (MARGIN * face_px)
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


def variation(picture: Float32, hole: Mask, face_px: float) -> Float32:
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
