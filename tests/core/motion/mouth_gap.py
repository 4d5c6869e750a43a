"""How open a mouth is, for tests."""

from __future__ import annotations

import numpy as np
from gioconda import landmarks


def mouth_gap(face: np.ndarray) -> float:
    """How far the lips of a face (478, 3) in head space are apart in the middle, by the mouth's width; 0 when shut."""
    width = np.linalg.norm(face[landmarks.MOUTH_LEFT] - face[landmarks.MOUTH_RIGHT])
    gap = (face[[87, 14, 317], 1] - face[[82, 13, 312], 1]).mean()
    return max(float(gap / width), 0.0)
