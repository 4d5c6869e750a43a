"""The landmark drawing, part of a model's contract: line width, colours and background are fixed here and nowhere else.

A checkpoint trained on one drawing is useless with another: `STYLE` goes into every checkpoint and is compared.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ... import landmarks as lm
from ...imaging import draw as shapes

STYLE = "gioconda-68-1"  # change it with anything below
WIDTH = 0.008  # of the picture's side
_68 = np.array(lm.IBUG68)
_LINES: tuple[tuple[tuple[int, ...], bool, tuple[float, float, float]], ...] = (
    (tuple(range(17)), False, (0.0, 1.0, 0.0)),  # jaw
    (tuple(range(17, 22)), False, (1.0, 0.5, 0.0)),  # right brow
    (tuple(range(22, 27)), False, (1.0, 0.5, 0.0)),
    (tuple(range(27, 31)), False, (0.0, 0.0, 1.0)),  # nose
    (tuple(range(31, 36)), False, (0.0, 0.0, 1.0)),
    (tuple(range(36, 42)), True, (1.0, 0.0, 0.0)),  # eyes
    (tuple(range(42, 48)), True, (1.0, 0.0, 0.0)),
    (tuple(range(48, 60)), True, (1.0, 0.0, 1.0)),  # lips
    (tuple(range(60, 68)), True, (0.0, 1.0, 1.0)),
)


def draw(points: npt.NDArray[np.floating], size: int) -> npt.NDArray[np.float32]:
    """Landmarks (478, 2 or 3) in 0..1 of the picture's side → (size, size, 3) float32 lines on black."""
    picture = np.zeros((size, size, 3), np.float32)
    placed = points[_68, :2].astype(np.float64) * size
    for line, closed, colour in _LINES:
        cover = shapes.polyline_coverage(placed[list(line)], size, size, thickness_px=WIDTH * size, closed=closed)
        picture += cover[..., None] * (np.array(colour, np.float32) - picture)
    return picture
