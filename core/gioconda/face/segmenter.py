"""Tell person from background: a probability for every pixel, at a size that suits the network."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..imaging import resample
from ..models.runtime import Session
from .region import Float, Picture, Region, around_landmarks

SIDE = 256  # pixels of the network's square input
MAX_SIZE = 768  # the result's longer side, pixels
BODY = 2.2  # the square around head and shoulders is this much larger than the face's own
BELOW = 0.3  # and lies lower by this part of the face's square
UPRIGHT = np.radians(30)  # the crop around a head turned by more is turned with it
BETWEEN = 0.1  # two persons fade into each other over this part of a face's square
FEATHER = 0.12  # the closer crop's result fades out over this part of its side

Probability = npt.NDArray[np.float32]


class Segmenter:
    """The person segmentation network (MediaPipe Selfie Segmentation)."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def person(self, srgb: Picture, face: Region) -> Probability:
        """How probably each pixel of a picture (H, W, 3) uint8 is person → (h, w) float32, 0 to 1, any size.

        The network sees the whole picture and, larger, head and shoulders of the face in the square `face`, whose
        result counts where there is one.
        """
        height, width = srgb.shape[:2]
        closer = upright_square(face, BODY, BELOW)
        scale = min(1.0, SIDE / closer.size, MAX_SIZE / max(width, height))
        w, h = max(1, round(width * scale)), max(1, round(height * scale))
        # the whole picture is squeezed into the network's square as its authors do
        whole = self._with_mirror(resample.resize(srgb, SIDE, SIDE, method="area"))
        whole = resample.resize(whole, w, h, method="linear")
        probability = self._with_mirror(closer.crop(srgb, SIDE, smooth=True))
        matrix = from_picture(closer, w / width, h / height, SIDE)
        near = resample.warp_affine(probability, matrix, w, h)
        weight = resample.warp_affine(crop_feather(SIDE), matrix, w, h, border="zero")
        return np.asarray(np.clip(whole + (near - whole) * weight, 0, 1), np.float32)

    def _with_mirror(self, square: Picture) -> Probability:
        """The network's output, (256, 256), averaged over the square and its mirror image."""
        image = square.astype(np.float32)[None] / 255.0
        straight = self._session.run({"image": image})[0][0, :, :, 0]
        mirrored = self._session.run({"image": np.ascontiguousarray(image[:, :, ::-1])})[0][0, :, ::-1, 0]
        return np.asarray((straight + mirrored) / 2, np.float32)


def upright_square(face: Region, size: float, below: float) -> Region:
    """A square `size` times as large as a face's own and lower by this part of it; upright unless the head lies."""
    angle = face.angle if abs(face.angle) > UPRIGHT else 0.0
    down = Region(0, 0, 1, angle).axes[:, 1] * below * face.size
    return Region(face.x + down[0], face.y + down[1], face.size * size, angle)


def from_picture(region: Region, scale_x: float, scale_y: float, side: int) -> Float:
    """(2, 3): from a canvas, the picture scaled by scale_x and scale_y, to the region's crop of `side` pixels."""
    to_crop = region.axes.T * (side / region.size)
    shift = np.full(2, side / 2) - to_crop @ (region.x, region.y)
    return np.concatenate([to_crop / (scale_x, scale_y), shift[:, None]], axis=1)


def crop_feather(side: int) -> Probability:
    """How much a crop counts, (side, side): 1 inside, fading to 0 at the sides of its square."""
    y, x = np.mgrid[:side, :side] + 0.5
    edge = np.minimum.reduce([x, y, side - x, side - y]) / (FEATHER * side)
    return np.asarray(np.clip(edge, 0, 1), np.float32)


def others_removed(person: Probability, landmarks: Float, others: list[Float], size: tuple[int, int]) -> Probability:
    """The probability of *this* person: what lies nearer to somebody else's head and body goes.

    Args:
        person: (h, w) float32, probability of any person.
        landmarks: (478, 3) pixels of this face; others: of the other faces in the picture.
        size: (width, height) of the picture, pixels.
    """
    if not others:
        return person
    h, w = person.shape
    y, x = np.mgrid[:h, :w].astype(np.float64) + 0.5
    at = np.stack([x * size[0] / w, y * size[1] / h], -1)
    own = _distance(at, around_landmarks(landmarks))
    nearest = np.minimum.reduce([_distance(at, around_landmarks(other)) for other in others])
    weight = np.clip((nearest - own) / BETWEEN + 0.5, 0, 1)
    return np.asarray(person * weight, np.float32)


def _distance(at: Float, face: Region) -> Float:
    """How far points (..., 2), pixels, lie from a person: from the head's centre or the line straight down from it."""
    down = face.axes[:, 1]
    offset = at - (face.x, face.y)
    along = np.clip(offset @ down, 0, None)
    return np.asarray(np.linalg.norm(offset - along[..., None] * down, axis=-1) / face.size, np.float64)
