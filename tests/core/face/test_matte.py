"""The person's matte: certain where it is certain, soft in the hair, the same every time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from gioconda import landmarks as lm
from gioconda.face.matte import estimate_matte
from gioconda.imaging import draw, resample
from gioconda.imaging.matting import closed_form_alpha, estimate_foreground

if TYPE_CHECKING:
    from tests.sitters import Sitter


def _probability(sitter: Sitter) -> np.ndarray:
    height, width = sitter.matte.shape
    return resample.resize(sitter.person, width, height, method="linear")


def test_it_has_the_pictures_size_and_stays_between_nothing_and_everything(sitter: Sitter) -> None:
    assert sitter.matte.shape == sitter.srgb.shape[:2]
    assert sitter.matte.dtype == np.float32
    assert sitter.matte.min() == 0
    assert sitter.matte.max() == 1


def test_far_from_the_outline_it_is_exactly_nothing_or_everything(sitter: Sitter) -> None:
    person = _probability(sitter)
    far = 0.04 * max(sitter.matte.shape)
    nobody, inside = resample.erode(person < 0.3, far), resample.erode(person > 0.7, far)
    assert nobody.mean() > 0.1
    assert inside.mean() > 0.1
    assert not sitter.matte[nobody > 0].any()
    assert (sitter.matte[inside > 0] == 1).all()
    height, width = sitter.matte.shape
    face = draw.fill_polygon(sitter.landmarks[list(lm.OVAL), :2], width, height)
    assert (sitter.matte[resample.erode(face > 0.99, 5) > 0] == 1).all()


def test_the_hair_is_soft_and_most_of_the_picture_is_not(sitter: Sitter) -> None:
    soft = (sitter.matte > 0.02) & (sitter.matte < 0.98)
    assert 0.002 < soft.mean() < 0.1
    above = soft[: int(sitter.landmarks[lm.FOREHEAD, 1])]
    assert above.sum() > 200
    values = sitter.matte[soft]
    assert ((values > 0.3) & (values < 0.7)).mean() > 0.1  # in between, not a jagged step


def test_it_is_the_same_every_time(small: Sitter) -> None:
    first, second = (estimate_matte(small.srgb, small.person, small.landmarks) for _ in range(2))
    assert np.array_equal(first, second)


def test_a_larger_picture_has_the_same_matte_with_sharper_edges(sitter: Sitter) -> None:
    large = sitter.scaled(2.5)
    matte = estimate_matte(large.srgb, large.person, large.landmarks)
    assert matte.shape == large.srgb.shape[:2]
    height, width = sitter.matte.shape
    assert np.abs(resample.resize(matte, width, height) - sitter.matte).mean() < 0.01
    person = resample.resize(sitter.person, *matte.shape[::-1], method="linear")
    far = 0.04 * max(matte.shape)
    assert not matte[resample.erode(person < 0.3, far) > 0].any()
    assert (matte[resample.erode(person > 0.7, far) > 0] == 1).all()


@pytest.mark.parametrize("probability", [0.0, 0.5, 1.0])
def test_a_picture_of_nothing_but_a_person_or_of_nobody_gives_a_matte(small: Sitter, probability: float) -> None:
    person = np.full((64, 64), probability, np.float32)
    matte = estimate_matte(small.srgb, person, small.landmarks)
    assert matte.shape == small.srgb.shape[:2]
    assert np.isfinite(matte).all()
    nose = small.landmarks[lm.NOSE_TIP, :2].astype(int)
    assert matte[nose[1], nose[0]] == 1  # a face is always person
    if probability == 1:
        assert (matte == 1).all()


def test_a_plain_picture_and_a_face_beside_the_picture_do_no_harm(small: Sitter) -> None:
    plain = np.full_like(small.srgb, 127)
    assert np.isfinite(estimate_matte(plain, small.person, small.landmarks)).all()
    outside = estimate_matte(small.srgb, small.person, small.landmarks + [0.8 * small.matte.shape[1], 0, 0])
    assert 0 <= outside.min() <= outside.max() <= 1


def test_a_tiny_picture_has_a_matte(sitter: Sitter) -> None:
    tiny = sitter.scaled(0.1)
    matte = estimate_matte(tiny.srgb, tiny.person, tiny.landmarks)
    assert matte.shape == tiny.srgb.shape[:2]
    assert matte.max() == 1


def test_the_persons_own_colour_is_found_under_a_soft_edge() -> None:
    """A red person over blue: half covered pixels are purple, the person in them is red."""
    alpha = np.clip(np.linspace(-0.5, 1.5, 64), 0, 1).astype(np.float32) * np.ones((48, 1), np.float32)
    red, blue = np.float32([0.8, 0.1, 0.1]), np.float32([0.1, 0.1, 0.8])
    mixed = alpha[..., None] * red + (1 - alpha[..., None]) * blue
    own = estimate_foreground(mixed, alpha)
    assert own.shape == mixed.shape
    assert np.abs(own - red)[alpha > 0.1].max() < 0.1


def test_alpha_satisfies_the_matting_laplacian() -> None:
    """Against the definition, window by window: Levin's cost has its least where the solver says."""
    random = np.random.default_rng(0)
    picture = resample.gaussian_blur(random.random((24, 30, 3)).astype(np.float32), 2.0)
    trimap = np.full((24, 30), 0.5, np.float32)
    trimap[:, :8], trimap[:, 22:] = 0, 1
    alpha = closed_form_alpha(picture, trimap)
    assert (alpha[:, :8] == 0).all()
    assert (alpha[:, 22:] == 1).all()

    def cost(alpha: np.ndarray) -> float:
        total = 0.0
        for y in range(22):
            for x in range(28):
                colours = picture[y : y + 3, x : x + 3].reshape(9, 3).astype(np.float64)
                centred = colours - colours.mean(0)
                own = alpha[y : y + 3, x : x + 3].ravel() - alpha[y : y + 3, x : x + 3].mean()
                ridge = np.linalg.solve(centred.T @ centred + 1e-5 * np.eye(3), centred.T @ own)
                total += float(((own - centred @ ridge) ** 2).sum() + 1e-5 * (ridge**2).sum())
        return total

    solved, least = closed_form_alpha(picture, trimap).astype(np.float64), cost(alpha.astype(np.float64))
    inner = (trimap == 0.5) & (alpha > 0.01) & (alpha < 0.99)
    for _ in range(5):
        changed = solved + 0.01 * random.normal(size=alpha.shape) * inner
        assert cost(changed) > least


def test_alpha_of_a_picture_without_contrast_is_smooth() -> None:
    trimap = np.full((20, 20), 0.5, np.float32)
    trimap[:, :5], trimap[:, 15:] = 0, 1
    alpha = closed_form_alpha(np.full((20, 20, 3), 0.5, np.float32), trimap)
    assert np.isfinite(alpha).all()
    assert (np.diff(alpha[10]) >= -1e-3).all()
