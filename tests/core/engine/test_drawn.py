"""Drawn faces: told from photographs; the line around the head belongs to it and moves with it, whole."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from gioconda.engine import Portrait, prepare, render
from gioconda.face.matte import _with_outline
from gioconda.imaging import draw, resample, srgb
from gioconda.imaging.drawn import drawn
from gioconda.landmarks import EYE_LEFT, EYE_RIGHT, LIPS_OUTER, OVAL, template
from gioconda.pose import Pose, rotation_matrix

from tests.sitters import Sitter

WALL, SKIN, LINE = np.array([236, 220, 200]), np.array([240, 170, 90]), np.array([80, 50, 30])
SIDE = 480
MIDDLE, AXES = (240, 230), (118, 150)


def cartoon() -> tuple[np.ndarray, np.ndarray]:
    """A drawn face (H, W, 3) uint8, and its landmarks (478, 3) pixels."""
    picture = np.full((SIDE, SIDE, 3), WALL, np.uint8)
    landmarks = template() * 135 + [*MIDDLE, 0]
    oval = landmarks[list(OVAL), :2]
    landmarks[:, :2] = (landmarks[:, :2] - oval.mean(0)) * (np.array(AXES) * 1.9 / np.ptp(oval, axis=0)) + MIDDLE
    cv2.ellipse(picture, MIDDLE, AXES, 0, 0, 360, SKIN.tolist(), -1, cv2.LINE_AA)
    cv2.ellipse(picture, MIDDLE, AXES, 0, 0, 360, LINE.tolist(), 4, cv2.LINE_AA)
    for loop, colour in ((EYE_RIGHT, (255, 255, 255)), (EYE_LEFT, (255, 255, 255)), (LIPS_OUTER, (200, 50, 60))):
        cv2.fillPoly(picture, [np.rint(landmarks[list(loop), :2]).astype(np.int32)], colour, cv2.LINE_AA)
    return picture, landmarks


@pytest.fixture(scope="module")
def matte() -> np.ndarray:
    """As a segmentation that knows people gives it: without the line, and with a bite out of it."""
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    inside = ((x - MIDDLE[0]) / (AXES[0] - 6)) ** 2 + ((y - MIDDLE[1]) / (AXES[1] - 6)) ** 2 < 1
    inside &= np.hypot(x - MIDDLE[0] + AXES[0], y - MIDDLE[1] + 40) > 16
    return inside.astype(np.float32)


@pytest.fixture(scope="module")
def toon(matte: np.ndarray) -> Portrait:
    picture, landmarks = cartoon()
    light = srgb.decode(picture.astype(np.float32) / 255)
    source = np.concatenate([light, np.ones((SIDE, SIDE, 1))], axis=2).astype(np.float32)
    return prepare(source, landmarks, _with_outline(picture, matte, landmarks))


def test_a_drawing_is_told_from_a_photograph_and_a_painting(sitter: Sitter) -> None:
    picture, landmarks = cartoon()
    assert drawn(picture, landmarks[list(OVAL), :2]) == 1
    for other in (sitter, Sitter.read("botticelli_venus")):
        assert drawn(other.srgb, other.landmarks[list(OVAL), :2]) == 0


def test_the_line_and_what_it_holds_belong_to_the_head(matte: np.ndarray) -> None:
    picture, landmarks = cartoon()
    whole = _with_outline(picture, matte, landmarks)
    head = draw.fill_polygon(
        np.array(MIDDLE) + np.array(AXES) * [[np.cos(a), np.sin(a)] for a in np.linspace(0, 2 * np.pi, 90)], SIDE, SIDE
    )
    assert whole[head > 0.99].min() == 1
    assert whole[~resample.dilate(head > 0, 4)].max() == 0


@pytest.mark.parametrize("turn", [(-10, 0), (10, 0), (5, 8), (0, -10)])
def test_the_line_stays_whole_as_the_head_turns(toon: Portrait, turn: tuple[int, int]) -> None:
    frame = render(toon, Pose(rotation=rotation_matrix(*turn)), passes=("Combined", "Matte")).passes
    seen = np.clip(srgb.encode(np.maximum(frame["Combined"][..., :3], 0)), 0, 1) * 255
    angles = np.radians(np.arange(0, 360, 4))
    head = frame["Matte"][..., 0] > 0.5
    y, x = (axis.astype(float).mean() for axis in np.nonzero(head))
    away = np.arange(40.0, 200.0, 0.5)
    widths = []
    for angle in angles:
        across = resample.remap(
            seen.astype(np.float32), (x + np.cos(angle) * away)[None], (y + np.sin(angle) * away)[None]
        )[0]
        beyond = across[np.flatnonzero(np.abs(across - WALL).max(1) > 40)[-1] + 6 :]
        assert np.abs(beyond - WALL).max() < 12  # nothing of the line or of the skin is left on the wall
        widths.append(0.5 * (np.abs(across[80:] - LINE).max(1) < 60).sum())
    widths = np.array(widths)
    assert (widths > 0.5).mean() > 0.9  # hardly anywhere is the line missing
    assert widths.max() < 14  # nowhere is it a slab
