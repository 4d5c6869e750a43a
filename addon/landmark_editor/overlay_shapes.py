"""Shapes drawn over the portrait: landmarks, faces, handles, guide. Pure: no bpy, standard library and numpy.

From picture space (pixels, x right, y down) to `Shape`s in the Image Editor's region (pixels, x right, y up).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ...core.gioconda import landmarks as lm
from . import landmark_points as lp

Float = npt.NDArray[np.floating]
Colour = tuple[float, float, float, float]
Box = tuple[float, float, float, float]  # left, top, right, bottom, picture pixels

WHITE, RED, CYAN = (1.0, 1.0, 1.0, 0.75), (1.0, 0.42, 0.42, 0.95), (0.4, 0.87, 1.0, 0.95)
YELLOW, GREEN, GREY = (1.0, 0.86, 0.25, 1.0), (0.5, 1.0, 0.5, 0.95), (1.0, 1.0, 1.0, 0.35)
ORANGE, TINT, SHADOW = (1.0, 0.55, 0.1, 1.0), (0.1, 0.55, 1.0, 0.4), (0.0, 0.0, 0.0, 0.45)
NOSE = (168, 6, 197, 195, 5, 4, 1, 2)
NOSTRILS = (129, 98, 2, 327, 358)
CONTOURS: tuple[tuple[tuple[int, ...], bool, Colour], ...] = (
    (lm.OVAL, True, WHITE),
    (NOSE, False, WHITE),
    (NOSTRILS, False, WHITE),
    (lm.BROW_RIGHT, True, GREEN),
    (lm.BROW_LEFT, True, GREEN),
    (lm.LIPS_OUTER, True, RED),
    (lm.LIPS_INNER, True, RED),
    (lm.EYE_RIGHT, True, CYAN),
    (lm.EYE_LEFT, True, CYAN),
)
MATTE_SIDE = 512  # pixels: larger mattes are thinned out for the tint
_RING = np.column_stack([np.cos(_a := np.linspace(0, 2 * np.pi, 25)), np.sin(_a)])


@dataclass(frozen=True)
class View:
    """Where a picture lies in a region: region = origin + scale · picture, with y turned upwards.

    Attributes:
        origin: (x, y) of the picture's top-left corner, region pixels.
        scale: (x, y) region pixels per picture pixel, > 0.
    """

    origin: tuple[float, float]
    scale: tuple[float, float]

    def to_region(self, points: Float) -> Float:
        """(N, 2 or more) picture pixels → (N, 2) float64 region pixels."""
        return np.asarray(points, np.float64)[:, :2] * (self.scale[0], -self.scale[1]) + self.origin

    def to_picture(self, x: float, y: float) -> tuple[float, float]:
        """A place in the region, such as the mouse's → picture pixels."""
        return (x - self.origin[0]) / self.scale[0], (self.origin[1] - y) / self.scale[1]


@dataclass(frozen=True, eq=False)
class Shape:
    """Something to draw in one colour. kind: "lines" (strips) or "triangles"; points: (N, 2) region pixels each."""

    kind: str
    colour: Colour
    points: Float
    width: float = 1.5


@dataclass
class Editing:
    """What an operator that works in the Image Editor wants shown on top.

    Attributes:
        tree: session_uid of the portrait's node tree.
        landmarks: (478, 3) picture pixels, stand in for the stored ones while the operator runs.
        hovered: the points under the mouse.
        named: points placed by hand so far, with the face they suggest and the name of the next one.
        text: what to do next, shown at the top of the picture.
        picking: a face is being chosen; face: number of the box under the mouse.
    """

    tree: int
    landmarks: Float | None = None
    hovered: tuple[int, ...] = ()
    named: dict[str, tuple[float, float]] = field(default_factory=dict)
    guess: Float | None = None
    wanted: str = ""
    text: str = ""
    picking: bool = False
    face: int = 0


def contours(landmarks: Float, view: View, *, faint: bool = False) -> Iterator[Shape]:
    """The outlines of a face, (478, 3) picture pixels."""
    region = view.to_region(landmarks)
    for index, closed, colour in CONTOURS:
        strip = region[list(index + index[:1] if closed else index)]
        yield Shape("lines", GREY if faint else colour, strip)
    for _, right, top, left, bottom in (lm.IRIS_RIGHT, lm.IRIS_LEFT):
        middle = region[[right, top, left, bottom]].mean(0)
        across, along = (region[right] - region[left]) / 2, (region[top] - region[bottom]) / 2
        yield Shape("lines", GREY if faint else YELLOW, middle + _RING[:, :1] * across + _RING[:, 1:] * along)


def discs(points: Float, colour: Colour, radius: float) -> Shape:
    """Small discs at region pixels (N, 2)."""
    ring = _RING[::3] * radius
    fan = np.stack([np.zeros((8, 2)), ring[:-1], ring[1:]], axis=1).reshape(-1, 2)
    return Shape("triangles", colour, (np.asarray(points)[:, None, :2] + fan).reshape(-1, 2))


def box(corners: Box, view: View, colour: Colour, width: float = 1.5) -> Shape:
    """A rectangle of the picture."""
    left, top, right, bottom = corners
    loop = np.array([[left, top], [right, top], [right, bottom], [left, bottom], [left, top]])
    return Shape("lines", colour, view.to_region(loop), width)


def handles(landmarks: Float, view: View, hovered: tuple[int, ...], unit: float) -> Iterator[Shape]:
    """The points that can be picked, those under the mouse larger. `unit`: region pixels of one interface pixel."""
    region = view.to_region(landmarks)
    quiet = [i for i in lp.HANDLES if i not in hovered]
    yield discs(region[quiet], SHADOW, 3.2 * unit)
    yield discs(region[quiet], (1.0, 1.0, 1.0, 0.9), 2.2 * unit)
    if hovered:
        yield discs(region[list(hovered)], SHADOW, 5.5 * unit)
        yield discs(region[list(hovered)], ORANGE, 4.2 * unit)


def guide(edit: Editing, view: View, unit: float) -> Iterator[Shape]:
    """The points placed so far, the face they suggest, and a ring where the next one is expected."""
    if edit.guess is not None:
        yield from contours(edit.guess, view, faint=True)
    if edit.named:
        placed = view.to_region(np.array(list(edit.named.values())))
        yield discs(placed, SHADOW, 5.5 * unit)
        yield discs(placed, GREEN, 4.2 * unit)
    if edit.guess is not None and edit.wanted:
        centre = view.to_region(edit.guess[[lm.NAMED[edit.wanted]]])
        ring = centre + _RING * 9 * unit
        yield Shape("lines", ORANGE, ring, 2.0)


def faces_of(text: str) -> list[Box]:
    """The stored boxes, leftmost first; none for a text that holds none."""
    try:
        boxes = json.loads(text) if text else []
        return [tuple(float(side) for side in corners) for corners in boxes if len(corners) == 4]  # type: ignore[misc]
    except (ValueError, TypeError):
        return []


def face_at(faces: list[Box], x: float, y: float) -> int:
    """The number of the smallest box around a place in the picture, 1 is the leftmost; 0: none."""
    inside = [
        ((right - left) * (bottom - top), number)
        for number, (left, top, right, bottom) in enumerate(faces, 1)
        if left <= x <= right and top <= y <= bottom
    ]
    return min(inside)[1] if inside else 0


def thinned(matte: Float) -> npt.NDArray[np.float32]:
    """A matte (H, W), rows top-down → a white picture with it as alpha, (h, w, 4) float32, rows bottom-up, small."""
    step = max(1, -(-max(matte.shape) // MATTE_SIDE))
    small = np.asarray(matte, np.float32)[::step, ::step][::-1]
    result = np.ones((*small.shape, 4), np.float32)
    result[..., 3] = np.clip(small, 0, 1)
    return result


def shapes_for(portrait: Any, edit: Editing | None, view: View, unit: float) -> list[Shape]:
    """Everything to draw for a portrait (its `PortraitSettings`), from back to front.

    Raises: InputError: its stored landmarks cannot be read.
    """
    show = portrait.overlay
    points = lp.from_text(portrait.landmarks)
    landmarks = points.landmarks if points else None
    if edit is not None and edit.landmarks is not None:
        landmarks = edit.landmarks
    result: list[Shape] = []
    faces = faces_of(portrait.faces)
    if len(faces) > 1 and (show.faces or (edit is not None and edit.picking)):
        for number, corners in enumerate(faces, 1):
            result.append(box(corners, view, *_box_look(number, portrait.face, edit)))
    if landmarks is not None and show.points:
        region = view.to_region(landmarks)
        result += [discs(region, SHADOW, 1.9 * unit), discs(region, WHITE, 1.2 * unit)]
    if landmarks is not None and (show.landmarks or edit is not None):
        result += contours(landmarks, view)
    if edit is not None and edit.landmarks is not None:
        result += handles(edit.landmarks, view, edit.hovered, unit)
    named = edit.named if edit is not None else points.named if points else {}
    if named:
        result += guide(edit or Editing(0, named=named, guess=lp.guessed(named)), view, unit)
    return result


def _box_look(number: int, chosen: int, edit: Editing | None) -> tuple[Colour, float]:
    if edit is not None and edit.face == number:
        return ORANGE, 3.0
    return (YELLOW, 2.0) if number == chosen else (WHITE, 1.5)
