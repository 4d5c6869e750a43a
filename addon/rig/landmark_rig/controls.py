"""The landmark rig's controls: where each sits on the face, how far it goes, which channels it drives. Pure: no bpy.

A control moves in the picture's plane; each direction it can go in drives ARKit channels. Travels are head units (the
distance between the outer eye corners is 1), chosen so that a control stays on the skin it moves: they are the lengths
of core's expression basis at its landmark, made longer where those are too short to handle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from ....core.gioconda import landmarks as lm

Float = npt.NDArray[np.float64]

DIRECTIONS = {"+x": (0, 1), "-x": (0, -1), "+y": (1, 1), "-y": (1, -1)}  # axis of the bone, sign


@dataclass(frozen=True)
class Way:
    """One direction of a control: `travel` head units to the end, and what is driven there, channel → value."""

    travel: float
    channels: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Control:
    """One bone.

    Attributes:
        name: of the bone, with .L or .R: the person's own sides.
        points: it sits in the middle of these landmarks.
        parent: another control's name; "" for the head.
        shape: of `landmark_shapes.SHAPES`; size: head units across.
        group: bone collection and colour.
        ways: "+x" (to the picture's right), "-x", "+y" (up), "-y" → how far and what for. Missing: it cannot go there.
    """

    name: str
    points: tuple[int, ...]
    parent: str
    shape: str
    size: float
    group: str
    ways: Mapping[str, Way]

    def mirrored(self) -> Control:
        """The same control of the person's right side."""
        swap = {"+x": "-x", "-x": "+x"}
        other = tuple(int(lm.mirrored()[point]) for point in self.points)
        ways = {swap.get(way, way): _right(drive) for way, drive in self.ways.items()}
        return replace(self, name=_side(self.name), points=other, parent=_side(self.parent), ways=ways)


def _side(name: str) -> str:
    return name.removesuffix(".L") + ".R" if name.endswith(".L") else name


def _right(way: Way) -> Way:
    """Left channels become right ones; "Out" and "In" of the eyes keep their meaning."""
    named = {
        name.removesuffix("Left") + "Right" if name.endswith("Left") else name: v for name, v in way.channels.items()
    }
    return Way(way.travel, named)


_MIDDLE = (
    Control(
        "jaw",
        (152,),
        "head",
        "jaw",
        0.30,
        "Mouth",
        {
            "-y": Way(0.31, {"jawOpen": 1}),
            "+x": Way(0.12, {"jawLeft": 1}),
            "-x": Way(0.12, {"jawRight": 1}),
        },
    ),
    Control(
        "mouth",
        (13, 14),
        "head",
        "mouth",
        1.0,
        "Mouth",
        {
            "+x": Way(0.18, {"mouthLeft": 1}),
            "-x": Way(0.18, {"mouthRight": 1}),
            "+y": Way(0.10, {"mouthShrugUpper": 1, "mouthShrugLower": 1}),
            "-y": Way(0.10, {"mouthFunnel": 1}),
        },
    ),
    Control(
        "lip_upper",
        (0,),
        "mouth",
        "triangle up",
        0.09,
        "Mouth",
        {
            "+y": Way(0.09, {"mouthUpperUpLeft": 1, "mouthUpperUpRight": 1}),
            "-y": Way(0.07, {"mouthRollUpper": 1}),
        },
    ),
    Control(
        "lip_lower",
        (17,),
        "jaw",
        "triangle down",
        0.09,
        "Mouth",
        {
            "-y": Way(0.07, {"mouthLowerDownLeft": 1, "mouthLowerDownRight": 1}),
            "+y": Way(0.08, {"mouthRollLower": 1}),
        },
    ),
    Control(
        "gaze",
        (133, 362),
        "head",
        "target",
        0.22,
        "Eyes",
        {
            "+x": Way(0.5, {"eyeLookOutLeft": 1, "eyeLookInRight": 1}),
            "-x": Way(0.5, {"eyeLookInLeft": 1, "eyeLookOutRight": 1}),
            "+y": Way(0.4, {"eyeLookUpLeft": 1, "eyeLookUpRight": 1}),
            "-y": Way(0.4, {"eyeLookDownLeft": 1, "eyeLookDownRight": 1}),
        },
    ),
)
_LEFT = (
    Control(
        "lip_corner.L",
        (291,),
        "mouth",
        "circle",
        0.09,
        "Mouth",
        {
            "+y": Way(0.12, {"mouthSmileLeft": 1}),
            "-y": Way(0.08, {"mouthFrownLeft": 1}),
            "+x": Way(0.09, {"mouthStretchLeft": 1}),
            "-x": Way(0.07, {"mouthPucker": 0.5}),
        },
    ),
    Control(
        "lip_upper.L",
        (270,),
        "mouth",
        "triangle up",
        0.06,
        "Mouth",
        {
            "+y": Way(0.09, {"mouthUpperUpLeft": 1}),
            "-y": Way(0.05, {"mouthPressLeft": 1}),
        },
    ),
    Control(
        "lip_lower.L",
        (321,),
        "jaw",
        "triangle down",
        0.06,
        "Mouth",
        {
            "-y": Way(0.07, {"mouthLowerDownLeft": 1}),
            "+y": Way(0.06, {"mouthRollLower": 0.5}),
        },
    ),
    Control(
        "lid_upper.L",
        (386,),
        "head",
        "lid up",
        0.13,
        "Eyes",
        {
            "-y": Way(0.10, {"eyeBlinkLeft": 1}),
            "+y": Way(0.05, {"eyeWideLeft": 1}),
        },
    ),
    Control("lid_lower.L", (374,), "head", "lid down", 0.13, "Eyes", {"+y": Way(0.05, {"eyeSquintLeft": 1})}),
    Control(
        "gaze.L",
        (473,),
        "head",
        "circle",
        0.13,
        "Eyes",
        {
            "+x": Way(0.065, {"eyeLookOutLeft": 1}),
            "-x": Way(0.065, {"eyeLookInLeft": 1}),
            "+y": Way(0.05, {"eyeLookUpLeft": 1}),
            "-y": Way(0.067, {"eyeLookDownLeft": 1}),
        },
    ),
    Control(
        "brow_inner.L",
        (336, 285),
        "head",
        "diamond",
        0.09,
        "Brows",
        {
            "+y": Way(0.08, {"browInnerUp": 0.5}),
            "-y": Way(0.06, {"browDownLeft": 0.5}),
        },
    ),
    Control(
        "brow_mid.L",
        (334, 282),
        "head",
        "diamond",
        0.09,
        "Brows",
        {
            "+y": Way(0.09, {"browOuterUpLeft": 0.6, "browInnerUp": 0.2}),
            "-y": Way(0.06, {"browDownLeft": 1}),
        },
    ),
    Control(
        "brow_outer.L",
        (300, 276),
        "head",
        "diamond",
        0.09,
        "Brows",
        {
            "+y": Way(0.09, {"browOuterUpLeft": 1}),
            "-y": Way(0.06, {"browDownLeft": 0.5}),
        },
    ),
    Control(
        "cheek.L",
        (280,),
        "head",
        "square",
        0.09,
        "Cheeks and Nose",
        {
            "+y": Way(0.07, {"cheekSquintLeft": 1}),
            "+x": Way(0.07, {"cheekPuff": 0.5}),
        },
    ),
    Control("nose.L", (358,), "head", "square", 0.07, "Cheeks and Nose", {"+y": Way(0.09, {"noseSneerLeft": 1})}),
)

# The head comes first: every control is listed after its parent.
HEAD = Control("head", (168,), "", "head", 1.0, "Head", {})
CONTROLS: tuple[Control, ...] = (HEAD, *_MIDDLE, *_LEFT, *(control.mirrored() for control in _LEFT))
# Sliders on the head's bone for what no place on the face stands for: property → channel.
SLIDERS = {
    "lips_together": "mouthClose",
    "jaw_forward": "jawForward",
    "dimple_left": "mouthDimpleLeft",
    "dimple_right": "mouthDimpleRight",
    "tongue_out": "tongueOut",
}
GROUPS = {
    "Head": (1.0, 0.85, 0.25),
    "Mouth": (1.0, 0.35, 0.35),
    "Eyes": (0.35, 0.8, 1.0),
    "Brows": (0.45, 1.0, 0.45),
    "Cheeks and Nose": (1.0, 0.6, 0.9),
}  # bone collection → colour
TURNS = {"x": 25.0, "y": 35.0, "z": 35.0}  # degrees the head may nod, turn and tilt


@dataclass(frozen=True)
class Row:
    """One line of the mapping: value = gain · component of the bone."""

    source: str
    component: str  # LOC_X, LOC_Y, VALUE
    target: str
    gain: float


def rows(travels: Mapping[tuple[str, str], float]) -> list[Row]:
    """The mapping of all controls. travels: (control, direction) → length of the way in the scene."""
    result = []
    for control in CONTROLS:
        for way, drive in control.ways.items():
            axis, sign = DIRECTIONS[way]
            component = f"LOC_{'XY'[axis]}"
            length = travels[control.name, way]
            result += [Row(control.name, component, name, sign * v / length) for name, v in drive.channels.items()]
    return result + [Row(f"head/{slider}", "VALUE", channel, 1.0) for slider, channel in SLIDERS.items()]


def travels(landmarks: Float, unit: float) -> dict[tuple[str, str], float]:
    """How far each control goes in each of its directions, scene units, on this face.

    Args:
        landmarks: (478, 3) in any space in which a head unit is 1.
        unit: scene units per head unit.

    Upper lids go as far as the eye is open, so that a control pulled to the lower lid shuts the eye.
    """
    result = {(c.name, way): unit * drive.travel for c in CONTROLS for way, drive in c.ways.items()}
    for side, upper, lower in (("L", 386, 374), ("R", 159, 145)):
        gap = float(np.hypot(*(landmarks[upper, :2] - landmarks[lower, :2])))
        result[f"lid_upper.{side}", "-y"] = unit * min(max(gap, 0.06), 0.16)
    return result
