"""Crops of a picture, sampled while its rows go by: whole, or in bands of any height.

sampler = CropSampler(crops, width, height)
sampler.add_rows(row, combined, matte)     # from top to bottom
sampler.result(gain)                       # encoded colours and matte of each crop
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arrays import Float32
from ..engine.apply_kernels import CURVE
from ..engine.crop_kernels import average, sample
from .crops import Crop


class CropSampler:
    """The crops of one picture.

    Attributes:
        rows: (first, last + 1) of the picture that the crops need.
    """

    def __init__(self, crops: Sequence[Crop], width: int, height: int) -> None:
        self.crops = tuple(crops)
        self._boxes = [np.array(crop.box(width, height), np.int32) for crop in self.crops]
        self._sums = [
            np.zeros((*crop.averages(box), 4), np.float32) for crop, box in zip(self.crops, self._boxes, strict=True)
        ]
        self.rows = min(int(box[1]) for box in self._boxes), max(int(box[3]) for box in self._boxes)

    def add_rows(self, row: int, combined: Float32, matte: Float32) -> None:
        """The next rows, from `row` on. combined: (rows, W, 4), scene-linear; matte: (rows, W)."""
        for box, sums in zip(self._boxes, self._sums, strict=True):
            if row < box[3] and row + len(combined) > box[1]:
                average(combined, matte, row, box, sums)

    def result(self, gain: float) -> list[Float32]:
        """(4, size, size) of each crop: encoded red, green, blue, and the matte."""
        views = []
        for crop, box, sums in zip(self.crops, self._boxes, self._sums, strict=True):
            view = np.empty((4, crop.size, crop.size), np.float32)
            into = np.ascontiguousarray(crop.to_averages(box), np.float32)
            sample(sums, into, np.float32(gain), CURVE.encode, view)
            views.append(view)
        return views
