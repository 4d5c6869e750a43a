"""What the person hides: painted once, like its surroundings; at rest nothing changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from gioconda.engine import Portrait, prepare, render
from gioconda.engine.kernels import PAD
from gioconda.engine.portrait import person_alpha
from gioconda.imaging import resample
from gioconda.job.job import Job
from gioconda.neural.background import MARGIN, fill_background, missed_hair
from gioconda.pose import Pose, rotation_matrix
from gioconda.render.open_portrait import background_is_painted, with_painted_background
from gioconda.worker.messages import Stage

from tests.sitters import Sitter


@pytest.fixture(scope="module")
def whole(small: Sitter) -> Portrait:
    return prepare(small.source, small.landmarks, small.matte)


@pytest.fixture(scope="module")
def filled(whole: Portrait) -> Portrait:
    return fill_background(whole)


def test_at_rest_the_picture_is_the_source_bit_for_bit(filled: Portrait) -> None:
    made = render(filled, Pose(), passes=("Combined",)).passes["Combined"]
    assert np.array_equal(made.view(np.uint32), filled.source.view(np.uint32))


def test_person_over_background_is_still_the_picture(filled: Portrait) -> None:
    layers = filled.layers
    x0, y0, x1, y1 = layers.window
    person = layers.texture[PAD : PAD + y1 - y0, PAD : PAD + x1 - x0]
    together = person + (1 - person[..., 3:]) * layers.plate
    assert np.abs(together - filled.source[y0:y1, x0:x1]).max() < 1e-4


def test_beyond_the_margin_the_background_is_the_pictures_own(whole: Portrait, filled: Portrait) -> None:
    alpha = person_alpha(whole.layers, whole.source.shape[:2])
    face_px = float(np.linalg.norm(whole.landmarks[10, :2] - whole.landmarks[152, :2]))
    far = ~resample.dilate(alpha > 0, MARGIN * face_px + 2)
    plate = whole.source.copy()
    x0, y0, x1, y1 = filled.layers.window
    plate[y0:y1, x0:x1] = filled.layers.plate
    assert np.array_equal(plate[far], whole.source[far])
    assert person_alpha(filled.layers, alpha.shape)[far].max() == 0


def test_what_comes_into_view_is_painted_anew(whole: Portrait, filled: Portrait) -> None:
    turned = Pose(rotation=rotation_matrix(yaw=15))
    before, after = (render(p, turned, passes=("Combined",)).passes["Combined"] for p in (whole, filled))
    assert not np.array_equal(before, after)
    assert np.abs(before - after).mean() < 0.02


def test_the_same_portrait_is_filled_to_the_same_bits(whole: Portrait, filled: Portrait) -> None:
    again = fill_background(whole)
    assert np.array_equal(again.layers.plate.view(np.uint32), filled.layers.plate.view(np.uint32))
    assert np.array_equal(again.layers.texture.view(np.uint32), filled.layers.texture.view(np.uint32))


def test_an_artists_matte_is_not_grown(whole: Portrait) -> None:
    alpha = person_alpha(whole.layers, whole.source.shape[:2])
    own = person_alpha(fill_background(whole, own_matte=True).layers, alpha.shape)
    assert own[alpha == 0].max() == 0


def test_a_cutout_stays_as_it_is(whole: Portrait) -> None:
    source = whole.source.copy()
    source[:8] = 0
    cut = replace(whole, source=source)
    assert fill_background(cut) is cut


def test_hair_that_the_matte_missed_is_the_persons_and_a_distant_thing_is_not() -> None:
    face_px = 200.0
    picture = np.full((200, 200, 3), 0.7, np.float32)
    alpha = np.zeros((200, 200), np.float32)
    alpha[:, :100] = 1
    picture[:, :100] = 0.1
    picture[50:53, 100:106] = 0.15  # a wisp
    picture[120:130, 150:160] = 0.1  # something on the wall
    hole = resample.dilate(alpha > 0, MARGIN * face_px)
    missed = missed_hair(picture, np.full_like(picture, 0.7), alpha, hole, face_px)
    assert missed[51, 101:105].min() > 0.8
    assert missed[:45, 100:].max() == 0
    assert missed[115:135, 145:].max() == 0
    flag = picture.copy()
    flag[:, 100:][:, ::2] = [0.9, 0.1, 0.1]
    assert missed_hair(flag, np.full_like(picture, 0.7), alpha, hole, face_px)[:, 100:].max() < 0.1


def test_a_picture_whose_alpha_was_rounded_is_filled_all_the_same(whole: Portrait) -> None:
    source = whole.source.copy()
    source[..., 3] = np.nextafter(np.float32(1), np.float32(0))
    rounded = replace(whole, source=source)
    assert fill_background(rounded) is not rounded


def test_with_networks_the_background_is_painted_unless_it_is_the_artists_own_or_cut_out() -> None:
    job = Job(portrait="a.png", motion="take", output="####.exr", neural="fast")
    assert background_is_painted(job, cutout=False)
    assert not background_is_painted(job, cutout=True)
    assert not background_is_painted(replace(job, plate="clean.exr"), cutout=False)
    assert not background_is_painted(replace(job, neural="off"), cutout=False)


def test_a_job_fills_it_without_a_network(whole: Portrait, filled: Portrait) -> None:
    job = Job(portrait="a.png", motion="take", output="####.exr", neural="fast")
    said: list[object] = []
    painted = with_painted_background(job, whole, said.append)
    assert np.array_equal(painted.layers.plate, filled.layers.plate)
    assert [each.name for each in said if isinstance(each, Stage)] == ["complete"]
