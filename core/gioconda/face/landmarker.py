"""Find the 478 points of one face, given roughly where it is."""

from __future__ import annotations

import numpy as np

from ..landmarks import mirrored
from ..models.runtime import Session
from .detector import FaceBox
from .region import Float, Picture, Region, around_landmarks

SIDE = 192  # pixels of the network's square input
CONVERGED = 0.01  # the square moved by less than this part of its side: another prediction changes nothing
MAX_PREDICTIONS = 4
CERTAIN = 0.9  # a score above which another prediction is not rejected for scoring lower
# The squares that are averaged: shifts and sizes in parts of the square's side, radians.
_OFFSETS = ((0.0, 0.0, 1.0, 0.0), (0.02, 0.0, 1.03, 0.03), (-0.02, 0.0, 0.97, -0.03), (0.0, 0.02, 1.03, -0.03))


class Landmarker:
    """The landmark network (MediaPipe Face Mesh with attention)."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def predict(self, srgb: Picture, region: Region, *, smooth: bool = True) -> tuple[Float, float]:
        """The points of the face in `region` of a picture (H, W, 3) uint8.

        -> landmarks (478, 3) float64, pixels of the picture (see `landmarks` for the axes), and the network's
        probability, 0 to 1, that there is a face in the square. With `smooth` off it computes what MediaPipe computes.
        """
        image = region.crop(srgb, SIDE, smooth=smooth).astype(np.float32)[None] / 255.0
        points, score = self._session.run({"image": image})
        return region.to_picture(points[0], SIDE), float(score[0, 0])

    def predict_with_mirror(self, srgb: Picture, region: Region) -> tuple[Float, float]:
        """As `predict`, the mean over the square and its mirror image: no bias to one side, less noise."""
        image = region.crop(srgb, SIDE, smooth=True).astype(np.float32) / 255.0
        points, score = self._session.run({"image": np.stack([image, image[:, ::-1]])})
        unmirrored = points[1][mirrored()]
        # The network takes pixel i of its input for coordinate i, so that pixel i of the mirror image is coordinate
        # SIDE − 1 − i.
        unmirrored[:, 0] = SIDE - 1 - unmirrored[:, 0]
        return region.to_picture((points[0] + unmirrored) / 2, SIDE), float(score.mean())

    def landmarks(self, srgb: Picture, box: FaceBox) -> tuple[Float, float]:
        """The points of the face in a detector's box.

        Predict, then predict again in the square around those points, until it converges. -> as `predict`. A further
        prediction with a lower score is rejected.
        """
        region = box.region()
        points, score = self.predict(srgb, region)
        for _ in range(MAX_PREDICTIONS - 1):
            closer = around_landmarks(points)
            if moved(region, closer) < CONVERGED:
                break
            again, again_score = self.predict(srgb, closer)
            if again_score < min(score, CERTAIN):
                break
            region, points, score = closer, again, again_score
        return points, score

    def averaged(self, srgb: Picture, landmarks: Float) -> Float:
        """The same face's points as the mean of four squares and their mirror images: a quarter of the noise of one.

        landmarks: (478, 3) pixels, converged. -> (478, 3) float64, pixels.
        """
        square = around_landmarks(landmarks)
        predicted = [self.predict_with_mirror(srgb, square.offset(*offset))[0] for offset in _OFFSETS]
        return np.asarray(np.mean(predicted, axis=0), np.float64)


def moved(before: Region, after: Region) -> float:
    """How far the square's corners moved, in parts of its side."""
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    return float(np.abs(before.to_picture(corners, 1) - after.to_picture(corners, 1)).max() / after.size)
