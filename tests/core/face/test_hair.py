"""The hair: what the network says, and what becomes of it on the person."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from gioconda import landmarks as lm
from gioconda.engine import prepare
from gioconda.engine.portrait import MATTE_NAMES
from gioconda.face.hair import HairSegmenter, estimate_hair
from gioconda.face.region import around_landmarks
from gioconda.imaging import resample
from gioconda.models.registry import model_path
from gioconda.models.runtime import Session
from skimage.data import astronaut

if TYPE_CHECKING:
    from tests.sitters import Sitter

GOLDEN = Path(__file__).resolve().parents[2] / "data" / "golden_hair.npz"


@pytest.fixture(scope="module")
def segmenter(models_folder: Path) -> HairSegmenter:
    return HairSegmenter(Session(model_path("hair_segmentation", models_folder), "cpu", threads=1))


@pytest.fixture(scope="module")
def probability(segmenter: HairSegmenter, sitter: Sitter) -> np.ndarray:
    return segmenter.hair(sitter.srgb, around_landmarks(sitter.landmarks))


@pytest.fixture(scope="module")
def hair(sitter: Sitter, probability: np.ndarray) -> np.ndarray:
    found = estimate_hair(sitter.srgb, probability, sitter.matte, sitter.landmarks)
    assert found is not None
    return found


def test_the_network_answers_as_in_tensorflow_lite(models_folder: Path) -> None:
    """Its unpooling included: where a picture is flat there are four equal maxima, and the first counts."""
    session = Session(model_path("hair_segmentation", models_folder), "cpu", threads=1)
    image = np.zeros((2, 512, 512, 4), np.float32)
    image[0, ..., :3] = astronaut() / np.float32(255)
    scores = session.run({"image": image})[0]
    apart = np.abs(scores[0, ::8, ::8] - np.load(GOLDEN)["scores"])
    assert np.median(apart) < 1e-4 and (apart > 0.01).mean() < 0.01  # two nearly equal maxima may change places
    assert np.array_equal(session.run({"image": image[1:]})[0][0], scores[1])  # a batch is its pictures


def test_it_lies_on_the_head_and_not_on_the_face(sitter: Sitter, hair: np.ndarray) -> None:
    h, w = hair.shape
    at = (sitter.landmarks[:, :2] * [w / sitter.srgb.shape[1], h / sitter.srgb.shape[0]]).astype(int)
    face_px = np.linalg.norm(at[lm.FOREHEAD] - at[lm.CHIN])
    above = at[lm.FOREHEAD] + ((at[lm.FOREHEAD] - at[lm.CHIN]) * 0.12).astype(int)
    assert hair.dtype == np.float32 and hair.min() == 0 and hair.max() <= 1.001
    assert hair[above[1] - 3 : above[1] + 4, above[0] - 3 : above[0] + 4].mean() > 0.8
    for point in (lm.NOSE_TIP, lm.CHIN, lm.LIP_BOTTOM, *lm.EYE_LEFT[:3]):
        assert hair[at[point][1], at[point][0]] < 0.05
    neck = at[lm.CHIN] + [0, int(0.2 * face_px)]
    assert hair[neck[1] - 3 : neck[1] + 4, neck[0] - 3 : neck[0] + 4].max() < 0.1


def test_nothing_beside_the_person_is_hair(sitter: Sitter, hair: np.ndarray) -> None:
    alpha = resample.resize(sitter.matte, hair.shape[1], hair.shape[0])
    assert not hair[alpha == 0].any()


def test_a_dark_dress_is_no_hair(sitter: Sitter, probability: np.ndarray) -> None:
    """The network taking everything below the chin, too: shoulders widen faster than hair hangs."""
    height, width = sitter.matte.shape
    black = sitter.srgb.copy()
    below = np.arange(height) > sitter.landmarks[lm.CHIN, 1] + 10
    black[below] = 20
    spilled = resample.resize(probability, width, height, method="linear")
    spilled[below] = np.maximum(spilled[below], 0.95 * (sitter.matte[below] > 0.5))
    found = estimate_hair(black, spilled, sitter.matte, sitter.landmarks)
    assert found is not None
    seen = resample.resize(found, width, height, method="linear")
    face_px = np.linalg.norm(sitter.landmarks[lm.FOREHEAD, :2] - sitter.landmarks[lm.CHIN, :2])
    x = np.abs(np.arange(width) - sitter.landmarks[lm.CHIN, 0])
    shoulders = (sitter.matte > 0.9) & below[:, None] & (x > 1.1 * face_px)
    if shoulders.sum() > 500:
        assert seen[shoulders].mean() < 0.35


def test_a_network_that_takes_the_face_for_hair_is_not_believed(sitter: Sitter) -> None:
    everything = np.ones((100, 100), np.float32)
    assert estimate_hair(sitter.srgb, everything, sitter.matte, sitter.landmarks) is None


def test_the_portraits_hair_is_what_was_given(small: Sitter) -> None:
    h, w = small.matte.shape
    hair = np.zeros((h, w), np.float32)
    hair[: int(small.landmarks[lm.FOREHEAD, 1])] = 1
    mattes = prepare(small.source, small.landmarks, small.matte, hair=hair).mattes
    found = dict(zip(MATTE_NAMES, np.moveaxis(mattes, 2, 0), strict=True))
    assert np.allclose(found["Hair"], hair, atol=1e-6)
    assert np.allclose(found["Face"] + found["Hair"] + found["Body"], 1, atol=1e-5)
