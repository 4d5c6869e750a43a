"""Looking at a picture through the networks' squares while its rows go by: whole, or in bands of any height.

looking = Looking(crops, width, height)
looking.take(row, combined, matte)         # from top to bottom
looking.seen(gain)                         # encoded colours and matte of each square
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..engine import kernels
from ..engine.apply_kernels import srgb_tables
from ..engine.crop_kernels import average, sample
from .crops import Crop

Float32 = npt.NDArray[np.float32]
ENCODE = srgb_tables()[0]


class Looking:
    """What squares see of one picture.

    Attributes:
        rows: (first, last + 1) of the picture that the squares need.
    """

    def __init__(self, crops: Sequence[Crop], width: int, height: int) -> None:
        self.crops = tuple(crops)
        self._boxes = [np.array(crop.box(width, height), np.int32) for crop in self.crops]
        self._sums = [_nothing(crop, box) for crop, box in zip(self.crops, self._boxes, strict=True)]
        self.rows = min(int(box[1]) for box in self._boxes), max(int(box[3]) for box in self._boxes)

    def take(self, row: int, combined: Float32, matte: Float32) -> None:
        """The next rows, from `row` on. combined: (rows, W, 4), scene-linear; matte: (rows, W)."""
        for box, sums in zip(self._boxes, self._sums, strict=True):
            if row < box[3] and row + len(combined) > box[1]:
                with kernels.ONE_AT_A_TIME:
                    average(combined, matte, row, box, sums)

    def seen(self, gain: float) -> list[Float32]:
        """(4, size, size) of each square: encoded red, green, blue, and the matte."""
        views = []
        for crop, box, sums in zip(self.crops, self._boxes, self._sums, strict=True):
            view = np.empty((4, crop.size, crop.size), np.float32)
            sample(sums, _into(crop, box, sums), np.float32(gain), ENCODE, view)
            views.append(view)
        return views


def _nothing(crop: Crop, box: npt.NDArray[np.int32]) -> Float32:
    """Averages over about as many pixels as one of the square's covers, still empty; never more than there are."""
    across, down = np.hypot(crop.to_picture[:, 0], crop.to_picture[:, 1])
    width, height = int(box[2] - box[0]), int(box[3] - box[1])
    return np.zeros((max(1, round(height / max(1.0, down))), max(1, round(width / max(1.0, across))), 4), np.float32)


def _into(crop: Crop, box: npt.NDArray[np.int32], sums: Float32) -> Float32:
    """(2, 3): the square's pixels → those of its averages."""
    moved = crop.to_picture.copy()
    moved[:, 2] -= box[:2]
    scale = np.array([sums.shape[1] / (box[2] - box[0]), sums.shape[0] / (box[3] - box[1])])
    return np.ascontiguousarray(moved * scale[:, None], np.float32)
