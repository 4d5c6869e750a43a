"""Which landmark a point of a rig is, from words in its name and from where it lies.

The template's face is fitted to the points, and each takes the nearest landmark its name allows; this is repeated, as
in iterative closest points, because a better assignment gives a better fit.
"""

from __future__ import annotations

from collections.abc import Sequence

import bpy
import numpy as np
import numpy.typing as npt

from ....core.gioconda import landmarks as lm
from ..names import landmark_name, landmark_of, side_of, words
from ..read.anatomy import Anatomy, axes_from_sides, axes_of, fit_anatomy, fit_scale_and_position
from .presets import Match

Float = npt.NDArray[np.float64]
ROUNDS = 4
FAR = 0.35  # head units: an unnamed point farther from every landmark is not part of the face
DEPTH_WEIGHT = 0.4  # rigs are careless about depth

_UPPER = (185, 40, 39, 37, 0, 267, 269, 270, 409)
_UPPER_LIDS = (*lm.UPPER_LID_RIGHT, *lm.UPPER_LID_LEFT)
_LOWER = (375, 321, 405, 314, 17, 84, 181, 91, 146)
# Words in a name → the landmarks it can be. The first line that fits counts.
REGIONS: tuple[tuple[tuple[str, ...], tuple[str, ...], tuple[int, ...]], ...] = (
    (("corner", "smile", "lipcorner", "mouthcorner"), ("lip", "lips", "mouth", "smile"), (61, 291)),
    (("brow", "eyebrow", "brows", "eyebrows"), (), (*lm.BROW_RIGHT[:5], *lm.BROW_LEFT[:5])),
    (("lid", "eyelid", "lids", "blink", "eyelids"), ("up", "upper", "top", "t"), _UPPER_LIDS),
    (
        ("lid", "eyelid", "lids", "eyelids"),
        ("low", "lower", "bot", "bottom", "b", "down"),
        (*lm.LOWER_LID_RIGHT, *lm.LOWER_LID_LEFT),
    ),
    (("lid", "eyelid", "lids", "blink", "eyelids"), (), _UPPER_LIDS),
    (("lip", "lips", "mouth"), ("up", "upper", "top", "t"), _UPPER),
    (("lip", "lips", "mouth"), ("low", "lower", "bot", "bottom", "b", "down"), _LOWER),
    (("upperlip",), (), _UPPER),
    (("lowerlip",), (), _LOWER),
    (("lip", "lips", "mouth"), (), (*lm.LIPS_OUTER,)),
    (("chin", "jaw", "jawbone", "mandible"), (), (152, 199, 200, 175, 176, 400)),
    (("cheek", "cheeks", "cheekbone"), (), (50, 280, 205, 425, 117, 346, 187, 411, 213, 433)),
    (("nostril", "nostrils", "wing"), (), (98, 327, 64, 294, 48, 278)),
    (("nose", "nosetip"), (), (4, 1, 2, 195, 5, 6, 98, 327)),
    (("forehead",), (), (10, 151, 9, 108, 337, 69, 299)),
    (("eye", "iris", "pupil", "eyeball"), (), (468, 473)),
)
PARTS_OF_WORDS = ("lip", "brow", "lid", "jaw", "chin", "cheek", "mouth", "nose", "nostril", "corner", "upper", "lower")
NOT_SKIN = {"tongue", "teeth", "tooth", "hair", "ear", "ears", "neck", "spine", "hat", "tear", "target", "aim", "look"}
EXPRESSIVE = tuple(sorted({i for _, _, region in REGIONS for i in region} - {468, 473}))
# What a face should have, for the list of what is missing.
PARTS = (
    ("jaw", (152, 199, 200, 175, 176, 400)),
    ("mouth corners", (61, 291)),
    ("upper lip", _UPPER),
    ("lower lip", _LOWER),
    ("upper lids", (*lm.UPPER_LID_RIGHT, *lm.UPPER_LID_LEFT)),
    ("brows", (*lm.BROW_RIGHT, *lm.BROW_LEFT)),
)


def match_named(names: Sequence[str], positions: Float) -> tuple[list[Match], Anatomy | None]:
    """Names and positions (N, 3), world space, → which landmark each is, and where the face is."""
    exact = [landmark_of(_plain_name(name)) for name in names]
    if sum(i is not None for i in exact) >= 5:
        known = [k for k, i in enumerate(exact) if i is not None]
        matches = [Match(names[k], "HEAD", landmark_name(exact[k]), 1.0) for k in known]
        axes = axes_of_points([names[k] for k in known], positions[known])
        return matches, fit_anatomy([exact[k] for k in known], positions[known], axes, None)
    allowed = [allowed_landmarks(name) for name in names]
    axes = axes_of_points(names, positions)
    assigned, anatomy = _assign(positions, allowed, [side_of(name) for name in names], axes)
    matches = [Match(names[k], "HEAD", landmark_name(i), 1.0) for k, i in assigned.items()]
    return matches, anatomy


def match_bones(armature: bpy.types.Object, head: str, eyes: tuple[str, str]) -> list[Match]:
    """The bones of a face, each with that of its ends that lies nearest to a landmark."""
    data = armature.data.bones
    root = data.get(head)
    face = [b for b in (root.children_recursive if root else data) if b.name not in eyes]
    face = [b for b in face if (allowed_landmarks(b.name) != () if root else allowed_landmarks(b.name))]
    if len(face) < 3:
        return []
    ends = [(b.name, part) for b in face for part in ("HEAD", "TAIL")]
    positions = np.array([np.array(place) for b in face for place in (b.head_local, b.tail_local)])
    names = [name for name, _ in ends]
    allowed = [allowed_landmarks(name) for name in names]
    axes = axes_of_points(names, positions)
    assigned, anatomy = _assign(positions, allowed, [side_of(n) for n in names], axes)
    if anatomy is None:
        return []
    in_head = anatomy.to_head(positions)
    best: dict[str, tuple[float, int, int]] = {}
    for k, i in assigned.items():
        distance = float(np.linalg.norm((in_head[k] - lm.template()[i]) * [1, 1, DEPTH_WEIGHT]))
        if "jaw" in " ".join(words(names[k])) and ends[k][1] == "HEAD":
            continue
        if names[k] not in best or distance < best[names[k]][0]:
            best[names[k]] = (distance, k, i)
    return [Match(name, ends[k][1], landmark_name(i), 1.0) for name, (_, k, i) in best.items()]


def allowed_landmarks(name: str) -> tuple[int, ...] | None:
    """The landmarks a name allows; None: any; (): none, it is not skin."""
    found = set(words(name))
    for word in list(found):
        for key in PARTS_OF_WORDS:
            if key in word and len(word) > len(key):
                found.add(key)
    if found & NOT_SKIN:
        return ()
    for keys, also, region in REGIONS:
        if found & set(keys) and (not also or found & set(also)):
            return region
    return None


def axes_of_points(names: Sequence[str], positions: Float) -> Float:
    """(3, 3) left, down, back of the face the points are on, from names of sides and of parts that lie high or low."""
    left = [positions[k] for k, name in enumerate(names) if side_of(name) == "left"]
    right = [positions[k] for k, name in enumerate(names) if side_of(name) == "right"]
    high = [
        positions[k]
        for k, name in enumerate(names)
        if {"brow", "eyebrow", "lid", "eyelid", "eye", "forehead"} & set(words(name))
    ]
    low = [positions[k] for k, name in enumerate(names) if {"jaw", "chin", "lip", "lips", "mouth"} & set(words(name))]
    if not left or not right:
        return axes_of(np.array([0.0, -1.0, 0.0]))
    across = np.mean(left, 0) - np.mean(right, 0)
    up = np.mean(high, 0) - np.mean(low, 0) if high and low else np.array([0.0, 0.0, 1.0])
    if np.linalg.norm(np.cross(across, up)) < 1e-9:
        return axes_of(np.array([0.0, -1.0, 0.0]))
    return _upright(axes_from_sides(across, up))


def _upright(axes: Float) -> Float:
    """Axes that are nearly upright, made upright: asymmetric points tilt them."""
    up = np.array([0.0, 0.0, 1.0])
    if -axes[1] @ up > 0.75:
        return axes_from_sides(axes[0] - up * (axes[0] @ up), up)
    return axes


def missing_parts(matches: Sequence[Match]) -> list[str]:
    """The parts of a face that no match moves."""
    known = {landmark_of(match.target) for match in matches}
    return [name for name, part in PARTS if not known & set(part)]


def _assign(
    positions: Float, allowed: Sequence[tuple[int, ...] | None], sides: Sequence[str], axes: Float
) -> tuple[dict[int, int], Anatomy | None]:
    """Point number → landmark, and the face that fits."""
    template = lm.template()
    named = [k for k, region in enumerate(allowed) if region]
    if len(named) >= 3:
        regions = [_on_side(allowed[k], sides[k], 0.0) if sides[k] else list(allowed[k]) for k in named]
        anchors = np.array([template[region].mean(0) for region in regions])
        anatomy = fit_scale_and_position(anchors, positions[named], axes, None)
    else:
        anatomy = _fit_bounds(positions[[k for k, region in enumerate(allowed) if region != ()]], axes)
    assigned: dict[int, int] = {}
    for _ in range(ROUNDS):
        in_head = anatomy.to_head(positions)
        assigned = {}
        for k, region in enumerate(allowed):
            if region == ():
                continue
            candidates = np.array(_on_side(region or EXPRESSIVE, sides[k], float(in_head[k, 0])))
            distance = np.linalg.norm((template[candidates] - in_head[k]) * [1, 1, DEPTH_WEIGHT], axis=1)
            if region or distance.min() < FAR:
                assigned[k] = int(candidates[distance.argmin()])
        if len(assigned) < 3:
            return {}, None
        keys = list(assigned)
        anatomy = fit_anatomy([assigned[k] for k in keys], positions[keys], axes, None)
    return assigned, anatomy


def _on_side(region: Sequence[int], side: str, x: float) -> list[int]:
    """Those of the landmarks that are on a point's side; the middle is for points that name no side."""
    template = lm.template()
    if not side and abs(x) < 0.06:
        middle = [i for i in region if abs(template[i, 0]) < 0.02]
        return middle or list(region)
    sign = {"left": 1.0, "right": -1.0}.get(side, np.sign(x))
    return [i for i in region if sign * template[i, 0] > 0.02] or list(region)


def _fit_bounds(positions: Float, axes: Float) -> Anatomy:
    """A rough fit to the bounds of unnamed points: brows at the top, chin at the bottom."""
    seen = positions @ axes.T
    low, high = seen.min(0), seen.max(0)
    scale = max(float(high[1] - low[1]) / 1.5, 1e-9)
    bridge = np.array([(low[0] + high[0]) / 2, low[1] + 0.18 * scale, low[2] + 0.3 * scale])
    return Anatomy(None, axes, scale, bridge @ axes)


def _plain_name(name: str) -> str:
    """`face:lip_upper.001` → lip_upper."""
    return name.rsplit(":", 1)[-1].split(".", 1)[0]
