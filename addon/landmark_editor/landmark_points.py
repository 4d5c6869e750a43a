"""Landmarks as the .blend keeps them, and what a hand does to them. Pure: no bpy, standard library and numpy.

The text is the hand-placed points format of core: `{"size": [w, h], "landmarks": [[x, y, z] × 478]}` once a face is
known, or `{"size": [w, h], "points": {"chin": [x, y], …}}` while an artist places points one after the other.
Everything is in picture space: pixels, x right, y down.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

from ...core.gioconda import landmarks as lm
from ...core.gioconda.errors import InputError
from ...core.gioconda.pose import head_pose

Float = npt.NDArray[np.float64]

# The parts that are grabbed as one. "right" is the person's own right.
FEATURES: dict[str, tuple[int, ...]] = {
    "right eye": (*lm.EYE_RIGHT, *lm.CREASE_RIGHT, *lm.POUCH_RIGHT, *lm.IRIS_RIGHT),
    "left eye": (*lm.EYE_LEFT, *lm.CREASE_LEFT, *lm.POUCH_LEFT, *lm.IRIS_LEFT),
    "right brow": lm.BROW_RIGHT,
    "left brow": lm.BROW_LEFT,
    "lips": (*lm.LIPS_OUTER, *lm.LIPS_INNER),
    "nose": (168, 6, 197, 195, 5, 4, 1, 2, 98, 327, 129, 358, 48, 278, 49, 279, 64, 294, 97, 326, 75, 305, 19, 94),
    "outline": lm.OVAL,
}
# What can be picked: everything that outlines a feature.
HANDLES = tuple(
    dict.fromkeys(
        (*lm.OVAL, *lm.LIPS_OUTER, *lm.LIPS_INNER, *lm.EYE_RIGHT, *lm.EYE_LEFT, *lm.BROW_RIGHT, *lm.BROW_LEFT)
        + (lm.IRIS_RIGHT[0], lm.IRIS_LEFT[0], 168, 6, 197, 195, 5, 4, 1, 2, 98, 327, 129, 358, 50, 280)
    )
)
# In this order points are asked for when no face was found; the first seven are enough, the others better.
GUIDE: tuple[tuple[str, str], ...] = (
    ("eye_outer_right", "the outer corner of the eye on the picture's left"),
    ("eye_inner_right", "the inner corner of the eye on the picture's left"),
    ("eye_inner_left", "the inner corner of the eye on the picture's right"),
    ("eye_outer_left", "the outer corner of the eye on the picture's right"),
    ("nose_tip", "the tip of the nose"),
    ("mouth_right", "the corner of the mouth on the picture's left"),
    ("mouth_left", "the corner of the mouth on the picture's right"),
    ("chin", "the lowest point of the chin"),
    ("lip_upper", "the middle of the upper lip's upper edge"),
    ("lip_lower", "the middle of the lower lip's lower edge"),
    ("iris_right", "the centre of the iris on the picture's left"),
    ("iris_left", "the centre of the iris on the picture's right"),
    ("lid_upper_right", "the middle of the upper lid on the picture's left"),
    ("lid_lower_right", "the middle of the lower lid on the picture's left"),
    ("lid_upper_left", "the middle of the upper lid on the picture's right"),
    ("lid_lower_left", "the middle of the lower lid on the picture's right"),
    ("brow_inner_right", "the inner end of the brow on the picture's left"),
    ("brow_outer_right", "the outer end of the brow on the picture's left"),
    ("brow_inner_left", "the inner end of the brow on the picture's right"),
    ("brow_outer_left", "the outer end of the brow on the picture's right"),
    ("jaw_right", "the jaw's edge beside the mouth on the picture's left"),
    ("jaw_left", "the jaw's edge beside the mouth on the picture's right"),
    ("forehead", "the middle of the hairline"),
)
ENOUGH = 8  # points of GUIDE after which the face can be completed well
OPENING = 0.35  # upper and lower lids and lips count as this far apart (head units), so that eyes and mouths can open


@dataclass(frozen=True, eq=False)
class Points:
    """What is stored: a whole face, or a few named points, or nothing.

    Attributes:
        size: (width, height) of the picture, pixels.
        landmarks: (478, 3) float64 pixels, or None.
        named: name of `landmarks.NAMED` → (x, y) pixels; empty when there are landmarks.
    """

    size: tuple[int, int]
    landmarks: Float | None = None
    named: dict[str, tuple[float, float]] = field(default_factory=dict)


def to_text(points: Points) -> str:
    """The points as JSON text that core's `parse_points` reads, a hundredth of a pixel exact."""
    content: dict[str, object] = {"size": list(points.size)}
    if points.landmarks is not None:
        content["landmarks"] = np.asarray(points.landmarks, np.float64).round(2).tolist()
    else:
        content["points"] = {name: [round(x, 2), round(y, 2)] for name, (x, y) in points.named.items()}
    return json.dumps(content, separators=(",", ":"))


@lru_cache(maxsize=8)
def from_text(text: str) -> Points | None:
    """The reverse of `to_text`; None for an empty text. Do not change the arrays it returns: they are remembered.

    Raises: InputError: the text was made by something else, or is damaged.
    """
    if not text:
        return None
    try:
        content = json.loads(text)
        width, height = (int(side) for side in content["size"])
        if "landmarks" in content:
            landmarks = np.array(content["landmarks"], np.float64)
            if landmarks.shape != (lm.COUNT, 3) or not np.isfinite(landmarks).all():
                raise ValueError(f"its landmarks have the shape {landmarks.shape}")
            landmarks.flags.writeable = False
            return Points((width, height), landmarks)
        named = {str(name): (float(at[0]), float(at[1])) for name, at in content["points"].items()}
        if unknown := set(named) - set(lm.NAMED):
            raise ValueError(f"there is no point “{sorted(unknown)[0]}”")
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise InputError(f"The stored landmarks cannot be read ({error}): analyse the portrait again.") from error
    return Points((width, height), None, named)


# Picking and moving --------------------------------------------------------------------------------------------------


def nearest(landmarks: Float, at: tuple[float, float], reach_px: float) -> int | None:
    """The handle nearest to a position in the picture, or None if none is within `reach_px`."""
    index = np.array(HANDLES)
    distance = np.hypot(*(landmarks[index, :2] - at).T)
    best = int(distance.argmin())
    return int(index[best]) if distance[best] <= reach_px else None


def feature_of(index: int) -> str:
    """The feature a point belongs to; the nearest one for points of the cheeks and the forehead."""
    for name, members in FEATURES.items():
        if index in members:
            return name
    template = lm.template()
    return min(
        FEATURES, key=lambda name: float(np.linalg.norm(template[list(FEATURES[name])] - template[index], axis=1).min())
    )


def face_size(landmarks: Float) -> float:
    """Pixels of one head unit (the distance between the outer eye corners of the average face)."""
    return float(head_pose(landmarks).scale)


def dragged(landmarks: Float, index: int, by: tuple[float, float], *, radius: float, mirror: bool = False) -> Float:
    """The face after one point was dragged; its neighbours follow smoothly.

    Args:
        landmarks: (478, 3) pixels.
        by: (x, y) pixels.
        radius: how far neighbours follow, head units; 0 moves the point alone. An iris moves whole and pulls nothing.
        mirror: the point on the other side of the face does the same, mirrored.
    """
    iris = next((iris for iris in (lm.IRIS_RIGHT, lm.IRIS_LEFT) if index in iris), None)
    weights = _rigid(iris) if iris else _falloff(landmarks, (index,), radius)
    return _shifted(landmarks, weights, by, mirror)


def carried(landmarks: Float, feature: str, by: tuple[float, float], *, radius: float, mirror: bool = False) -> Float:
    """The face after a whole feature was moved, see `dragged`."""
    members = FEATURES[feature]
    weights = np.maximum(_falloff(landmarks, members, radius), _rigid(members))
    return _shifted(landmarks, weights, by, mirror)


def turned(
    landmarks: Float, feature: str, *, angle: float = 0.0, factor: float = 1.0, radius: float, mirror: bool = False
) -> Float:
    """The face after a feature was turned (radians, clockwise as seen) and scaled about its own centre."""
    result = np.array(landmarks, np.float64)
    sides = [(feature, angle)]
    if mirror and (other := mirrored_feature(feature)) != feature:
        sides.append((other, -angle))
    for name, turn in sides:
        members = FEATURES[name]
        weights = np.maximum(_falloff(landmarks, members, radius), _rigid(members))
        centre = landmarks[list(members), :2].mean(0)
        cos, sin = factor * math.cos(turn), factor * math.sin(turn)
        arms = landmarks[:, :2] - centre
        result[:, :2] += weights[:, None] * (arms @ np.array([[cos, sin], [-sin, cos]]) - arms)
    return result


def mirrored_feature(feature: str) -> str:
    """The same feature on the other side: "left eye" for "right eye", "lips" for "lips"."""
    side, _, part = feature.partition(" ")
    return {"left": f"right {part}", "right": f"left {part}"}.get(side, feature)


def _shifted(landmarks: Float, weights: Float, by: tuple[float, float], mirror: bool) -> Float:
    result = np.array(landmarks, np.float64)
    shift = weights[:, None] * np.array(by, np.float64)
    if mirror:
        other = weights[lm.mirrored()][:, None] * _reflected(landmarks, by)
        both = weights + weights[lm.mirrored()]
        # Where the two falloffs meet, on the nose and the chin, they share instead of adding up.
        shift = np.where(both[:, None] > 1, (shift + other) / np.maximum(both, 1)[:, None], shift + other)
    result[:, :2] += shift
    return result


def _reflected(landmarks: Float, by: tuple[float, float]) -> Float:
    """A movement (x, y) as the other half of the face sees it."""
    across = head_pose(landmarks).rotation[:2, 0]
    across = across / max(float(np.hypot(*across)), 1e-9)
    move = np.array(by, np.float64)
    return move - 2 * (move @ across) * across


def _rigid(members: tuple[int, ...]) -> Float:
    weights = np.zeros(lm.COUNT)
    weights[list(members)] = 1
    return weights


def _falloff(landmarks: Float, members: tuple[int, ...], radius: float) -> Float:
    """(478,): 1 at the members, smoothly 0 at `radius` from them; irises only follow when they are members."""
    scale = face_size(landmarks)
    place = np.column_stack([landmarks[:, :2] / scale, _apart()])
    distance = np.linalg.norm(place[:, None] - place[None, list(members)], axis=2).min(1)
    weights = np.clip(1 - (distance / max(radius, 1e-9)) ** 2, 0, 1) ** 2
    weights[lm.FACE_POINTS :] = 0
    weights[list(members)] = 1
    return np.asarray(weights, np.float64)


@cache
def _apart() -> Float:
    """(478,): a third coordinate, ± half `OPENING` below and above each opening of the face, 0 at its corners."""
    shape = lm.template()
    part = np.zeros(lm.COUNT)
    for rim, lower, upper in (
        (lm.LIPS_OUTER, lm.LIPS_OUTER[11:] + lm.LIPS_INNER[11:], lm.LIPS_OUTER[1:10] + lm.LIPS_INNER[1:10]),
        (lm.EYE_RIGHT, lm.LOWER_LID_RIGHT + lm.POUCH_RIGHT, lm.UPPER_LID_RIGHT + lm.CREASE_RIGHT),
        (lm.EYE_LEFT, lm.LOWER_LID_LEFT + lm.POUCH_LEFT, lm.UPPER_LID_LEFT + lm.CREASE_LEFT),
    ):
        ends = shape[list(rim), 0]
        middle, half = (ends.min() + ends.max()) / 2, (ends.max() - ends.min()) / 2
        within = np.clip(1 - ((shape[:, 0] - middle) / half) ** 2, 0, 1)
        part[list(lower)], part[list(upper)] = OPENING / 2, -OPENING / 2
        part[[*lower, *upper]] *= within[[*lower, *upper]]
    return part


# Placing by hand -----------------------------------------------------------------------------------------------------


def next_to_place(named: dict[str, tuple[float, float]]) -> tuple[str, str] | None:
    """The next point of `GUIDE` that is not placed yet, and where it is; None when all are."""
    return next(((name, hint) for name, hint in GUIDE if name not in named), None)


def guessed(named: dict[str, tuple[float, float]]) -> Float | None:
    """A rough face through the points placed so far, (478, 3) pixels, to show where the next one may be.

    The template's similarity in the plane with the least squared error; None with fewer than two points.
    """
    if len(named) < 2:
        return None
    shape = lm.template()
    a = shape[[lm.NAMED[name] for name in named], :2] @ np.array([1, 1j])
    b = np.array(list(named.values())) @ np.array([1, 1j])
    arms = a - a.mean()
    turn = (arms.conj() @ (b - b.mean())) / max(float((np.abs(arms) ** 2).sum()), 1e-9)
    placed = turn * (shape[:, :2] @ np.array([1, 1j]) - a.mean()) + b.mean()
    return np.column_stack([placed.real, placed.imag, shape[:, 2] * abs(turn)])
