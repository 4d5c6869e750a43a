"""What nothing moves is the picture itself, to the last bit; what hardly moves is hardly different."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest
from gioconda import landmarks as lm
from gioconda.engine import Portrait, prepare, render
from gioconda.engine.background import HAZE, MARGIN
from gioconda.imaging import resample
from gioconda.job.passes import ALL_PASSES
from gioconda.pose import Pose, rotation_matrix

if TYPE_CHECKING:
    from tests.sitters import Sitter

TURNS = {
    "yaw": Pose(rotation=rotation_matrix(12, 0, 0)),
    "nod": Pose(rotation=rotation_matrix(-4, 9, 3)),
    "aside": Pose(translation=np.array([0.3, -0.2, 0.0])),
    "nearer": Pose(scale=1.2),
    "far_out": Pose(translation=np.array([-40.0, 0.0, 0.0])),
}


def test_an_undriven_frame_is_the_picture_bit_for_bit(portrait: Portrait) -> None:
    assert np.array_equal(render(portrait, Pose()).passes["Combined"], portrait.source)


def test_a_picture_of_a_thousand_times_the_brightness_with_negative_values_stays_itself(small: Sitter) -> None:
    bright = small.source * [1000, 1000, 1000, 1] - np.float32([0.02, 0, 0.01, 0])
    bright = bright.astype(np.float32)
    assert bright.min() < 0
    assert bright.max() > 900
    portrait = prepare(bright, small.landmarks, small.matte)
    assert np.array_equal(render(portrait, Pose()).passes["Combined"], bright)
    moved = render(portrait, TURNS["yaw"], passes=("Combined", "Matte", "Disocclusion")).passes
    _outside_is_untouched(moved, bright)


def test_a_cut_out_stays_itself(small: Sitter) -> None:
    cutout = small.source * small.matte[..., None]
    portrait = prepare(cutout, small.landmarks, small.matte, cutout=True)
    assert np.array_equal(render(portrait, Pose()).passes["Combined"], cutout)


def test_a_picture_with_alpha_and_a_matte_of_its_own_stays_itself(small: Sitter) -> None:
    rows = np.linspace(0.3, 1, len(small.source), dtype=np.float32)[:, None, None]
    glassy = np.ascontiguousarray(small.source * rows)  # see-through at the top, as if behind a pane
    portrait = prepare(glassy, small.landmarks, small.matte)
    assert np.array_equal(render(portrait, Pose()).passes["Combined"], glassy)
    _outside_is_untouched(render(portrait, TURNS["nod"], passes=ALL_PASSES).passes, glassy)


@pytest.mark.parametrize("name", TURNS)
def test_where_the_person_neither_is_nor_was_every_frame_is_the_picture(portrait: Portrait, name: str) -> None:
    passes = ("Combined", "Matte", "Disocclusion", "Plate")
    _outside_is_untouched(render(portrait, TURNS[name], passes=passes).passes, portrait.source)


def test_an_expression_leaves_the_background_alone(portrait: Portrait, pose_of: Callable[..., Pose]) -> None:
    pose = pose_of(portrait, jawOpen=1.0, eyeBlinkLeft=1.0, mouthSmileRight=1.0)
    moved = render(portrait, pose, passes=("Combined", "Matte", "Disocclusion")).passes
    _outside_is_untouched(moved, portrait.source)
    assert np.abs(moved["Combined"] - portrait.source).max() > 0.1


def _outside_is_untouched(moved: dict[str, np.ndarray], source: np.ndarray) -> None:
    outside = (moved["Matte"][..., 0] == 0) & (moved["Disocclusion"][..., 0] == 0)
    assert outside.mean() > 0.2
    assert np.array_equal(moved["Combined"][outside], source[outside])


@pytest.mark.parametrize(
    "pose",
    [
        lambda e: Pose(rotation=rotation_matrix(8 * e, 5 * e, 0)),
        lambda e: Pose(translation=np.array([0.05 * e, 0.05 * e, 0.0])),
        lambda e: Pose(scale=1 + 0.05 * e),
    ],
)
def test_the_smaller_the_motion_the_nearer_the_picture(portrait: Portrait, pose: Callable[[float], Pose]) -> None:
    errors = []
    for e in (1e-1, 1e-2, 1e-3, 1e-5):
        frame = render(portrait, pose(e)).passes["Combined"]
        errors.append(np.abs(frame - portrait.source).max(2))
    means = [float(error.mean()) for error in errors]
    assert means == sorted(means, reverse=True)
    assert means[-1] < 1e-4
    # what is left lies on edges that are anti-aliased, and on the lids' rims
    assert errors[-1].max() < 0.1
    assert (errors[-1] > 0.002).mean() < 0.01


def test_the_person_and_the_plate_together_are_the_picture(portrait: Portrait, sitter: Sitter) -> None:
    layers = portrait.layers
    x0, y0, x1, y1 = layers.window
    border = (layers.texture.shape[1] - (x1 - x0)) // 2
    person = layers.texture[border : border + y1 - y0, border:-border]
    again = person + (1 - person[..., 3:]) * layers.plate
    assert np.abs(again - sitter.source[y0:y1, x0:x1]).max() < 1e-5
    matte = sitter.matte[y0:y1, x0:x1]
    # more than the matte where the picture says so, and hair that it missed; less where it is a haze
    assert ((person[..., 3] >= matte - 1e-6) | (matte < HAZE)).all()
    reach = MARGIN * np.linalg.norm(sitter.landmarks[lm.FOREHEAD, :2] - sitter.landmarks[lm.CHIN, :2])
    assert not person[~resample.dilate(matte > 0, reach + 2), 3].any()
    assert np.array_equal(person[matte == 1], sitter.source[y0:y1, x0:x1][matte == 1])
    nobody = person[..., 3] == 0
    assert np.array_equal(layers.plate[nobody], sitter.source[y0:y1, x0:x1][nobody])
