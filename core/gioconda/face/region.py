"""The square of a picture that a network looks at: where it is, how to cut it out, how to carry points back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..imaging import resample
from ..landmarks import EYE_OUTER_LEFT, EYE_OUTER_RIGHT

Float = npt.NDArray[np.float64]
Picture = npt.NDArray[np.uint8]

MARGIN = 1.5  # a face's square is this much larger than its box (MediaPipe's face_landmark graphs)


@dataclass(frozen=True)
class Region:
    """A square in picture space.

    Attributes:
        x, y: its centre, pixels.
        size: its side, pixels, > 0.
        angle: radians, clockwise as seen in the picture: its own x axis is the picture's turned by that much.
    """

    x: float
    y: float
    size: float
    angle: float = 0.0

    @property
    def axes(self) -> Float:
        """(2, 2): columns are the square's own x and y directions in the picture, unit length."""
        cosine, sine = np.cos(self.angle), np.sin(self.angle)
        return np.array([[cosine, -sine], [sine, cosine]])

    def offset(self, x: float, y: float, size: float, angle: float) -> Region:
        """Shifted by x and y (parts of its side), `size` times as large, turned by `angle`."""
        return Region(self.x + x * self.size, self.y + y * self.size, self.size * size, self.angle + angle)

    def to_picture(self, points: npt.NDArray[np.floating[Any]], side: int) -> Float:
        """Points (…, 2 or 3) in a crop of `side` pixels → picture pixels; a z is scaled like x."""
        scale = self.size / side
        carried = np.array(points, np.float64)
        carried[..., :2] = (carried[..., :2] - side / 2) * scale @ self.axes.T + (self.x, self.y)
        carried[..., 2:] *= scale
        return carried

    def crop(self, srgb: Picture, side: int, *, border: resample.Border = "replicate", smooth: bool = False) -> Picture:
        """The square as a picture of `side` × `side` pixels, (side, side, 3) uint8.

        The crop's pixel i, not its corner, shows the square's coordinate i, as in MediaPipe's graphs: that is how the
        networks count. Sampled bilinearly, also like MediaPipe; `smooth` averages the picture down first, for less
        noise in what the network predicts.
        """
        scale = self.size / side
        matrix = np.empty((2, 3))
        matrix[:, :2] = self.axes * scale
        matrix[:, 2] = np.array([self.x, self.y]) - matrix[:, :2] @ np.full(2, side / 2 + 0.5)
        part, corner = self._part(srgb)
        matrix[:, 2] -= corner
        return resample.warp_affine(part, matrix, side, side, border=border, method="area" if smooth else "linear")

    def _part(self, srgb: Picture) -> tuple[Picture, Float]:
        """The part of the picture that a crop needs, and its upper left corner: small faces are cheap."""
        height, width = srgb.shape[:2]
        reach = self.size * (abs(np.cos(self.angle)) + abs(np.sin(self.angle))) / 2 + 8
        left, right = (int(np.clip(self.x + side, 0, width)) for side in (-reach, reach))
        top, bottom = (int(np.clip(self.y + side, 0, height)) for side in (-reach, reach))
        if right - left < 2 or bottom - top < 2:  # the square lies beside the picture
            return srgb, np.zeros(2)
        return srgb[top:bottom, left:right], np.array([left, top], np.float64)


def whole_picture(srgb: Picture, angle: float = 0.0) -> Region:
    """The smallest square around the picture's centre that holds all of it, turned by `angle`."""
    height, width = srgb.shape[:2]
    cosine, sine = abs(np.cos(angle)), abs(np.sin(angle))
    size = max(width * cosine + height * sine, width * sine + height * cosine)
    return Region(width / 2, height / 2, float(size), angle)


def around(points: Float, right: Float, left: Float) -> Region:
    """The upright-face square around points (P, 2): as MediaPipe makes it, from their box in the picture.

    Args:
        points: pixels.
        right, left: (2,) pixels, two points on a line that is level on an upright face (the person's right one first).
    """
    low, high = points.min(0), points.max(0)
    centre = (low + high) / 2
    line = left - right
    return Region(
        float(centre[0]), float(centre[1]), float((high - low).max() * MARGIN), float(np.arctan2(line[1], line[0]))
    )


def around_landmarks(landmarks: npt.NDArray[np.floating[Any]]) -> Region:
    """The square in which the 478 points, pixels, are to be predicted again once they are roughly known."""
    xy = np.asarray(landmarks[:, :2], np.float64)
    return around(xy, xy[EYE_OUTER_RIGHT], xy[EYE_OUTER_LEFT])
