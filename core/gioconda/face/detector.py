"""Find boxes around faces in one square of a picture (BlazeFace). `plausibility` checks whether a box holds a face."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..models.runtime import Session
from .region import Float, Picture, Region, around

OVERLAP = 0.3  # boxes that overlap more are one face
KEYPOINTS = 6  # right eye, left eye, nose tip, mouth, right ear, left ear (the person's own)


@dataclass(frozen=True)
class FaceBox:
    """A face as the detector sees it.

    Attributes:
        keypoints: (6, 2) float64, pixels of the picture: right eye, left eye, nose tip, mouth, right ear, left ear.
        score: 0 to 1.
        centre: (2,) float64, the box's centre in the picture, pixels.
        size: the longer side of the box, pixels.
    """

    keypoints: Float
    score: float
    centre: Float
    size: float

    def region(self) -> Region:
        """The square that the landmark network looks at: around the box, upright by the eyes."""
        half = self.size / 2
        corners = np.stack([self.centre - half, self.centre + half])
        return around(corners, self.keypoints[0], self.keypoints[1])


class Detector:
    """One BlazeFace network with its anchors."""

    def __init__(self, session: Session, *, side: int, strides: tuple[int, ...], per_cell: int) -> None:
        """
        Args:
            session: the network.
            side: pixels of its square input.
            strides: the cell size of each anchor layer, pixels.
            per_cell: anchors in each cell of a layer.
        """
        self._session = session
        self._side = side
        self._anchors = _anchors(side, strides, per_cell)

    def detect(self, srgb: Picture, region: Region, *, threshold: float) -> list[FaceBox]:
        """The faces in `region` of a picture (H, W, 3) uint8 that score at least `threshold`, best first."""
        crop = region.crop(srgb, self._side, border="zero")
        image = crop.astype(np.float32)[None] / 127.5 - 1.0
        raw, logits = self._session.run({"image": image})
        scores = 1 / (1 + np.exp(-np.clip(logits[0, :, 0], -50, 50)))
        chosen = scores >= threshold
        boxes = _decoded(raw[0, chosen], self._anchors[chosen], self._side)
        return [_face_box(box, score, region, self._side) for box, score in _merged(boxes, scores[chosen])]


def _anchors(side: int, strides: tuple[int, ...], per_cell: int) -> Float:
    """The anchors' centres (A, 2) in pixels: row by row, layers of the same stride interleaved within each cell."""
    layers = []
    for stride in sorted(set(strides)):
        cells = side // stride
        y, x = np.mgrid[:cells, :cells].reshape(2, -1) + 0.5
        layers.append(np.repeat(np.stack([x, y], 1) * stride, per_cell * strides.count(stride), axis=0))
    return np.concatenate(layers).astype(np.float64)


def _decoded(raw: npt.NDArray[np.float32], anchors: Float, side: int) -> Float:
    """Network output (B, 16) → (B, 16): left, top, right, bottom, then the six keypoints' x, y; pixels of the crop."""
    values = raw.astype(np.float64).reshape(-1, 2 + KEYPOINTS, 2)
    centre, extent = values[:, 0] + anchors, values[:, 1]
    keypoints = values[:, 2:] + anchors[:, None]
    corners = np.concatenate([centre - extent / 2, centre + extent / 2], axis=1)
    return np.concatenate([corners, keypoints.reshape(-1, 2 * KEYPOINTS)], axis=1)


def _merged(boxes: Float, scores: npt.NDArray[np.floating[Any]]) -> list[tuple[Float, float]]:
    """Overlapping boxes become their mean, weighted by score; the best score is kept."""
    faces = []
    order = np.argsort(-scores, kind="stable")
    while len(order):
        best = order[0]
        same = overlap(boxes[best, :4], boxes[order, :4]) > OVERLAP
        same[0] = True
        group = order[same]
        faces.append((np.average(boxes[group], axis=0, weights=scores[group]), float(scores[best])))
        order = order[~same]
    return faces


def overlap(box: Float, others: Float) -> Float:
    """Intersection over union of one box (4,) with others (B, 4), 0 to 1."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    common = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(others[:, 2:] - others[:, :2], axis=1) + np.prod(box[2:] - box[:2])
    return np.asarray(common / np.maximum(areas - common, 1e-9), np.float64)


def _face_box(box: Float, score: float, region: Region, side: int) -> FaceBox:
    centre = region.to_picture((box[:2] + box[2:4]) / 2, side)
    size = float((box[2:4] - box[:2]).max()) * region.size / side
    return FaceBox(region.to_picture(box[4:].reshape(KEYPOINTS, 2), side), score, centre, size)
