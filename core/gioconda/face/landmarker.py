"""Find the 478 points of one face, given roughly where it is."""

from __future__ import annotations

import numpy as np

from ..landmarks import mirrored
from ..models.runtime import Session
from .detector import FaceBox
from .region import Float, Picture, Region, around_landmarks

SIDE = 192  # pixels of the network's square input
SETTLED = 0.01  # the square moved by less than this part of its side: looking again changes nothing
MAX_LOOKS = 4
SURE = 0.9  # a score above which a further look cannot be a change for the worse
# Where a steady look is taken from: shifts and sizes in parts of the square's side, radians.
_VIEWPOINTS = ((0.0, 0.0, 1.0, 0.0), (0.02, 0.0, 1.03, 0.03), (-0.02, 0.0, 0.97, -0.03), (0.0, 0.02, 1.03, -0.03))


class Landmarker:
    """The landmark network (MediaPipe Face Mesh with attention)."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def look(self, srgb: Picture, region: Region, *, smooth: bool = True) -> tuple[Float, float]:
        """The points of the face in `region` of a picture (H, W, 3) uint8.

        -> landmarks (478, 3) float64, pixels of the picture (see `landmarks` for the axes), and the network's
        probability, 0 to 1, that there is a face in the square. With `smooth` off it computes what MediaPipe computes.
        """
        image = region.crop(srgb, SIDE, smooth=smooth).astype(np.float32)[None] / 255.0
        points, score = self._session.run({"image": image})
        return region.to_picture(points[0], SIDE), float(score[0, 0])

    def look_both_ways(self, srgb: Picture, region: Region) -> tuple[Float, float]:
        """As `look`, the mean of the answers to the square and to its mirror image: no lean to one side, less noise."""
        image = region.crop(srgb, SIDE, smooth=True).astype(np.float32) / 255.0
        points, score = self._session.run({"image": np.stack([image, image[:, ::-1]])})
        back = points[1][mirrored()]
        # The network takes pixel i of its input for coordinate i, so that pixel i of the mirror image is coordinate
        # SIDE − 1 − i.
        back[:, 0] = SIDE - 1 - back[:, 0]
        return region.to_picture((points[0] + back) / 2, SIDE), float(score.mean())

    def landmarks(self, srgb: Picture, box: FaceBox) -> tuple[Float, float]:
        """The points of the face in a detector's box.

        Look, then look again at the square those points ask for, until it settles. -> as `look`. A further look that is
        less sure of seeing a face is thrown away.
        """
        region = box.region()
        points, score = self.look(srgb, region)
        for _ in range(MAX_LOOKS - 1):
            closer = around_landmarks(points)
            if moved(region, closer) < SETTLED:
                break
            again, again_score = self.look(srgb, closer)
            if again_score < min(score, SURE):
                break
            region, points, score = closer, again, again_score
        return points, score

    def steady(self, srgb: Picture, landmarks: Float) -> Float:
        """The same face's points, seen from four viewpoints and both ways: a quarter of the noise of one look.

        landmarks: (478, 3) pixels, settled. -> (478, 3) float64, pixels.
        """
        straight = around_landmarks(landmarks)
        looks = [
            self.look_both_ways(
                srgb,
                Region(
                    straight.x + x * straight.size,
                    straight.y + y * straight.size,
                    straight.size * size,
                    straight.angle + angle,
                ),
            )[0]
            for x, y, size, angle in _VIEWPOINTS
        ]
        return np.asarray(np.mean(looks, axis=0), np.float64)


def moved(before: Region, after: Region) -> float:
    """How far the square's corners moved, in parts of its side."""
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    return float(np.abs(before.to_picture(corners, 1) - after.to_picture(corners, 1)).max() / after.size)
