"""The portrait's matte: how much of every pixel is person, hair included."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .. import landmarks as lm
from ..imaging import draw, resample
from ..imaging.drawn import drawn
from ..imaging.matting import closed_form_alpha

Float = npt.NDArray[np.float32]

_OUTLINE = 0.12  # of the face's height: so far from the segmentation's border the line around a drawn head may be
_UNLIKE = 12.0  # steps of 1/255 by which a line differs from what is behind the head, at least
_SOLVE_PX = 560  # the closed-form system is solved at this size: hair is refined at full size by the guided filter


def estimate_matte(srgb: npt.NDArray[np.uint8], person: Float, landmarks: npt.NDArray[np.floating]) -> Float:
    """Person segmentation → trimap → closed-form alpha → full size along the picture's own edges.

    Args:
        srgb: (H, W, 3) uint8, display-referred.
        person: (h, w) float32, probability of person, any size, covering the same picture.
        landmarks: (478, 3) pixels; the inside of the face oval is person for certain.

    Returns:
        (H, W) float32, exactly 0 where surely background, exactly 1 where surely person.

    Source: Levin, Lischinski, Weiss, "A closed-form solution to natural image matting", PAMI 2008.
    """
    height, width = srgb.shape[:2]
    scale = min(1.0, _SOLVE_PX / max(height, width))
    w, h = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(resample.resize(srgb, w, h, method="area") / np.float32(255), np.float32)
    points = landmarks[:, :2] * [w / width, h / height]
    trimap = _trimap(np.asarray(resample.resize(person, w, h, method="linear"), np.float32), points, small)
    alpha = _solve(small, trimap)
    if scale < 1:
        alpha = _to_full_size(srgb, alpha, trimap, scale)
    alpha = np.clip(alpha, 0, 1, out=alpha)
    outline = landmarks[list(lm.OVAL), :2].astype(np.float64)
    return _with_outline(srgb, alpha, landmarks) if drawn(srgb, outline) > 0.5 else alpha


def _with_outline(srgb: npt.NDArray[np.uint8], alpha: Float, landmarks: npt.NDArray[np.floating]) -> Float:
    """A drawn head's matte with the line around it, which belongs to the head and moves with it."""
    band = _OUTLINE * float(np.linalg.norm(landmarks[lm.FOREHEAD, :2] - landmarks[lm.CHIN, :2]))
    person = alpha > 0.5
    near = resample.dilate(person, band)
    picture = srgb.astype(np.float32)
    unlike = np.abs(picture - resample.fill_holes_smooth(picture, ~near)).max(2)
    line = np.clip((unlike - _UNLIKE) / (2 * _UNLIKE), 0, 1)
    joined = resample.connected(near & ((line > 0) | person), person)
    return np.asarray(np.where(joined, np.maximum(alpha, line), alpha), np.float32)


def _trimap(person: Float, points: npt.NDArray[np.floating], small: Float) -> Float:
    """0 background, 1 person, 0.5 to be solved. (h, w) float32."""
    h, w = person.shape
    face_px = float(np.linalg.norm(points[lm.FOREHEAD] - points[lm.CHIN]))
    band = max(3.0, min(0.022 * max(h, w), 0.07 * face_px))
    inside, outside = person > 0.7, person < 0.3
    # the picture's border is no border of the person: pad by repeating before shrinking and growing
    pad = int(3 * band)
    grown = np.pad(~outside, pad, mode="edge")
    kept = np.pad(inside, pad, mode="edge")
    background = ~resample.dilate(grown, band)[pad : pad + h, pad : pad + w]
    foreground = resample.erode(kept, band * 1.2)[pad : pad + h, pad : pad + w]
    oval = draw.fill_polygon(points[list(lm.OVAL)], w, h) > 0.99
    foreground |= resample.erode(oval, 2)
    trimap = np.full((h, w), 0.5, np.float32)
    trimap[background] = 0
    trimap[foreground] = 1
    return trimap


def _solve(small: Float, trimap: Float) -> Float:
    """Closed-form alpha in the unknown band, cleaned of the solver's faint haze."""
    if not all((trimap == value).any() for value in (0, 0.5, 1)):
        return (trimap > 0.25).astype(np.float32)  # all person, or nobody: there is nothing to solve
    alpha = closed_form_alpha(small, trimap)
    return np.asarray(np.clip((alpha - 0.03) / 0.94, 0, 1), np.float32)


def _to_full_size(srgb: npt.NDArray[np.uint8], alpha: Float, trimap: Float, scale: float) -> Float:
    """Enlarge along the picture's edges; what the trimap knows stays exactly 0 or 1."""
    height, width = srgb.shape[:2]
    refined = resample.guided_filter(
        srgb,
        resample.resize(alpha, width, height, method="cubic"),
        max(2, round(2 / scale)),
        1e-5,
        step=max(1, round(0.5 / scale)),
    )
    unknown, known = (trimap == 0.5).astype(np.float32), (trimap == 1).astype(np.float32)
    for rows in resample.bands(height):
        # a filtered haze below the solver's own precision is nothing
        solved = np.clip((refined[rows] - 0.01) / 0.98, 0, 1)
        is_solved = resample.enlarged_rows(unknown, width, height, rows) > 0
        refined[rows] = np.where(is_solved, solved, resample.enlarged_rows(known, width, height, rows) > 0.5)
    return refined
