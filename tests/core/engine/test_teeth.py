"""The portrait's own teeth, on a drawn mouth: what is cut out, what is left, what is measured."""

from __future__ import annotations

import numpy as np
import pytest
from gioconda import landmarks as lm
from gioconda.engine.kernels import PAD
from gioconda.engine.patch import catmull_rom_loop
from gioconda.engine.teeth import CROWN, OwnTeeth, find_teeth
from gioconda.imaging import draw, resample

APART = 300.0  # pixels between the outer corners of the eyes
SIZE = 600
SKIN, LIP, TONGUE = np.array([0.45, 0.28, 0.2]), np.array([0.3, 0.07, 0.06]), np.array([0.2, 0.06, 0.06])
ENAMEL, DARK = np.array([0.62, 0.55, 0.44]), np.array([0.012, 0.006, 0.005])
OPENED = 60.0  # pixels between the lips
EDGE = 18.0  # pixels from the upper lip to the biting edge


def _face() -> np.ndarray:
    """(478, 3) landmarks, the lower lip dropped."""
    points = lm.template() * APART
    points[:, :2] += SIZE / 2 - points[[lm.LIP_TOP], :2]
    lower = list(lm.LIPS_INNER[11:])
    across = (points[lower, 0] - points[78, 0]) / (points[308, 0] - points[78, 0])
    points[lower, 1] += OPENED * 4 * across * (1 - across)
    points[152, 1] += OPENED
    return points


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    return _face()


def _drawn(face: np.ndarray, *, teeth: bool = True, gap: float = 0.0, lower_touches: bool = False) -> np.ndarray:
    """(SIZE, SIZE, 4) linear: upper teeth with dark lines between them, tongue, a bright rim of the lower lip."""
    image = np.empty((SIZE, SIZE, 4), np.float32)
    image[..., :3], image[..., 3] = SKIN, 1
    lips = catmull_rom_loop(face[list(lm.LIPS_INNER), :2], 4)
    inside = draw.fill_polygon(lips, SIZE, SIZE)[..., None]
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    from_middle = np.abs(x - face[lm.LIP_TOP, 0])
    edge = face[lm.LIP_TOP, 1] + EDGE - 0.05 * from_middle**2 / EDGE
    hole = np.where((y > edge + 4)[..., None], TONGUE, DARK)
    if teeth:
        tooth = (y < edge) & (from_middle < 40) & (from_middle > gap / 2)
        line = np.abs((from_middle % 14) - 7) > 6.3
        hole = np.where(tooth[..., None], ENAMEL * np.where(line, 0.55, 1)[..., None], hole)
    if lower_touches:
        hole = np.where(((np.abs(x - face[lm.LIP_TOP, 0] - 15) < 4) & (y >= edge - 1))[..., None], ENAMEL, hole)
    rim = (y > face[lm.LIP_BOTTOM, 1] + OPENED - 6)[..., None]  # lit, wet, red
    hole = np.where(rim, LIP * 1.5, hole)
    around = draw.fill_polygon(lips + 0.12 * (lips - lips.mean(0)), SIZE, SIZE)[..., None]
    image[..., :3] += around * (LIP - image[..., :3])
    image[..., :3] += inside * (hole - image[..., :3])
    return image


def _alpha(own: OwnTeeth) -> np.ndarray:
    """(SIZE, SIZE): where the cut-out covers the picture."""
    whole = np.zeros((SIZE, SIZE), np.float32)
    inner = own.picture[PAD:-PAD, PAD:-PAD, 3]
    x, y = (-own.to_crop[:, 2]).astype(int)
    whole[y : y + inner.shape[0], x : x + inner.shape[1]] = inner
    return whole


def _colour(own: OwnTeeth, x: float, y: float) -> np.ndarray:
    column, row = (own.to_crop @ (x, y, 1)).astype(int) + PAD
    return np.asarray(own.picture[row, column, :3])


def test_teeth_are_measured(face: np.ndarray) -> None:
    own = find_teeth(_drawn(face), face, SKIN)
    assert own.colour is not None
    assert own.edge is not None
    np.testing.assert_allclose(own.colour, ENAMEL, rtol=0.03)
    assert own.edge * APART == pytest.approx(EDGE, abs=2.5)


def test_teeth_are_kept_and_what_moves_with_the_jaw_is_not(face: np.ndarray) -> None:
    alpha = _alpha(find_teeth(_drawn(face), face, SKIN))
    x, y = face[lm.LIP_TOP, :2].astype(int)
    assert alpha[y + 6 : y + 12, x - 20 : x + 20].min() > 0.95
    assert alpha[y + int(EDGE) + 5 :, :].max() < 0.02  # tongue, lower lip


def test_a_tooth_goes_on_to_the_gum_where_the_lip_hid_it(face: np.ndarray) -> None:
    own = find_teeth(_drawn(face), face, SKIN)
    alpha = _alpha(own)
    x, y = face[lm.LIP_TOP, :2]
    column = alpha[:, int(x) + 2]
    hidden = CROWN * APART - EDGE
    assert column[int(y - 0.3 * hidden)] > 0.9  # still the tooth
    assert column[int(y - 1.5 * hidden)] < 0.05  # the arch's gum
    np.testing.assert_allclose(_colour(own, x + 2, y - 0.3 * hidden), ENAMEL, rtol=0.1)  # no line of lip in between
    np.testing.assert_allclose(_colour(own, x + 2, y + 1), ENAMEL, rtol=0.15)


def test_a_gap_between_teeth_stays_a_gap(face: np.ndarray) -> None:
    own = find_teeth(_drawn(face, gap=6.0), face, SKIN)
    x, y = face[lm.LIP_TOP, :2]
    assert _alpha(own)[int(y) + 10, int(x)] > 0.9  # its own darkness, not the arch's tooth
    assert _colour(own, x, y + 10).max() < 0.1


def test_a_lower_tooth_that_touches_the_upper_ones_stays_below(face: np.ndarray) -> None:
    alpha = _alpha(find_teeth(_drawn(face, lower_touches=True), face, SKIN))
    x, y = face[lm.LIP_TOP, :2].astype(int)
    assert alpha[y + int(EDGE) + 10 :, x + 10 : x + 20].max() < 0.05


def test_a_mouth_without_teeth_has_none(face: np.ndarray) -> None:
    own = find_teeth(_drawn(face, teeth=False), face, SKIN)
    assert own.colour is None
    assert own.edge is None
    assert own.picture.size  # what is seen of the mouth is kept as it is


@pytest.mark.parametrize("degrees", [-35.0, 20.0])
def test_a_tilted_head_is_as_good_as_an_upright_one(face: np.ndarray, degrees: float) -> None:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    tilt = np.array([[c, -s], [s, c]])
    middle = np.full(2, SIZE / 2)
    tilted = face.copy()
    tilted[:, :2] = (face[:, :2] - middle) @ tilt.T + middle
    back = np.column_stack([tilt.T, middle - tilt.T @ middle])
    picture = resample.warp_affine(_drawn(face), back, SIZE, SIZE, method="cubic")
    upright, own = find_teeth(_drawn(face), face, SKIN), find_teeth(picture, tilted, SKIN)
    assert own.edge == pytest.approx(upright.edge, abs=0.004)
    x, y = tilted[lm.LIP_TOP, :2] + tilt @ (2, -3)  # above the lip, in the face's own direction
    np.testing.assert_allclose(_colour(own, x, y), ENAMEL, rtol=0.15)
    assert own.picture[..., 3].sum() == pytest.approx(upright.picture[..., 3].sum(), rel=0.06)


@pytest.mark.parametrize("exposure", [0.02, 1.0, 30.0])
def test_the_light_of_the_picture_does_not_matter(face: np.ndarray, exposure: float) -> None:
    lit = _drawn(face) * np.array([exposure, exposure, exposure, 1], np.float32)
    own = find_teeth(lit, face, SKIN * exposure)
    assert own.colour is not None
    np.testing.assert_allclose(own.colour, ENAMEL * exposure, rtol=0.03)


def test_teeth_beside_dark_skin_and_in_a_grey_picture_are_found(face: np.ndarray) -> None:
    dark = find_teeth(_drawn(face), face, np.array([0.08, 0.04, 0.025]))
    picture = _drawn(face)
    picture[..., :3] = picture[..., :3] @ np.array([[0.2126], [0.7152], [0.0722]], np.float32)
    grey = find_teeth(picture, face, np.full(3, 0.31))
    assert dark.colour is not None
    assert grey.colour is not None
    assert np.ptp(grey.colour) < 1e-6
