"""Whether landmarks are those of a face. The landmark network gives a high score even to a knuckle, so that is checked.

Measured on 26 portraits with 31 faces and 72 other things (ears, collars, hands, flags, parts of faces) which the
detectors and the landmark network's own probability both let pass: points that stay where they are when the square is
moved and a detector that agrees up close tell all of them apart. Of 653 other portraits, half of them engravings and
photographs from before 1929, 9 are missed: profiles, and hatching that no detector sees.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..arrays import Float32
from ..imaging import draw
from ..landmarks import (
    EYE_LEFT,
    EYE_OUTER_LEFT,
    EYE_OUTER_RIGHT,
    EYE_RIGHT,
    LIP_BOTTOM,
    LIP_TOP,
    MOUTH_LEFT,
    MOUTH_RIGHT,
    NOSE_TIP,
    STABLE,
    template,
)
from ..pose import euler_degrees, head_pose
from .nets import Nets
from .region import Float, Picture, around_landmarks

PRESENCE = 0.5  # least score of the landmark network, as in MediaPipe
MIN_SIZE_PX = 10.0  # between the outer eye corners: less shows no face to animate
MAX_MISFIT = 0.2  # of the rigid points to the template (rms), in units of the template, as all distances here
MAX_DRIFT = 0.12  # of the points when the square is moved; faces drift by 0.03 to 0.09, other things by 0.1 to 0.8
PROMINENT_DRIFT = 0.16
MAX_YAW = 55.0  # degrees; a profile is no face that could be animated
MAX_DISTANCE = 0.25  # of the detector's eyes, nose and mouth from the landmarks
DETECTION = 0.5
MAX_FUR, MIN_PERSON = 0.2, 0.5  # of the middle of a human face: what is taken for hair, and for a person
_MIDDLE = (EYE_OUTER_RIGHT, EYE_OUTER_LEFT, MOUTH_LEFT, MOUTH_RIGHT)
AGREEMENTS = 2  # of the three crops around the face
_MOVES = ((0.08, 0.05, 1.15, 0.15), (-0.08, -0.05, 0.9, -0.15), (0.05, -0.08, 1.3, 0.0))  # x, y, size, angle
_ZOOMS = (1.4, 2.0, 2.8)  # sides of those crops, in faces


def is_face(srgb: Picture, landmarks: Float, score: float, nets: Nets, *, prominent: bool = False) -> bool:
    """True when landmarks (478, 3), found with `score` in a picture (H, W, 3) uint8, are those of a face.

    `prominent`: the detector saw it in the whole picture and it is large. Such a face may fail one of the two
    checks by a little, as engravings and heads turned far to one side do.
    """
    if score < PRESENCE or not has_face_proportions(landmarks):
        return False
    agreed = detectors_agree(srgb, landmarks, nets)
    if not agreed and not prominent:
        return False
    drifted = drift(srgb, landmarks, nets)
    if agreed and drifted < MAX_DRIFT:
        return True
    yaw = euler_degrees(head_pose(landmarks).rotation)[0]
    return prominent and abs(yaw) < MAX_YAW and drifted < (PROMINENT_DRIFT if agreed else MAX_DRIFT)


def is_human(landmarks: Float, person: Float32, hair: Float32, size: tuple[int, int]) -> bool:
    """Whether the face within the landmarks is a human one: networks see skin there, and a person.

    Measured on 35 portraits, paintings among them: at most 0.03 of the middle of the face is taken for hair and all of
    it for a person; of a cat's 0.46 and 0.26, of a drawn figure's 0.00 and 0.12.

    Args:
        landmarks: (478, 3) pixels. person, hair: (h, w) float32, 0 to 1, covering the picture at any size.
        size: (width, height) of the picture, pixels.
    """

    def middle(probability: Float32) -> float:
        height, width = probability.shape
        points = landmarks[list(_MIDDLE), :2] * (width / size[0], height / size[1])
        inside = draw.fill_polygon(points, width, height) > 0.5
        return float(probability[inside].mean()) if inside.any() else float("nan")

    return not (middle(hair) > MAX_FUR or middle(person) < MIN_PERSON)


def has_face_proportions(landmarks: Float) -> bool:
    """True when landmarks (478, 3), pixels, lie as on a face, large enough to be of use."""
    if not np.isfinite(landmarks).all():
        return False
    pose, index = head_pose(landmarks), list(STABLE)
    misfit = pose.to_head(landmarks[index]) - template()[index]
    return pose.scale >= MIN_SIZE_PX and float(np.sqrt((misfit**2).sum(1).mean())) < MAX_MISFIT


def drift(srgb: Picture, landmarks: Float, nets: Nets) -> float:
    """How far the points move when the square is moved: the largest mean of several moves, in template units."""
    square, scale = around_landmarks(landmarks), head_pose(landmarks).scale
    worst = 0.0
    for move in _MOVES:
        seen, _ = nets.landmarker.predict(srgb, square.offset(*move))
        worst = max(worst, float(np.linalg.norm((seen - landmarks)[:, :2], axis=1).mean()) / scale)
    return worst


def detectors_agree(srgb: Picture, landmarks: Float, nets: Nets) -> bool:
    """True when a detector, in crops around the face, sees eyes, nose and mouth where the landmarks have them."""
    xy = landmarks[:, :2]
    parts = [EYE_RIGHT, EYE_LEFT, (NOSE_TIP,), (LIP_TOP, LIP_BOTTOM)]
    expected = np.stack([xy[list(part)].mean(0) for part in parts])
    square, limit = around_landmarks(landmarks), MAX_DISTANCE * head_pose(landmarks).scale
    agreements = 0
    for zoom in _ZOOMS:
        closer = replace(square, size=square.size * zoom / 1.5)
        agreements += any(
            np.linalg.norm(box.keypoints[:4] - expected, axis=1).max() < limit
            for detector in (nets.near, nets.far)
            for box in detector.detect(srgb, closer, threshold=DETECTION)
        )
        if agreements >= AGREEMENTS:
            return True
    return False
