"""Shoulders that take part in the head's turn: the body about the spine, a part of the head's angle."""

from __future__ import annotations

import numpy as np

from ..arrays import Float
from ..pose import HeadPose, Pose, euler_degrees, rotation_matrix
from .kernels import smoothstep

_SPINE = np.array([0.0, 1.75, 1.5])  # head space: where the neck ends
_HELD = 0.5  # head units: so near to the picture's border the body stays, or it would come off it


class Shoulders:
    """The body of a portrait in a pose; the head is none of it.

    rest: the head's pose in the portrait; size: width and height of the picture.
    """

    def __init__(self, rest: HeadPose, pose: Pose, size: tuple[int, int]) -> None:
        self.rest, self.size = rest, size
        self.degrees = pose.shoulders * euler_degrees(pose.rotation)[0] if pose.shoulders else 0.0

    def moved(self, points: Float) -> Float:
        """Points of the portrait (N, 3), pixels, as far as they are body."""
        if self.degrees == 0:
            return points
        spine = self.rest.to_picture(_SPINE)
        turned = spine + (points - spine) @ rotation_matrix(yaw=self.degrees).T
        width, height = self.size
        inside = np.minimum(np.minimum(points[:, 0], width - points[:, 0]), height - points[:, 1])
        follows = smoothstep(inside / (_HELD * self.rest.scale))[:, None]
        return np.asarray(points + follows * (turned - points))
