"""The landmark rig's controls: where each sits on the face, how far it goes, which channels it drives. Pure: no bpy.

A control moves in the picture's plane; each direction it can go in drives ARKit channels. Travels are head units (the
distance between the outer eye corners is 1), chosen so that a control stays on the skin it moves: they are the lengths
of core's expression basis at its landmark, made longer where those are too short to handle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources

import numpy as np
import numpy.typing as npt
import yaml

from ....core.gioconda import landmarks as lm

Float = npt.NDArray[np.float64]

AXES = {"+x": (0, 1), "-x": (0, -1), "+y": (1, 1), "-y": (1, -1)}  # direction → axis of the bone, sign


@dataclass(frozen=True)
class Direction:
    """One direction of a control: `travel` head units to the end, and what is driven there, channel → value."""

    travel: float
    channels: Mapping[str, float]

    def mirrored(self) -> Direction:
        """Left channels become right ones; "Out" and "In" of the eyes keep their meaning."""
        named = {
            name.removesuffix("Left") + "Right" if name.endswith("Left") else name: value
            for name, value in self.channels.items()
        }
        return Direction(self.travel, named)


@dataclass(frozen=True)
class Control:
    """One bone.

    Attributes:
        name: of the bone, with .L or .R: the person's own sides.
        points: it sits in the middle of these landmarks.
        parent: another control's name; "" for the head.
        shape: of `shapes.SHAPES`; size: head units across.
        group: bone collection and colour.
        directions: "+x" (to the picture's right), "-x", "+y" (up), "-y" → how far and what for. Missing: not that way.
    """

    name: str
    points: tuple[int, ...]
    parent: str
    shape: str
    size: float
    group: str
    directions: Mapping[str, Direction]

    def mirrored(self) -> Control:
        """The same control of the person's right side."""
        swap = {"+x": "-x", "-x": "+x"}
        other = tuple(int(lm.mirrored()[point]) for point in self.points)
        directions = {swap.get(name, name): direction.mirrored() for name, direction in self.directions.items()}
        return replace(self, name=_right(self.name), points=other, parent=_right(self.parent), directions=directions)


def _right(name: str) -> str:
    return name.removesuffix(".L") + ".R" if name.endswith(".L") else name


def _read(text: str) -> tuple[Control, ...]:
    """All of controls.yaml, in its order, the right sides last: every control is listed after its parent."""
    listed = []
    for name, entry in yaml.safe_load(text).items():
        directions = {way: Direction(*entry.pop(way)) for way in AXES if way in entry}
        listed.append(Control(name, tuple(entry.pop("at")), **entry, directions=directions))
    return (*listed, *(control.mirrored() for control in listed if control.name.endswith(".L")))


CONTROLS = _read(resources.files(__package__).joinpath("controls.yaml").read_text(encoding="utf-8"))
HEAD = CONTROLS[0]
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
        for name, direction in control.directions.items():
            axis, sign = AXES[name]
            length, component = travels[control.name, name], f"LOC_{'XY'[axis]}"
            for channel, value in direction.channels.items():
                result.append(Row(control.name, component, channel, sign * value / length))
    return result + [Row(f"head/{slider}", "VALUE", channel, 1.0) for slider, channel in SLIDERS.items()]


def travels(landmarks: Float, unit: float) -> dict[tuple[str, str], float]:
    """How far each control goes in each of its directions, scene units, on this face.

    Args:
        landmarks: (478, 3) in any space in which a head unit is 1.
        unit: scene units per head unit.

    Upper lids go as far as the eye is open, so that a control pulled to the lower lid shuts the eye.
    """
    result = {(c.name, name): unit * direction.travel for c in CONTROLS for name, direction in c.directions.items()}
    for side, upper, lower in (("L", 386, 374), ("R", 159, 145)):
        gap = float(np.hypot(*(landmarks[upper, :2] - landmarks[lower, :2])))
        result[f"lid_upper.{side}", "-y"] = unit * min(max(gap, 0.06), 0.16)
    return result
