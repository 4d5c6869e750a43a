"""Which part of the person is hair: a network's answer around the face, and the matte it is refined to."""

from __future__ import annotations

import numpy as np

from .. import landmarks as lm
from ..arrays import Mask
from ..imaging import draw, resample
from ..models.runtime import Session
from .region import Float, Picture, Region
from .segmenter import Probability, crop_feather, from_picture, upright_square

SIDE = 512  # pixels of the network's square input
MAX_SIZE = 1024  # the results' longer side, pixels
NEAR = (1.7, 0.05)  # a square around the head: times the face's own, and lower by this part of it
WIDE = (2.6, 0.25)  # another, for long hair; its answer counts where the first one sees nothing
_DOUBT = 0.4  # of the middle of a face taken for hair: the network does not know what it sees
_MIDDLE = (lm.EYE_OUTER_RIGHT, lm.EYE_OUTER_LEFT, lm.MOUTH_LEFT, lm.MOUTH_RIGHT)
_LONGEST = 1.9  # face heights below the chin
_FLAT = 0.03**2  # variance of the picture below which it has no edge


class HairSegmenter:
    """The hair segmentation network (MediaPipe Hair Segmentation)."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def hair(self, srgb: Picture, face: Region) -> Probability:
        """How probably each pixel of a picture (H, W, 3) uint8 is hair → (h, w) float32, 0 to 1, any size.

        The network looks at two squares around the face in the square `face`; beyond them there is none.
        """
        height, width = srgb.shape[:2]
        near, wide = (upright_square(face, size, below) for size, below in (NEAR, WIDE))
        scale = min(1.0, SIDE / near.size, MAX_SIZE / max(width, height))
        w, h = max(1, round(width * scale)), max(1, round(height * scale))
        probability = np.zeros((h, w), np.float32)
        for square in (wide, near):
            matrix = from_picture(square, w / width, h / height, SIDE)
            seen = resample.warp_affine(self._with_mirror(square.crop(srgb, SIDE, smooth=True)), matrix, w, h)
            weight = resample.warp_affine(crop_feather(SIDE), matrix, w, h, border="zero")
            probability += (seen - probability) * weight
        return np.clip(probability, 0, 1, out=probability)

    def _with_mirror(self, square: Picture) -> Probability:
        """The network's probability, (512, 512), averaged over the square and its mirror image."""
        image = np.zeros((2, SIDE, SIDE, 4), np.float32)
        image[0, ..., :3] = square
        image[1, ..., :3] = square[:, ::-1]
        scores = self._session.run({"image": image / np.float32(255)})[0]
        hair = 1 / (1 + np.exp(np.clip(scores[..., 0] - scores[..., 1], -30, 30)))
        return np.asarray((hair[0] + hair[1, :, ::-1]) / 2, np.float32)


def estimate_hair(srgb: Picture, probability: Probability, matte: Probability, landmarks: Float) -> Probability | None:
    """How much of the person is hair at each pixel → (h, w) float32, 0 to 1, at most 1024 pixels on a side.

    Where the matte is soft it says what the person is made of there: strands in the air are hair altogether. None where
    the network takes a face for hair (some drawings): colours tell more then, see `engine.prepare`.

    Args:
        srgb: (H, W, 3) uint8, display-referred.
        probability: (h, w) float32 of hair, see `HairSegmenter.hair`.
        matte: (H, W) float32, 0 to 1, the person.
        landmarks: (478, 3) pixels.
    """
    height, width = matte.shape
    scale = min(1.0, MAX_SIZE / max(height, width))
    w, h = max(2, round(width * scale)), max(2, round(height * scale))
    points = landmarks[:, :2] * [w / width, h / height]
    small = resample.resize(srgb, w, h)
    alpha = np.asarray(resample.resize(matte, w, h), np.float32)
    likely = np.asarray(resample.resize(probability, w, h, method="linear"), np.float32)
    middle = draw.fill_polygon(points[list(_MIDDLE)], w, h) > 0.5
    if middle.any() and likely[middle].mean() > _DOUBT:
        return None
    face_px = float(np.linalg.norm(points[lm.FOREHEAD] - points[lm.CHIN]))
    likely = _on_the_head(_no_skin(likely, small, points, face_px) * (alpha > 0.02), points, face_px)
    edges = resample.guided_filter(small, likely, max(2, round(0.02 * face_px)), _FLAT)
    hair = np.clip((edges - 0.1) / 0.8, 0, 1)
    # of what is hardly there only the neighbours know what it is
    return resample.fill_holes_smooth(hair, np.clip(alpha * 2 - 0.5, 0, 1)) * (alpha > 0)


def _on_the_head(likely: Probability, points: Float, face_px: float) -> Probability:
    """What can be hair of this head: nothing within the face below its brows, and only what hangs from the head.

    likely: (h, w); points: (478, 2) pixels of it.
    """
    h, w = likely.shape
    up = (points[lm.FOREHEAD] - points[lm.CHIN]) / face_px
    over_chin = _over_chin(points, w, h, face_px)
    depth = resample.distance_inside(draw.fill_polygon(points[list(lm.OVAL)], w, h) > 0.5) / face_px
    within = np.clip((depth - 0.03) / 0.05, 0, 1) * np.clip((0.75 - over_chin) / 0.15, 0, 1)
    likely = likely * (1 - within) * np.clip((over_chin + _LONGEST) / 0.4, 0, 1)
    from_above = over_chin > 0 if up[1] < -0.7 else np.ones_like(depth, bool)  # a lying head's hair falls anywhere
    hangs = _hanging(likely > 0.5, from_above, 1 + int(0.04 * face_px))
    near = (np.abs(over_chin - 0.6) < 0.8) & (resample.distance_inside(depth == 0) < 0.5 * face_px)
    own = resample.connected(hangs, near)
    return np.asarray(likely * resample.gaussian_blur(resample.dilate(own, 0.02 * face_px).astype(np.float32), 1.5))


def _no_skin(likely: Probability, srgb: Picture, points: Float, face_px: float) -> Probability:
    """Less where, below the face, a colour is nearer to the face's skin than to the hair above the brows."""
    h, w = likely.shape
    over_chin = _over_chin(points, w, h, face_px)
    skin = draw.fill_polygon(points[list(_MIDDLE)], w, h) > 0.5
    sure = (likely > 0.8) & (over_chin > 0.75)
    if skin.sum() < 20 or sure.sum() < 20:
        return likely
    colour = srgb.astype(np.float32) / 255
    to_skin, to_hair = (
        np.sqrt((((colour - np.median(colour[part], axis=0)) / (colour[part].std(0) + 0.05)) ** 2).mean(2))
        for part in (skin, sure)
    )
    nearer = np.clip(to_hair - to_skin, 0, 1) * np.clip((0.2 - over_chin) / 0.2, 0, 1)
    return np.asarray(likely * (1 - nearer), np.float32)


def _over_chin(points: Float, width: int, height: int, face_px: float) -> Probability:
    """How high each pixel lies, (height, width), along the face: 0 at the chin, 1 at the top of the forehead."""
    up = (points[lm.FOREHEAD] - points[lm.CHIN]) / face_px
    x, y = np.arange(width, dtype=np.float32) + 0.5, np.arange(height, dtype=np.float32) + 0.5
    across, down = (x - points[lm.CHIN, 0]) * up[0], (y - points[lm.CHIN, 1]) * up[1]
    return np.asarray((across + down[:, None]) / face_px, np.float32)


def _hanging(hair: Mask, from_above: Mask, gap: int) -> Mask:
    """The pixels (h, w) that hang from those `from_above`: each within a pixel's slope and `gap` rows below another.

    Shoulders widen faster than hair that hangs.
    """
    kept = hair & from_above
    rows = np.full(hair.shape[1] + 2, gap + 1)  # since there was hair above, a margin of a pixel on either side
    for row in range(len(hair)):
        rows[1:-1] = np.minimum(np.minimum(rows[:-2], rows[2:]), rows[1:-1]) + 1
        kept[row] |= hair[row] & (rows[1:-1] <= gap)
        rows[1:-1][kept[row]] = 0
    return kept
