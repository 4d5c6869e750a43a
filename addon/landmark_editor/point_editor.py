"""Moving and placing landmarks with a mouse, as states without a window. Pure: no bpy.

The operators translate events into calls; positions are picture pixels (x right, y down).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ...core.gioconda.landmarks import NAMED
from . import landmark_points as lp

Float = npt.NDArray[np.float64]
Place = tuple[float, float]
STEP = 1.25  # by how much a click of the wheel changes the falloff
SMALLEST, LARGEST = 0.02, 1.0  # of the falloff, head units
UNDO_STEPS = 200
MIN_POINTS = 4  # core completes no face from fewer


@dataclass(eq=False)
class PointEditor:
    """Drag points of a face, or its features.

    Attributes:
        landmarks: (478, 3) picture pixels, as shown now.
        radius: how far neighbours follow, head units.
        mirror: the other half of the face moves along, mirrored.
        point, feature: what is under the mouse.
        action: what the mouse does now: "" nothing, "point", "move", "turn" or "scale" a feature.
    """

    landmarks: Float
    radius: float = 0.18
    mirror: bool = False
    point: int | None = None
    feature: str = ""
    action: str = ""
    _from: Place = (0.0, 0.0)
    _at: Place = (0.0, 0.0)
    _before: Float | None = None
    _done: list[Float] = field(default_factory=list)
    _undone: list[Float] = field(default_factory=list)

    @property
    def hovered(self) -> tuple[int, ...]:
        """The points to highlight."""
        if self.feature:
            return lp.FEATURES[self.feature]
        return () if self.point is None else (self.point,)

    def hover(self, at: Place, reach_px: float, *, whole: bool = False) -> bool:
        """The mouse is at a place; `whole`: features, not points. Returns whether the highlight changed."""
        before = self.point, self.feature
        self.point = lp.nearest(self.landmarks, at, reach_px)
        self.feature = lp.feature_of(self.point) if whole and self.point is not None else ""
        return (self.point, self.feature) != before

    def begin(self, at: Place, action: str = "point") -> bool:
        """Start to drag what is under the mouse; False when nothing is."""
        if self.point is None or self.action:
            return False
        if action != "point" or self.feature:
            self.feature = self.feature or lp.feature_of(self.point)
            action = "move" if action == "point" else action
        self.action, self._from, self._at, self._before = action, at, at, self.landmarks
        return True

    def move(self, at: Place) -> None:
        """The mouse has moved while dragging."""
        self._at = at
        before = self._before
        if before is None or self.point is None:
            return
        by = (at[0] - self._from[0], at[1] - self._from[1])
        how = {"radius": self.radius, "mirror": self.mirror}
        if self.action == "point":
            self.landmarks = lp.dragged(before, self.point, by, **how)  # type: ignore[arg-type]
        elif self.action == "move":
            self.landmarks = lp.carried(before, self.feature, by, **how)  # type: ignore[arg-type]
        else:
            angle, factor = self._about_centre(before, at)
            turn = {"angle": angle} if self.action == "turn" else {"factor": factor}
            self.landmarks = lp.turned(before, self.feature, **turn, **how)  # type: ignore[arg-type]

    def _about_centre(self, before: Float, at: Place) -> tuple[float, float]:
        """By how much the mouse went around the feature's centre (radians), and away from it (factor).

        A drag that starts inside the feature counts as if it had started on its rim: no sudden turns near the centre.
        """
        members = before[list(lp.FEATURES[self.feature]), :2]
        middle = members.mean(0)
        rim = max(float(np.hypot(*(members - middle).T).mean()), 1.0)
        start = complex(*self._from) - complex(*middle)
        if abs(start) < rim:
            start = start / abs(start) * rim if start else complex(rim)
        moved = 1 + (complex(*at) - complex(*self._from)) / start
        return math.atan2(moved.imag, moved.real), min(max(abs(moved), 0.2), 5.0)

    def widen(self, clicks: int) -> None:
        """Neighbours follow farther (positive) or less far."""
        self.radius = min(max(self.radius * STEP**clicks, SMALLEST), LARGEST)
        self.move(self._at)

    def set_mirror(self, mirror: bool) -> None:
        """Let the other half of the face move along, or not; in the middle of a drag as well."""
        self.mirror = mirror
        self.move(self._at)

    def release(self) -> bool:
        """The drag is finished. Returns whether anything has moved."""
        before, self._before, self.action = self._before, None, ""
        if before is None or np.array_equal(before, self.landmarks):
            return False
        self._done = [*self._done, before][-UNDO_STEPS:]
        self._undone = []
        return True

    def cancel(self) -> bool:
        """Put back what is being dragged. Returns whether anything was."""
        if self._before is None:
            return False
        self.landmarks, self._before, self.action = self._before, None, ""
        return True

    def undo(self) -> bool:
        """The last drag is undone; False when there is none."""
        if self.action or not self._done:
            return False
        self._undone.append(self.landmarks)
        self.landmarks = self._done.pop()
        return True

    def redo(self) -> bool:
        """The last undone drag is done again; False when there is none."""
        if self.action or not self._undone:
            return False
        self._done.append(self.landmarks)
        self.landmarks = self._undone.pop()
        return True


@dataclass(eq=False)
class PointPlacer:
    """Place named points one after the other.

    Attributes:
        size: (width, height) of the picture: points stay inside.
        named: name → place of the points placed so far, in the order of placing.
        skipped: names that were passed over.
        dragging: name of the point that follows the mouse.
    """

    size: tuple[int, int]
    named: dict[str, Place] = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)
    dragging: str = ""

    @property
    def wanted(self) -> tuple[str, str] | None:
        """Name of the next point, and where it is on a face; None when all are placed."""
        return lp.next_to_place({**self.named, **dict.fromkeys(self.skipped, (0.0, 0.0))})

    @property
    def enough(self) -> bool:
        """Whether core can complete the face."""
        return len(self.named) >= MIN_POINTS

    def press(self, at: Place, reach_px: float) -> None:
        """Take hold of a placed point, or place the next one."""
        near = {name: math.dist(at, place) for name, place in self.named.items()}
        closest = min(near, key=lambda name: near[name], default="")
        if closest and near[closest] <= reach_px:
            self.dragging = closest
        elif (wanted := self.wanted) is not None:
            self.dragging = wanted[0]
            self.move(at)

    def move(self, at: Place) -> None:
        """The point that is held follows the mouse, inside the picture."""
        if self.dragging:
            x, y = (min(max(value, 0.0), float(side)) for value, side in zip(at, self.size, strict=True))
            self.named[self.dragging] = (x, y)

    def release(self) -> None:
        """Let go of the point."""
        self.dragging = ""

    def back(self) -> bool:
        """Take away the last point that was placed or passed over; False when there is none."""
        order = [name for name, _ in lp.GUIDE if name in self.named or name in self.skipped]
        if not order:
            return False
        self.named.pop(order[-1], None)
        self.skipped.discard(order[-1])
        return True

    def skip(self) -> None:
        """Go on to the next point without placing this one."""
        if self.wanted is not None:
            self.skipped.add(self.wanted[0])

    @property
    def guess(self) -> Float | None:
        """The face that the points suggest, (478, 3) pixels."""
        return lp.guessed({name: place for name, place in self.named.items() if name in NAMED})
