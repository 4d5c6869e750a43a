"""Search for faces in steps of growing effort: the whole picture, then turned, then in tiles, then in turned tiles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .detector import Detector, FaceBox
from .nets import Nets
from .plausibility import MIN_SIZE_PX, is_face
from .region import Float, Picture, Region, whole_picture

CANDIDATES = 6  # boxes of one detection that are checked: the best ones
SMALL = 0.12  # when every face is smaller than this part of the picture, tiles may show larger ones

_TURNS = tuple(np.radians([-45.0, 45.0, -90.0, 90.0, 180.0]))
_TILINGS = (2, 3, 5)  # tiles are the longer side divided by this
_TURNED_TILINGS = (2, 3)


@dataclass(frozen=True)
class Face:
    """A face that passed every check.

    Attributes:
        landmarks: (478, 3) float64, pixels.
        score: the landmark network's probability that it is one, 0 to 1.
    """

    landmarks: Float
    score: float

    @property
    def box(self) -> Float:
        """(4,) pixels: left, top, right, bottom of the landmarks."""
        xy = self.landmarks[:, :2]
        return np.concatenate([xy.min(0), xy.max(0)])

    @property
    def size(self) -> float:
        """The longer side of the box, pixels."""
        return float((self.box[2:] - self.box[:2]).max())

    def holds(self, point: Float) -> bool:
        """True when a point (2,), pixels, lies in the box."""
        return bool(((point >= self.box[:2]) & (point <= self.box[2:])).all())


def find_faces(srgb: Picture, nets: Nets, *, wanted: int = 1) -> list[Face]:
    """The faces of a picture (H, W, 3) uint8, from left to right.

    The search grows in effort until it has shown `wanted` faces (0: the whole picture only); small ones make it search
    upright tiles as well, for the portrait's own face may be another.
    """
    faces: list[Face] = []
    if min(srgb.shape[:2]) < MIN_SIZE_PX:
        return faces
    tiles = False
    for number, (views, are_tiles) in enumerate(_steps(srgb, nets)):
        if number and len(faces) >= wanted and not (wanted and are_tiles and not tiles and _all_small(faces, srgb)):
            continue
        tiles |= are_tiles
        for detector, region, threshold in views:
            for box in detector.detect(srgb, region, threshold=threshold)[:CANDIDATES]:
                if not any(face.holds(box.centre) for face in faces):
                    face = _checked(srgb, box, nets, prominent=number == 0 and box.size > SMALL * max(srgb.shape[:2]))
                    faces = faces if face is None else _with(faces, face)
    return sorted(faces, key=lambda face: float(face.box[0] + face.box[2]))


View = tuple[Detector, Region, float]


def _steps(srgb: Picture, nets: Nets) -> Iterator[tuple[Iterator[View], bool]]:
    """What detectors are run on, in groups of growing effort, and whether a group is tiles."""
    both = (nets.near, nets.far)
    yield ((net, whole_picture(srgb), 0.5) for net in both), False
    yield ((net, whole_picture(srgb, turn), 0.4) for turn in _TURNS for net in both), False
    yield ((nets.far, tile, 0.5) for tile in _tiles(srgb, 0.0, _TILINGS)), True
    yield ((nets.far, tile, 0.5) for turn in _TURNS for tile in _tiles(srgb, turn, _TURNED_TILINGS)), True


def _tiles(srgb: Picture, turn: float, tilings: tuple[int, ...]) -> Iterator[Region]:
    """Squares that overlap by half, coarse ones first."""
    height, width = srgb.shape[:2]
    for tiling in tilings:
        side = max(width, height) / tiling
        across, down = (max(1, int(np.ceil(2 * size / side - 1))) for size in (width, height))
        for y in np.linspace(min(side, height) / 2, height - min(side, height) / 2, down):
            for x in np.linspace(min(side, width) / 2, width - min(side, width) / 2, across):
                yield Region(float(x), float(y), side, turn)


def _all_small(faces: list[Face], srgb: Picture) -> bool:
    return bool(max(face.size for face in faces) < SMALL * max(srgb.shape[:2]))


def _checked(srgb: Picture, box: FaceBox, nets: Nets, *, prominent: bool) -> Face | None:
    """The face in a detector's box, None when there is none."""
    landmarks, score = nets.landmarker.landmarks(srgb, box)
    return Face(landmarks, score) if is_face(srgb, landmarks, score, nets, prominent=prominent) else None


def _with(faces: list[Face], face: Face) -> list[Face]:
    """The faces with one more. Of two finds in one place the larger stays: a nose and a mouth can pass for a face."""
    kept = [known for known in faces if not face.holds((known.box[:2] + known.box[2:]) / 2)]
    return [*kept, face]
