"""What the person hides: filled once, like its surroundings; at rest nothing changes."""

from __future__ import annotations

import numpy as np
import pytest
from gioconda import landmarks as lm
from gioconda.engine import Portrait, prepare, render
from gioconda.engine.background import MARGIN, complete_background, missed_hair, variation
from gioconda.engine.inpaint import fill_with_patches
from gioconda.engine.kernels import PAD
from gioconda.engine.plate import split
from gioconda.engine.portrait import person_alpha
from gioconda.imaging import resample
from gioconda.pose import Pose

from tests.sitters import Sitter


@pytest.fixture(scope="module")
def filled(small: Sitter) -> Portrait:
    return prepare(small.source, small.landmarks, small.matte)


def _face_px(sitter: Sitter) -> float:
    return float(np.linalg.norm(sitter.landmarks[lm.FOREHEAD, :2] - sitter.landmarks[lm.CHIN, :2]))


def test_at_rest_the_picture_is_the_source_bit_for_bit(filled: Portrait) -> None:
    made = render(filled, Pose(), passes=("Combined",)).passes["Combined"]
    assert np.array_equal(made.view(np.uint32), filled.source.view(np.uint32))


def test_person_over_background_is_still_the_picture(filled: Portrait) -> None:
    layers = filled.layers
    x0, y0, x1, y1 = layers.window
    person = layers.texture[PAD : PAD + y1 - y0, PAD : PAD + x1 - x0]
    together = person + (1 - person[..., 3:]) * layers.plate
    assert np.abs(together - filled.source[y0:y1, x0:x1]).max() < 1e-4


def test_beyond_the_margin_the_background_is_the_pictures_own(small: Sitter, filled: Portrait) -> None:
    alpha = person_alpha(split(small.source, small.matte), small.matte.shape)
    far = ~resample.dilate(alpha > 0, MARGIN * _face_px(small) + 2)
    plate = small.source.copy()
    x0, y0, x1, y1 = filled.layers.window
    plate[y0:y1, x0:x1] = filled.layers.plate
    assert np.array_equal(plate[far], small.source[far])
    assert person_alpha(filled.layers, alpha.shape)[far].max() == 0


def test_the_same_portrait_is_filled_to_the_same_bits(small: Sitter, filled: Portrait) -> None:
    again = prepare(small.source, small.landmarks, small.matte)
    assert np.array_equal(again.layers.plate.view(np.uint32), filled.layers.plate.view(np.uint32))
    assert np.array_equal(again.layers.texture.view(np.uint32), filled.layers.texture.view(np.uint32))


def test_an_artists_matte_is_not_grown(small: Sitter) -> None:
    own = prepare(small.source, small.landmarks, small.matte, own_matte=True)
    alpha = person_alpha(split(small.source, small.matte), small.matte.shape)
    assert person_alpha(own.layers, alpha.shape)[alpha == 0].max() == 0


def test_a_plain_wall_stays_plain(small: Sitter) -> None:
    """A wall that is lit from one side: no ring, no pattern, no hole."""
    height, width = small.matte.shape
    wall = np.ones((height, width, 4), np.float32)
    wall[..., :3] = np.linspace(0.2, 0.4, width, dtype=np.float32)[:, None]
    alpha = small.matte[..., None]
    picture = (alpha * small.source + (1 - alpha) * wall).astype(np.float32)
    found = complete_background(picture, small.matte, _face_px(small))
    assert found is not None
    near = resample.distance_inside(small.matte > 0) < 0.15 * _face_px(small)  # what comes into view
    assert np.abs(found[0] - wall)[near].max() < 0.06
    assert np.abs(found[0] - wall)[near].mean() < 0.003


def test_a_pattern_goes_on_behind_the_person() -> None:
    """Stripes across: a smooth fill has lost them in the middle."""
    stripes = np.zeros((96, 128, 3), np.uint8)
    stripes[(np.arange(96) // 6) % 2 == 0] = [200, 60, 40]
    hole = np.zeros((96, 128), bool)
    hole[20:80, 45:85] = True
    smooth = np.round(resample.fill_holes_smooth(stripes.astype(np.float32), ~hole)).astype(np.uint8)
    found = fill_with_patches(stripes, hole, smooth)
    assert found is not None
    before, after = (np.abs(each.astype(int) - stripes)[hole].mean() for each in (smooth, found[0]))
    assert after < 0.35 * before
    again = fill_with_patches(stripes, hole, smooth)
    assert again is not None and np.array_equal(again[0], found[0]) and np.array_equal(again[1], found[1])
    assert not hole[found[1][..., 0], found[1][..., 1]].any()  # everything was taken from what is known


def test_where_nothing_is_known_there_are_no_patches() -> None:
    picture = np.zeros((64, 64, 3), np.uint8)
    hole = np.ones((64, 64), bool)
    hole[0, 0] = False
    assert fill_with_patches(picture, hole, picture) is None


def test_hair_that_the_matte_missed_is_the_persons_and_a_distant_thing_is_not() -> None:
    face_px = 200.0
    picture = np.full((200, 200, 3), 0.7, np.float32)
    alpha = np.zeros((200, 200), np.float32)
    alpha[:, :100] = 1
    picture[:, :100] = 0.1
    picture[50:53, 100:106] = 0.15  # a wisp
    picture[120:130, 150:160] = 0.1  # something on the wall
    hole = resample.dilate(alpha > 0, MARGIN * face_px)
    background = np.full_like(picture, 0.7)
    missed = missed_hair(picture, background, alpha, hole, variation(picture, hole, face_px), face_px)
    assert missed[51, 101:105].min() > 0.8
    assert missed[:45, 100:].max() == 0
    assert missed[115:135, 145:].max() == 0
    flag = picture.copy()
    flag[:, 100:][:, ::2] = [0.9, 0.1, 0.1]
    missed = missed_hair(flag, background, alpha, hole, variation(flag, hole, face_px), face_px)
    assert missed[:, 100:].max() < 0.1


def test_a_picture_whose_alpha_was_rounded_is_filled_all_the_same(small: Sitter, filled: Portrait) -> None:
    source = small.source.copy()
    source[..., 3] = np.nextafter(np.float32(1), np.float32(0))
    rounded = prepare(source, small.landmarks, small.matte)
    assert np.abs(rounded.layers.plate - filled.layers.plate).max() < 1e-4
