"""How thick and how wide the portrait's lips are while they move: in proportion to its own, not by as many millimetres.

Red lips thin out and swell as they roll in and out. Where the driver's neutral frame had pressed lips, each later frame
shows them thicker by far; a portrait whose lips are not pressed has nothing to unroll. Thin lips must not be rolled in
by more than they have, nor may a pucker, measured from a grin, leave nothing of a mouth. Everything is in head space.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from .. import landmarks

Float = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]

# From the outer to the inner edge, right to left, without the corners: upper lip, then lower lip.
RINGS = (
    (
        (185, 40, 39, 37, 0, 267, 269, 270, 409),
        (184, 74, 73, 72, 11, 302, 303, 304, 408),
        (183, 42, 41, 38, 12, 268, 271, 272, 407),
        (191, 80, 81, 82, 13, 312, 311, 310, 415),
    ),
    (
        (146, 91, 181, 84, 17, 314, 405, 321, 375),
        (77, 90, 180, 85, 16, 315, 404, 320, 307),
        (96, 89, 179, 86, 15, 316, 403, 319, 325),
        (95, 88, 178, 87, 14, 317, 402, 318, 324),
    ),
)
NATURAL = 0.75  # of the average face's: lips thinner than that are taken for pressed, as far as the driver unrolls them
THICKEST = 0.8  # lips grow by at most that part of the portrait's own thickness
EXACT = 1e-6  # what is asked for less is rounding: a neutral frame stays exactly neutral
NARROWEST = 0.55  # a mouth gives up at most that part of its width
REACH = 0.12  # head units: how far skin follows the red's edge


def fit_thickness(moved: Float32, driver: Float32, neutral: Float, portrait: Float) -> None:
    """Give the portrait's lips the thickness that is right for them, in place.

    Args:
        moved: (F, 478, 3) the portrait's displacement so far.
        driver: (F, 478, 3) the driver's face, neutral: (478, 3) the same when neutral.
        portrait: (478, 3) the face that is displaced.
    """
    usual = thickness(landmarks.template())
    theirs, theirs_still, own = thickness(driver), thickness(neutral), thickness(portrait)
    reached = thickness(portrait + moved)
    wanted = _wanted(theirs, theirs_still, own, reached - own, NATURAL * usual)
    share = wanted / np.maximum(reached, 1e-6) - 1
    share[np.abs(share) < EXACT] = 0
    for lip, (outer, _, _, inner) in enumerate(RINGS):
        across = (portrait[list(outer)] + moved[:, outer]) - (portrait[list(inner)] + moved[:, inner])
        push = (share[:, lip, None, None] * across).astype(np.float32)
        moved += np.einsum("nk,fkd->fnd", _followers()[lip], push, optimize=True)


def fit_width(moved: Float32, driver: Float32, neutral: Float, portrait: Float) -> None:
    """Narrow the portrait's mouth by the ratio by which the driver's gets narrower, in place. As `fit_thickness`."""
    right, left = landmarks.MOUTH_RIGHT, landmarks.MOUTH_LEFT
    theirs = neutral[left] - neutral[right]
    ratio = (driver[:, left] - driver[:, right]) @ theirs / max(float(theirs @ theirs), 1e-12)
    axis = portrait[left] - portrait[right]
    own = max(float(np.linalg.norm(axis)), 1e-6)
    axis /= own
    reached = own + (moved[:, left] - moved[:, right]) @ axis
    wanted = own * (1 - _limited(np.maximum(1 - ratio, 0), NARROWEST))
    share = np.where(ratio < 1, wanted - reached, 0) / own
    share[np.abs(share) < EXACT] = 0
    along = (portrait - portrait[[right, left]].mean(0)) @ axis * _around_lips()
    moved += (share[:, None, None] * along[:, None] * axis).astype(np.float32)


def _limited(change: Float, most: float) -> Float:
    """A change of 0 or more: as it is up to 60 % of `most`, towards `most` when large."""
    exact = 0.6 * most
    return np.asarray(
        np.minimum(change, exact) + (most - exact) * np.tanh(np.maximum(change - exact, 0) / (most - exact))
    )


def thickness(face: npt.NDArray[np.floating]) -> Float:
    """How thick upper and lower lip look, mean over the mouth, of faces (…, 478, 3). (…, 2) head units."""
    across = [np.linalg.norm((face[..., r[0], :] - face[..., r[3], :])[..., :2], axis=-1).mean(-1) for r in RINGS]
    return np.stack(across, axis=-1).astype(np.float64)


def _wanted(theirs: Float, theirs_still: Float, own: Float, change: Float, usual: Float) -> Float:
    """The portrait's thickness, (F, 2), from the driver's and the change that would be carried over unchanged."""
    rise = np.maximum(theirs - theirs_still, 0)
    unrolled = np.clip(usual - theirs_still, 0, rise)  # the driver's lips are only no longer pressed
    beyond = np.maximum(change, 0) * (rise - unrolled) / np.maximum(rise, 1e-9)
    unrolls = np.minimum(np.maximum(change, 0) - beyond, np.maximum(usual - own, 0))
    thicker = own * (1 + _limited((beyond + unrolls) / own, THICKEST))
    thinner = own * np.minimum(theirs / np.maximum(theirs_still, 1e-6), 1)
    return np.where(theirs < theirs_still, thinner, thicker)


@cache
def _around_lips() -> Float:
    """How much every point goes with the lips, (478,): 1 on them, falling off around."""
    points = landmarks.template()
    lips = points[[*landmarks.LIPS_OUTER, *landmarks.LIPS_INNER]]
    away = np.linalg.norm(points[:, None, :2] - lips[None, :, :2], axis=2).min(1)
    weight: Float = np.exp(-((away / REACH) ** 2))
    weight[[i for rings in RINGS for ring in rings for i in ring]] = 1
    weight[landmarks.FACE_POINTS :] = 0
    return weight


@cache
def _followers() -> tuple[Float32, Float32]:
    """How much every point follows each of the nine outer points of the upper and the lower lip, (478, 9) each."""
    points, result = landmarks.template(), []
    for sign, (outer, *between, inner) in zip((-1, 1), RINGS, strict=True):
        distance = np.linalg.norm(points[:, None, :2] - points[None, list(outer), :2], axis=2)
        nearest = np.exp(-((distance / 0.05) ** 2))
        weight = np.exp(-((distance.min(1) / REACH) ** 2))[:, None] * nearest
        weight /= np.maximum(nearest.sum(1, keepdims=True), 1e-30)
        weight[sign * (points[:, 1] - points[list(outer), 1].mean()) < -0.03] = 0
        weight[[*landmarks.LIPS_INNER, *landmarks.LIPS_OUTER]] = 0
        weight[landmarks.FACE_POINTS :] = 0
        for part, ring in zip((1.0, 2 / 3, 1 / 3, 0.0), (outer, *between, inner), strict=True):
            weight[list(ring)] = part * np.eye(len(ring))
        for corner in (61, 291, 76, 306, 62, 292, 78, 308):
            weight[corner] = 0
        result.append(weight.astype(np.float32))
    return result[0], result[1]
