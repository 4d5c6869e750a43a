"""The clips a portrait is re-enacted from: read, and cropped around the first face.

A clip becomes at most `MOST_FRAMES` square pictures of 512 px around the first frame's face (twice its size, centre
raised by 5 %), and the driver's landmarks in those pictures. Where the crop leaves the video, the border is repeated.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from gioconda.landmarks import FACE_POINTS
from gioconda.motion.motion import Motion
from gioconda.pose import euler_degrees, head_pose

from .metrics import Bytes

SIZE = 512
MOST_FRAMES = 220
FACE_MARGIN = 2.0
RAISED_BY = 0.05


@dataclass(frozen=True)
class Crop:
    """A square of a video frame: left, top, side, whole pixels; it may reach outside the frame."""

    left: int
    top: int
    side: int

    @classmethod
    def around(cls, landmarks: npt.NDArray[np.floating]) -> Crop:
        """Around one face, (478, 3) pixels."""
        low, high = landmarks[:FACE_POINTS, :2].min(0), landmarks[:FACE_POINTS, :2].max(0)
        side = float((high - low).max()) * FACE_MARGIN
        left, top = (low + high) / 2 - side / 2 - [0, RAISED_BY * side]
        return cls(round(left), round(top), round(side))

    def cut(self, frame: Bytes) -> Bytes:
        """The square as (SIZE, SIZE, 3), averaged down or bicubically up."""
        height, width = frame.shape[:2]
        x = np.clip(np.arange(self.left, self.left + self.side), 0, width - 1)
        y = np.clip(np.arange(self.top, self.top + self.side), 0, height - 1)
        method = cv2.INTER_AREA if self.side > SIZE else cv2.INTER_CUBIC
        return cv2.resize(frame[y][:, x], (SIZE, SIZE), interpolation=method)

    def into(self, landmarks: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Video pixels → pixels of the cut, (..., 478, 3)."""
        return (landmarks.astype(np.float64) - [self.left, self.top, 0]) * (SIZE / self.side)


@dataclass(frozen=True)
class Clip:
    """One clip, ready to be re-enacted.

    Attributes:
        name: the file's name without its suffix.
        frames: (F, 512, 512, 3) uint8 display sRGB.
        landmarks: (F, 478, 3) float64 pixels of `frames`: where the face is.
        motion: the driver, as the tracker gave it, in the video's pixels.
    """

    name: str
    frames: Bytes
    landmarks: npt.NDArray[np.float64]
    motion: Motion

    def chosen(self, step: int, most: int) -> list[int]:
        """The frames that are judged: every `step`-th after the first, at most `most`."""
        return list(range(0, len(self.frames), step))[1 : most + 1]

    def turned(self, frame: int) -> tuple[float, float, float]:
        """(yaw, pitch, roll) of a frame relative to the first, degrees."""
        now, then = (euler_degrees(head_pose(self.landmarks[i]).rotation) for i in (frame, 0))
        return now[0] - then[0], now[1] - then[1], now[2] - then[2]


def clip_from(name: str, frames: Iterable[Bytes], landmarks: npt.NDArray[np.floating], motion: Motion) -> Clip:
    """A clip from whole video frames and their landmarks, (F, 478, 3) of the video's pixels, none missing."""
    crop = Crop.around(landmarks[0])
    return Clip(name, np.stack([crop.cut(frame) for frame in frames]), crop.into(landmarks), motion)
