"""The expression basis: what each channel does to the face."""

from __future__ import annotations

import numpy as np
import pytest
from gioconda import landmarks
from gioconda.landmarks import ARKIT, template
from gioconda.motion import blendshapes, regions

from .mouth_gap import mouth_gap

SHAPES = blendshapes.expression_basis()


def shape(**channels: float) -> np.ndarray:
    """The template with some channels on, lips kept from crossing."""
    values = np.array([[channels.get(name, 0.0) for name in ARKIT]], np.float32)
    moved = blendshapes.displacement(values)
    blendshapes.uncross_lips(template(), moved)
    return template() + moved[0]


def test_the_table_is_small_and_moves_every_channel_but_the_tongue() -> None:
    assert SHAPES.shape == (52, 478, 3)
    largest = np.linalg.norm(SHAPES, axis=2).max(1)
    assert (largest[:-1] > 0.02).all() and largest[-1] == 0
    assert largest.max() < 0.6


def test_left_is_the_persons_left_and_sides_mirror() -> None:
    mirror = landmarks.mirrored()
    for i, name in enumerate(ARKIT):
        if name.startswith(("eye", "brow", "cheekSquint", "noseSneer", "mouthSmile")) and name.endswith("Left"):
            other = SHAPES[ARKIT.index(name.replace("Left", "Right"))]
            np.testing.assert_allclose(SHAPES[i], other[mirror] * [-1, 1, 1], atol=2e-3)
            busy = np.linalg.norm(SHAPES[i], axis=1).argmax()
            assert template()[busy, 0] > 0


@pytest.mark.parametrize("side", ["Left", "Right"])
def test_a_full_blink_shuts_that_eye_exactly_and_leaves_the_other_open(side: str) -> None:
    face = shape(**{f"eyeBlink{side}": 1.0})
    other = "right" if side == "Left" else "left"
    assert regions.openness(face, side.lower()) < 2e-3
    assert regions.openness(face, other) == pytest.approx(regions.openness(template(), other), rel=0.02)
    assert (
        0.3
        < regions.openness(shape(**{f"eyeBlink{side}": 0.5}), side.lower()) / regions.openness(template(), side.lower())
        < 0.7
    )


def test_the_eyes_look_where_their_channels_say() -> None:
    right, left = landmarks.IRIS_RIGHT[0], landmarks.IRIS_LEFT[0]
    for name, point, axis, sign in (
        ("eyeLookOutLeft", left, 0, 1),
        ("eyeLookInLeft", left, 0, -1),
        ("eyeLookOutRight", right, 0, -1),
        ("eyeLookInRight", right, 0, 1),
        ("eyeLookUpLeft", left, 1, -1),
        ("eyeLookDownRight", right, 1, 1),
    ):
        assert 0.03 < sign * SHAPES[ARKIT.index(name), point, axis] < 0.12


def test_the_jaw_opens_downwards_and_backwards() -> None:
    face = shape(jawOpen=1.0)
    assert mouth_gap(face) > 0.4
    chin = face[landmarks.CHIN] - template()[landmarks.CHIN]
    assert chin[1] > 0.2 and chin[2] > 0.1
    assert np.linalg.norm(face[landmarks.FOREHEAD] - template()[landmarks.FOREHEAD]) < 5e-3


def test_mouth_close_shuts_the_lips_over_an_open_jaw() -> None:
    assert mouth_gap(shape(jawOpen=1.0, mouthClose=1.0)) < 0.02
    assert mouth_gap(shape(jawOpen=0.5, mouthClose=0.5)) < 0.02


@pytest.mark.parametrize(
    "channel", ["cheekPuff", "mouthPucker", "mouthRollUpper", "mouthRollLower", "mouthPressLeft", "mouthShrugLower"]
)
def test_a_closed_mouth_stays_closed(channel: str) -> None:
    assert mouth_gap(shape(**{channel: 1.0})) < 0.02


def test_lips_never_cross_whatever_the_channels() -> None:
    values = np.random.default_rng(0).random((200, 52)).astype(np.float32)
    moved = blendshapes.displacement(values)
    blendshapes.uncross_lips(template(), moved)
    faces = template() + moved
    gap = faces[:, list(blendshapes.LIP_LOWER), 1] - faces[:, list(blendshapes.LIP_UPPER), 1]
    assert gap.min() > -1e-5


def test_a_smile_lifts_and_widens_and_a_frown_lowers_the_corners() -> None:
    corner = landmarks.MOUTH_LEFT
    smile = SHAPES[ARKIT.index("mouthSmileLeft"), corner]
    assert smile[0] > 0.04 and smile[1] < -0.04
    assert SHAPES[ARKIT.index("mouthFrownLeft"), corner, 1] > 0.02
    pucker = SHAPES[ARKIT.index("mouthPucker")]
    assert pucker[landmarks.MOUTH_LEFT, 0] < -0.02 < 0.02 < pucker[landmarks.MOUTH_RIGHT, 0]


def test_brows_go_the_way_they_are_called() -> None:
    assert SHAPES[ARKIT.index("browInnerUp"), 336, 1] < -0.03
    assert SHAPES[ARKIT.index("browOuterUpLeft"), 300, 1] < -0.03
    assert SHAPES[ARKIT.index("browDownLeft"), 336, 1] > 0.02


def test_a_face_is_explained_by_the_channels_it_was_made_of() -> None:
    made = shape(jawOpen=0.4, mouthSmileLeft=0.6, mouthSmileRight=0.6, browInnerUp=0.5)
    wider = made * [1.1, 0.95, 1.0]
    channels, displaced = blendshapes.fit_channels(wider)
    found = dict(zip(ARKIT, channels, strict=True))
    assert found["jawOpen"] == pytest.approx(0.4, abs=0.12)
    assert found["browInnerUp"] == pytest.approx(0.5, abs=0.3)
    assert mouth_gap(wider - displaced) < 0.3 * mouth_gap(wider)
    assert blendshapes.fit_channels(template())[0].max() < 0.05
