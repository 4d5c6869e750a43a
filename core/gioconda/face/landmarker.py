"""Find the 478 points of one face, given roughly where it is."""

from __future__ import annotations

import numpy as np

from .detector import FaceBox
from .region import Float, Picture, Region, around_landmarks
from .runtime import Session

SIDE = 192  # pixels of the network's square input
SETTLED = 0.01  # the square moved by less than this part of its side: looking again changes nothing
MAX_LOOKS = 4


class Landmarker:
    """The landmark network (MediaPipe Face Mesh with attention)."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def look(self, srgb: Picture, region: Region) -> tuple[Float, float]:
        """The points of the face in `region` of a picture (H, W, 3) uint8.

        -> landmarks (478, 3) float64, pixels of the picture (see `landmarks` for the axes), and the network's probability, 0 to
        1, that there is a face in the square.
        """
        image = region.crop(srgb, SIDE).astype(np.float32)[None] / 255.0
        points, score = self._session.run({"image": image})
        return region.to_picture(points[0], SIDE), float(score[0, 0])

    def landmarks(self, srgb: Picture, box: FaceBox) -> tuple[Float, float]:
        """The points of the face in a detector's box: look, then look again at the square those points ask for, until it settles.

        -> as `look`. A second look that is less sure of seeing a face is thrown away.
        """
        region = box.region()
        points, score = self.look(srgb, region)
        for _ in range(MAX_LOOKS - 1):
            closer = around_landmarks(points)
            if _moved(region, closer) < SETTLED:
                break
            again, again_score = self.look(srgb, closer)
            if again_score < min(score, 0.9):
                break
            region, points, score = closer, again, again_score
        return points, score


def _moved(before: Region, after: Region) -> float:
    """How far the square's corners moved, in parts of its side."""
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    return float(np.abs(before.to_picture(corners, 1) - after.to_picture(corners, 1)).max() / after.size)
