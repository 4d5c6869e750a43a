"""How far an output is from its target: pictures, regions, landmarks, flicker. Knows only the landmark convention.

Every picture here is (H, W, 3) uint8 display sRGB, as a person sees it: PSNR, SSIM and L1 are of display values, not of
scene-linear light. Landmarks are (478, 3) pixels of the same picture. A region's figure is taken over its pixels only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import cv2
import numpy as np
import numpy.typing as npt
from gioconda.landmarks import (
    EYE_LEFT,
    EYE_OUTER_LEFT,
    EYE_OUTER_RIGHT,
    EYE_RIGHT,
    FACE_POINTS,
    IRIS_LEFT,
    IRIS_RIGHT,
    LIPS_INNER,
    LIPS_OUTER,
    OVAL,
)
from skimage.metrics import structural_similarity

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Points = npt.NDArray[np.floating]

REGIONS = ("face", "mouth", "eyes", "eye_right", "eye_left", "hair_body", "rest")
LANDMARK_GROUPS = {
    "eyes": EYE_RIGHT + EYE_LEFT,
    "iris": IRIS_RIGHT + IRIS_LEFT,
    "mouth": LIPS_OUTER + LIPS_INNER,
    "oval": OVAL,
}
YAW_BINS = (0.0, 3.0, 6.0, 10.0, 15.0, 20.0, float("inf"))

# A region of fewer pixels says nothing (an eye turned out of sight).
SMALLEST_REGION_PX = 20
# Two equal pictures have no PSNR; this squared error (156 dB) stands for "none" so that means stay finite.
SMALLEST_SQUARED_ERROR = 1e-11


def psnr(squared_error: float) -> float:
    """Mean squared error of 8-bit values → dB."""
    return float(10 * np.log10(255.0**2 / max(squared_error, SMALLEST_SQUARED_ERROR)))


def interocular(landmarks: Points) -> float:
    """Distance between the outer eye corners in pixels, depth included, so that turning the head does not shrink it."""
    return max(float(np.linalg.norm(landmarks[EYE_OUTER_RIGHT] - landmarks[EYE_OUTER_LEFT])), 1.0)


def region_masks(landmarks: Points, person: npt.NDArray[np.floating]) -> dict[str, Mask]:
    """The parts of a picture that are judged apart, each (H, W) bool.

    face: inside the oval. mouth: the lips' hull, dilated by 12 % of the inter-ocular distance. eyes: the lids' hulls,
    dilated by 15 %, and each alone. hair_body: the person outside the face. rest: everything outside the face.

    Args:
        landmarks: (478, 3) pixels of the *target* picture.
        person: (H, W) 0..1, how much of a pixel is the person.
    """
    shape = person.shape[:2]
    reach = interocular(landmarks)
    face = _filled(shape, [landmarks[list(OVAL), :2]])
    mouth = _filled(shape, [_hull(landmarks, LIPS_OUTER)])
    eyes = _filled(shape, [_hull(landmarks, EYE_RIGHT), _hull(landmarks, EYE_LEFT)])
    return {
        "face": face > 0,
        "mouth": _dilated(mouth, reach * 0.12) > 0,
        "eyes": _dilated(eyes, reach * 0.15) > 0,
        "eye_right": _dilated(_filled(shape, [_hull(landmarks, EYE_RIGHT)]), reach * 0.15) > 0,
        "eye_left": _dilated(_filled(shape, [_hull(landmarks, EYE_LEFT)]), reach * 0.15) > 0,
        "hair_body": (face == 0) & (person > 0.5),
        "rest": face == 0,
    }


def compare(target: Bytes, output: Bytes, regions: Mapping[str, Mask]) -> dict[str, float]:
    """One frame's figures: psnr, ssim, l1 (0..1) of the whole, then `psnr_<region>` and `ssim_<region>`.

    A region too small to judge is left out of the result.
    """
    if target.shape != output.shape:
        raise ValueError(f"cannot compare pictures of {target.shape} and {output.shape}")
    difference = output.astype(np.float32) - target.astype(np.float32)
    squared = (difference**2).mean(2, dtype=np.float64)
    ssim, ssim_map = structural_similarity(target, output, channel_axis=2, full=True)
    ssim_map = ssim_map.mean(2)
    row = {"psnr": psnr(squared.mean()), "ssim": float(ssim), "l1": float(np.abs(difference).mean() / 255)}
    for name, mask in regions.items():
        if mask.sum() > SMALLEST_REGION_PX:
            row[f"psnr_{name}"] = psnr(squared[mask].mean())
            row[f"ssim_{name}"] = float(ssim_map[mask].mean())
    return row


def landmark_distance(target: Points, output: Points, reach: float) -> dict[str, float]:
    """AKD: mean distance in the picture between the landmarks found in the target and in the output, % of `reach`.

    Args:
        target, output: (478, 3) pixels, both found by the same landmarker.
        reach: the target's inter-ocular distance in pixels.
    """
    apart = np.linalg.norm(output[:, :2] - target[:, :2], axis=1) * (100 / reach)
    row = {"akd": float(apart[:FACE_POINTS].mean())}
    return row | {f"akd_{name}": float(apart[list(points)].mean()) for name, points in LANDMARK_GROUPS.items()}


def steady_face(landmarks: Points, height: int, width: int) -> Mask:
    """Where flicker is measured: inside the first frame's face oval, off its edge by four pixels. (H, W) bool."""
    return cv2.erode(_filled((height, width), [landmarks[list(OVAL), :2]]), np.ones((9, 9), np.uint8)) > 0


def flicker(frames: Sequence[Bytes], mask: Mask) -> float:
    """Mean size of the second difference over time inside `mask`, in 8-bit values; consecutive frames of one clip.

    Compare it with the source clip's own: steady motion has little, shimmer and jumps have much.
    """
    if len(frames) < 3:
        raise ValueError(f"flicker needs three consecutive frames, got {len(frames)}")
    inside = [frame[mask].astype(np.float32) for frame in frames[:2]]
    total = 0.0
    for frame in frames[2:]:
        inside.append(frame[mask].astype(np.float32))
        total += float(np.abs(inside[2] - 2 * inside[1] + inside[0]).mean())
        inside.pop(0)
    return total / (len(frames) - 2)


def yaw_bin(degrees: float) -> str:
    """The bin a frame's yaw change falls in: "0-3", …, "20+"."""
    low = max(edge for edge in YAW_BINS if abs(degrees) >= edge)
    high = YAW_BINS[YAW_BINS.index(low) + 1]
    return f"{low:g}+" if np.isinf(high) else f"{low:g}-{high:g}"


def yaw_bin_names() -> list[str]:
    """Every bin, from the smallest turn to the largest."""
    return [yaw_bin(edge) for edge in YAW_BINS[:-1]]


def mean(rows: Iterable[Mapping[str, object]], key: str) -> float:
    """Mean of one figure over the frames that have it; NaN where none has."""
    values = [value for row in rows if isinstance(value := row.get(key), float) and not np.isnan(value)]
    return float(np.mean(values)) if values else float("nan")


def _hull(landmarks: Points, points: Sequence[int]) -> npt.NDArray[np.int32]:
    return cv2.convexHull(landmarks[list(points), :2].astype(np.int32))[:, 0]


def _filled(shape: tuple[int, ...], polygons: Sequence[Points]) -> Bytes:
    """1 inside the polygons. Truncating picture coordinates gives the pixel a point lies in."""
    mask = np.zeros(shape, np.uint8)
    for polygon in polygons:
        cv2.fillPoly(mask, [polygon.astype(np.int32)], 1)
    return mask


def _dilated(mask: Bytes, size_px: float) -> Bytes:
    side = int(size_px) | 1
    return cv2.dilate(mask, np.ones((side, side), np.uint8))
