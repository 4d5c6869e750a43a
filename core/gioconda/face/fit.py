"""Fit a whole face to a few placed points: the template's pose, then a smooth deformation. Knows no files."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .. import landmarks as lm
from ..errors import InputError
from ..landmarks import COUNT, NAMED, mirrored, template
from ..maths.least_squares import fit_model
from ..pose import HeadPose, rotation_matrix
from .region import Float

Index = npt.NDArray[np.int64]

MIN_POINTS = 4
MIN_SPREAD = 0.12  # rms distance from the best line through the points, template units: less leaves the size open
MIN_EXTENT_PX = 1.0
MAX_MISFIT = 0.45  # of one point from the template in its fitted pose, template units
POSE_DEGREES = (25.0, 20.0)  # how much yaw and pitch a portrait has, one standard deviation
MAX_YAW, MAX_PITCH = 75.0, 50.0  # degrees: beyond, a face is seen from behind
NOISE = 0.05  # how far a face's point is from the template's by proportions and expression, template units
REACH = (0.9, 0.25)  # how far a placed point pulls its surroundings, template units: broadly and closely
OPENING = 0.35  # a fourth coordinate keeps upper and lower lids and lips this far apart, so that they can open


def fit_landmarks(placed: dict[int, Float], source: str) -> Float:
    """All landmarks from a few.

    Args:
        placed: landmark index → (2,) pixels.
        source: the file's name, for messages.

    -> (478, 3) float64, pixels. Placed points are met exactly; depth is the template's in the fitted pose.

    Raises:
        InputError: too few points, all nearly on a line, left and right exchanged, or not like a face.
    """
    index = np.array(sorted(placed), np.int64)
    points = np.array([placed[i] for i in index]).reshape(-1, 2)
    _check_spread(index, source)
    if np.ptp(points, axis=0).max() < MIN_EXTENT_PX:
        raise InputError(f"{source}: all points lie within one pixel; place them on the face.")
    pose = _fitted_pose(index, points)
    _check_misfit(index, points, pose, source)
    landmarks = pose.to_picture(template())
    landmarks[:, :2] += _interpolated(index, points - landmarks[index, :2])
    return landmarks


def _check_spread(index: Index, source: str) -> None:
    if len(index) < MIN_POINTS:
        raise InputError(
            f"{source} places {len(index)} points, at least {MIN_POINTS} are needed: "
            "the outer eye corners, the nose tip and the chin do."
        )
    shape = template()[index, :2]
    centred = shape - shape.mean(0)
    if np.linalg.svd(centred, compute_uv=False)[1] / np.sqrt(len(index)) < MIN_SPREAD:
        raise InputError(f"{source}: the points lie nearly on one line; add one away from it, such as the chin.")


def _misfit(index: Index, points: Float, pose: HeadPose) -> Float:
    """(K,): how far each point lies from the template's in its pose, template units."""
    seen = pose.to_picture(template()[index])[:, :2]
    return np.asarray(np.linalg.norm(points - seen, axis=1) / pose.scale, np.float64)


def _check_misfit(index: Index, points: Float, pose: HeadPose, source: str) -> None:
    misfit = _misfit(index, points, pose)
    worst = int(misfit.argmax())
    if misfit[worst] <= MAX_MISFIT:
        return
    other = mirrored()[index].astype(np.int64)
    if _misfit(other, points, _fitted_pose(other, points)).max() <= MAX_MISFIT:
        raise InputError(
            f"{source}: left and right seem to be exchanged; "
            "“right” is the person's own right, on the left of the picture."
        )
    names = {number: name for name, number in NAMED.items()}
    name = names.get(int(index[worst]), str(index[worst]))
    raise InputError(f"{source}: the points do not lie as on a face; look at “{name}” first.")


def _fitted_pose(index: Index, points: Float) -> HeadPose:
    """The template's pose whose projection lies nearest the points, among plausible poses."""
    shape = template()[index]
    centre = points.mean(0)
    extent = np.sqrt(((points - centre) ** 2).sum(1).mean() / ((shape - shape.mean(0))[:, :2] ** 2).sum(1).mean())

    def pose(values: Float) -> HeadPose:
        yaw, pitch, roll, log_scale, x, y = values
        scale = float(np.exp(log_scale) * extent)
        return HeadPose(
            scale, rotation_matrix(yaw, pitch, roll), np.array([centre[0] + x * extent, centre[1] + y * extent, 0.0])
        )

    def cost(values: Float) -> Float:
        seen = pose(values).to_picture(shape)[:, :2]
        prior = values[:2] / np.array(POSE_DEGREES)
        return np.concatenate([((seen - points) / (extent * NOISE)).ravel(), prior])

    linear = np.linalg.lstsq((shape - shape.mean(0))[:, :2], points - centre, rcond=None)[0].T
    roll = np.degrees(np.arctan2(linear[1, 0] - linear[0, 1], linear[0, 0] + linear[1, 1]))
    starts = [np.array([yaw, 0.0, roll, 0.0, 0.0, 0.0]) for yaw in (-15.0, 15.0)]
    scales = np.array([20.0, 20.0, 20.0, 0.2, 0.2, 0.2])
    limit = np.array([MAX_YAW, MAX_PITCH, np.inf, np.inf, np.inf, np.inf])
    best, _ = min((fit_model(cost, start, scales, limit) for start in starts), key=lambda fit: fit[1])
    return pose(best)


def _interpolated(index: Index, residual: Float) -> Float:
    """The placed points' residuals (K, 2), pixels, carried to all landmarks, (478, 2): met there, fading away.

    The mean of a Gaussian process over the template's surface: displacements are alike where points are near. An iris
    moves as one and pulls nothing.
    """
    iris = np.isin(index, lm.IRIS_RIGHT + lm.IRIS_LEFT)
    skin, shift = index[~iris], residual[~iris]
    moved = np.zeros((COUNT, 2))
    if len(skin):
        surface = _surface()
        among, towards = _kernel(surface[skin], surface[skin]), _kernel(surface, surface[skin])
        moved = towards @ np.linalg.solve(among + 1e-6 * np.eye(len(skin)), shift)
    for eye in (lm.IRIS_RIGHT, lm.IRIS_LEFT):
        own = [k for k, i in enumerate(index) if i in eye]
        moved[list(eye)] = moved[eye[0]]
        if own:
            moved[list(eye)] += np.mean([residual[k] - moved[index[k]] for k in own], axis=0)
    return moved


def _kernel(a: Float, b: Float) -> Float:
    """How alike the displacements at points a (A, D) and b (B, D) are: (A, B), 1 at the same point."""
    squared = ((a[:, None] - b[None]) ** 2).sum(-1)
    return np.asarray(np.mean([np.exp(-squared / (2 * reach**2)) for reach in REACH], axis=0), np.float64)


def _surface() -> Float:
    """(478, 4): the template with a fourth coordinate that parts what can open, and fades away from the opening."""
    shape = template()
    part = np.zeros(COUNT)
    mouth = lm.LIPS_OUTER[11:] + lm.LIPS_INNER[11:], lm.LIPS_OUTER[1:10] + lm.LIPS_INNER[1:10], lm.LIPS_INNER, 0.3
    right = lm.LOWER_LID_RIGHT, lm.UPPER_LID_RIGHT, lm.EYE_RIGHT, 0.06
    left = lm.LOWER_LID_LEFT, lm.UPPER_LID_LEFT, lm.EYE_LEFT, 0.06
    for lower, upper, rim, fade in (mouth, right, left):
        ring = shape[list(rim)]
        middle, half = ring.mean(0), (ring[:, 0].max() - ring[:, 0].min()) / 2
        across = np.clip(1 - ((shape[:, 0] - middle[0]) / half) ** 2, 0, 1)
        below = shape[:, 1] - middle[1]
        side = np.sign(below)
        side[list(lower)], side[list(upper)] = 1, -1
        part += OPENING * side * across * np.exp(-np.abs(below) / fade)
    return np.column_stack([shape, part])
