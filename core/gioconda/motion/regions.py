"""Regions of the face that move separately: soft masks over the 478 points, eyelids, gains, the dead band.

Everything is in head space; arrays of displacements are (F, 478, 3) float32 and are changed in place. It knows
nothing of files or of the head's pose.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from .. import landmarks
from ..landmarks import ARKIT, COUNT
from . import blendshapes
from .smoothing import dead_band

Float = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]

SOFTNESS = 0.08  # head units over which one region goes over into the next
CHIN = (152, 148, 176, 149, 150, 136, 172, 377, 400, 378, 379, 365, 397, 175, 199, 200, 171, 396, 208, 428, 32, 262)
CHEEKS = (
    *(234, 227, 116, 123, 147, 50, 205, 36, 142, 93, 132, 58, 454, 447, 345, 352, 376, 280, 425, 266),
    *(371, 323, 361, 288, 168, 6, 197, 195, 5, 4, 1, 2, 98, 327, 129, 358, 48, 278, 127, 356),
)
FOREHEAD = (10, 109, 67, 103, 54, 21, 338, 297, 332, 284, 251, 151, 108, 337, 69, 299, 104, 333, 9, 8)
LIDS = {  # upper, lower, crease
    "right": (landmarks.UPPER_LID_RIGHT, landmarks.LOWER_LID_RIGHT, landmarks.CREASE_RIGHT),
    "left": (landmarks.UPPER_LID_LEFT, landmarks.LOWER_LID_LEFT, landmarks.CREASE_LEFT),
}
CORNERS = {"right": (33, 133), "left": (263, 362)}
IRISES = {"right": landmarks.IRIS_RIGHT, "left": landmarks.IRIS_LEFT}

# Root-mean-square displacements (head units) below which a region's motion is the tracker's noise.
BANDS = dict.fromkeys(("brows", "lids right", "lids left", "mouth"), 0.003)
BANDS |= dict.fromkeys(("cheeks", "jaw", "gaze"), 0.004)
LID_BAND = 0.008  # the same for openness
UPPER_LID_PART = 0.85  # of a change of the lid gap
OPEN_EYE = 0.25  # openness below which `neutralise` opens an eye
WIDEST = 1.6  # times the portrait's own openness: eyes never open wider


@cache
def masks() -> dict[str, Float32]:
    """Region → (478,) float32 weights, 0 to 1, which add up to 1 at every point."""
    seeds: dict[str, tuple[int, ...]] = {
        "brows": (*landmarks.BROW_RIGHT, *landmarks.BROW_LEFT, *FOREHEAD),
        "lids right": (*landmarks.EYE_RIGHT, *landmarks.CREASE_RIGHT, *landmarks.POUCH_RIGHT),
        "lids left": (*landmarks.EYE_LEFT, *landmarks.CREASE_LEFT, *landmarks.POUCH_LEFT),
        "mouth": (*landmarks.LIPS_OUTER, *landmarks.LIPS_INNER),
        "cheeks": CHEEKS,
        "jaw": CHIN,
    }
    points = landmarks.template()[:, :2]
    nearest = np.stack([np.linalg.norm(points[:, None] - points[None, list(s)], axis=2).min(1) for s in seeds.values()])
    weights = np.exp(-((nearest / SOFTNESS) ** 2)) + 1e-12
    weights[:, landmarks.FACE_POINTS :] = 0
    weights /= np.maximum(weights.sum(0), 1e-30)
    result = {name: weights[i].astype(np.float32) for i, name in enumerate(seeds)}
    result["gaze"] = (np.arange(COUNT) >= landmarks.FACE_POINTS).astype(np.float32)
    return result


Gain = float | Float  # one for all frames, or (F,)


def apply_gains(displaced: Float32, *, jaw: Gain, lips: Gain, brows: Gain, lids: Gain, gaze: Gain) -> None:
    """Scale each region's motion, (F, 478, 3), in place; 1 leaves it exactly as it is.

    The jaw's part of the motion (opening, sideways, forward) is taken out first, so that `lips` changes what lips do
    on the jaw and `jaw` how far it opens. Cheeks and nose go with the lips, the forehead with the brows.
    """
    if any((np.asarray(each) != 1).any() for each in (jaw, lips, brows, lids)):
        opening = jaw_part(displaced)
        region = masks()
        j, m, b, e = (np.asarray(each, np.float32).reshape(-1, 1) for each in (jaw, lips, brows, lids))
        gain = b * region["brows"] + e * (region["lids right"] + region["lids left"]) + region["gaze"]
        gain += m * (region["mouth"] + region["cheeks"]) + j * region["jaw"]
        displaced -= opening
        displaced *= gain[..., None]
        displaced += j[..., None] * opening
    if (np.asarray(gaze) != 1).any():
        for side in IRISES:
            scale_gaze(displaced, side, np.asarray(gaze, np.float32).reshape(-1, 1, 1))


def jaw_part(displaced: Float32) -> Float32:
    """The part of displacements that the jaw bone explains, (F, 478, 3): least squares at the chin."""
    names = ("jawOpen", "jawLeft", "jawForward")
    shapes = blendshapes.expression_basis()[[ARKIT.index(n) for n in names]]
    chin = [152, 148, 377, 176, 400, 175, 199]
    inverse = np.linalg.pinv(shapes[:, chin].reshape(len(names), -1).T.astype(np.float64))
    amount = displaced[:, chin].reshape(len(displaced), -1) @ inverse.T.astype(np.float32)
    return (amount @ shapes.reshape(len(names), -1)).reshape(displaced.shape)


def scale_gaze(displaced: Float32, side: str, ratio: np.float32 | Float32) -> None:
    """Scale an iris's motion against the corners of its eye, in place. ratio: one, or (F, 1, 1)."""
    iris = list(IRISES[side])
    eye = displaced[:, list(CORNERS[side])].mean(1, keepdims=True)
    displaced[:, iris] = eye + ratio * (displaced[:, iris] - eye)


def openness(face: npt.NDArray[np.floating], side: str) -> Float:
    """Lid gap by eye width, (…,), of faces (…, 478, 3); about 0.3 when open."""
    upper, lower, _ = LIDS[side]
    gap = np.linalg.norm(face[..., list(upper), :] - face[..., list(lower), :], axis=-1).mean(-1)
    a, b = CORNERS[side]
    result: Float = gap / np.maximum(np.linalg.norm(face[..., a, :] - face[..., b, :], axis=-1), 1e-6)
    return result


def set_lids(
    portrait: Float, displaced: Float32, driver: Float, driver_neutral: Float, *, gain: Gain, floor: float
) -> None:
    """Make each eye of the portrait as open, in proportion to how open it is in the picture, as the driver's eye is.

    A tracker never reports an eye as shut: at a blink the gap is still about `floor` eye widths. So openness is
    measured from there, and what is left of the gap near `floor` is closed.

    Args:
        portrait: (478, 3) as in the picture; its displacement, (F, 478, 3), is changed.
        driver: (F, 2) openness, right and left eye; driver_neutral: (2,) when neutral.
        gain: 1 = in proportion, 0 = lids stay; one, or (F,).
        floor: the openness of an eye that is shut, as a tracker sees it.
    """
    for eye, side in enumerate(LIDS):
        upper, lower, crease = (list(p) for p in LIDS[side])
        own = float(openness(portrait, side))
        change = (driver[:, eye] - driver_neutral[eye]) / max(float(driver_neutral[eye]) - floor, 0.05)
        wanted = own + gain * max(own - floor, 0.0) * change
        wanted = np.minimum(wanted, max(own * WIDEST, float(driver_neutral[eye])))
        wanted = np.maximum(wanted - np.maximum(_floor_part(wanted, floor) - _floor_part(np.array(own), floor), 0), 0)
        face = portrait[None, [*upper, *lower]] + displaced[:, [*upper, *lower]]
        gap = face[:, : len(upper)] - face[:, len(upper) :]
        a, b = CORNERS[side]
        width = np.linalg.norm((portrait[a] + displaced[:, a]) - (portrait[b] + displaced[:, b]), axis=1)
        size = np.linalg.norm(gap, axis=2).mean(1) / np.maximum(width, 1e-6)
        lack = (1 - wanted / np.maximum(size, 1e-6))[:, None, None]
        lack[np.abs(lack) < 1e-6] = 0  # the portrait's own openness stays exactly as it is
        push = (np.maximum(lack, -3) * gap).astype(np.float32)
        displaced[:, upper] -= np.float32(UPPER_LID_PART) * push
        displaced[:, lower] += np.float32(1 - UPPER_LID_PART) * push
        displaced[:, crease] -= np.float32(0.35 * UPPER_LID_PART) * push


def open_eye(face: Float, displaced: Float32, side: str, wanted: float) -> None:
    """Open one eye of one face, (1, 478, 3) displacement changed in place, to an openness of at least `wanted`."""
    upper, lower, crease = (list(p) for p in LIDS[side])
    moved = face + displaced[0]
    lack = max(wanted / max(float(openness(moved, side)), 0.02) - 1, 0.0)
    gap = (moved[upper] - moved[lower]).astype(np.float32) * np.float32(min(lack, 3.0))
    displaced[0, upper] += np.float32(UPPER_LID_PART) * gap
    displaced[0, lower] -= np.float32(1 - UPPER_LID_PART) * gap
    displaced[0, crease] += np.float32(0.5 * UPPER_LID_PART) * gap


def _floor_part(size: Float, floor: float) -> Float:
    """What a tracker adds to an openness: `floor` when the eye is shut, nothing from three times that on."""
    if floor <= 0:
        return np.zeros_like(size)
    x = np.clip((size - floor) / (2 * floor), 0, 1)
    result: Float = floor * (1 - x * x * (3 - 2 * x))
    return np.minimum(result, size)


def apply_dead_band(displaced: Float32, strength: float) -> None:
    """Hold each region exactly where its motion is no larger than a tracker's noise; see `smoothing.dead_band`."""
    if strength <= 0:
        return
    weight = np.zeros(displaced.shape[:2], np.float32)
    for name, mask in masks().items():
        length = np.sqrt((displaced[..., :2] ** 2).sum(2) @ (mask / mask.sum()))
        weight += dead_band(length, strength * BANDS[name])[:, None].astype(np.float32) * mask
    displaced *= weight[..., None]
