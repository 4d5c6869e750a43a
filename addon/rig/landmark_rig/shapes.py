"""The landmark rig's handles as wire drawings, one unit across, x right, y up, facing z. Pure: no bpy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Strokes = list[tuple[Float, bool]]  # (N, 2) points, and whether the line closes


def _arc(first: float, last: float, count: int, width: float = 1.0, height: float = 1.0) -> Float:
    """Part of an ellipse, degrees counted from the right, anticlockwise."""
    angle = np.radians(np.linspace(first, last, count))
    return np.column_stack([np.cos(angle) * width / 2, np.sin(angle) * height / 2])


def _circle(diameter: float = 1.0) -> tuple[Float, bool]:
    return _arc(0, 337.5, 16, diameter, diameter), True


def _lines(*points: tuple[float, float]) -> Float:
    return np.array(points, np.float64)


_LID = np.concatenate([_arc(160, 20, 9, 1.0, 0.7), _arc(20, 160, 9, 1.0, 0.35)])
SHAPES: dict[str, Strokes] = {
    "circle": [_circle()],
    "target": [_circle(), _circle(0.45), (_lines((-0.7, 0), (-0.3, 0)), False), (_lines((0.3, 0), (0.7, 0)), False)]
    + [(_lines((0, -0.7), (0, -0.3)), False), (_lines((0, 0.3), (0, 0.7)), False)],
    "diamond": [(_lines((0, 0.5), (0.5, 0), (0, -0.5), (-0.5, 0)), True)],
    "square": [(_lines((-0.4, -0.4), (0.4, -0.4), (0.4, 0.4), (-0.4, 0.4)), True)],
    "triangle up": [(_lines((-0.5, -0.3), (0.5, -0.3), (0, 0.5)), True)],
    "triangle down": [(_lines((-0.5, 0.3), (0.5, 0.3), (0, -0.5)), True)],
    "lid up": [(_LID, True)],
    "lid down": [(_LID * (1, -1), True)],
    "jaw": [(_arc(200, 340, 15, 1.0, 0.7) + (0, 0.2), False), (_arc(340, 200, 15, 0.75, 0.4) + (0, 0.2), False)]
    + [(_lines((-0.47, 0.08), (-0.352, 0.132)), False), (_lines((0.47, 0.08), (0.352, 0.132)), False)],
    "mouth": [(_arc(35, 145, 15, 1.0, 0.62), False), (_arc(215, 325, 15, 1.0, 0.62), False)],
}


def wire(parts: Strokes) -> tuple[list[tuple[float, float, float]], list[tuple[int, int]]]:
    """Strokes as a mesh: vertices (x, y, 0) and edges."""
    vertices: list[tuple[float, float, float]] = []
    edges: list[tuple[int, int]] = []
    for points, closed in parts:
        first, count = len(vertices), len(points)
        vertices += [(float(x), float(y), 0.0) for x, y in points]
        edges += [(first + i, first + i + 1) for i in range(count - 1)]
        if closed:
            edges.append((first + count - 1, first))
    return vertices, edges
