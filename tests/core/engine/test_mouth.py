"""The mouth's inside, on a drawn mouth: what is taken for teeth of which row, what becomes of it as the mouth moves."""

from __future__ import annotations

import numpy as np
import pytest
from gioconda import landmarks as lm
from gioconda.engine.kernels import PAD
from gioconda.engine.mouth import Mouth, find_mouth, paint_mouth
from gioconda.engine.mouth.shape import is_tooth
from gioconda.engine.patch import Patch, catmull_rom_loop
from gioconda.imaging import draw, resample
from gioconda.pose import head_pose

APART = 300.0  # pixels between the outer corners of the eyes
SIZE = 600
SKIN, LIP, TONGUE = np.array([0.45, 0.28, 0.2]), np.array([0.3, 0.07, 0.06]), np.array([0.2, 0.06, 0.06])
ENAMEL, DARK = np.array([0.62, 0.55, 0.44]), np.array([0.012, 0.006, 0.005])
OPENED = 60.0  # pixels between the lips
EDGE = 18.0  # pixels from the upper lip to the biting edge


def _face(opened: float = OPENED) -> np.ndarray:
    """(478, 3) landmarks, the lower lip dropped."""
    points = lm.template() * APART
    points[:, :2] += SIZE / 2 - points[[lm.LIP_TOP], :2]
    lower = list(lm.LIPS_INNER[11:])
    across = (points[lower, 0] - points[78, 0]) / (points[308, 0] - points[78, 0])
    fall = opened * 4 * across * (1 - across)
    points[lower, 1] += fall
    points[list(lm.LIPS_OUTER[11:]), 1] += fall
    points[[152, 199, 200, 175, 148, 377], 1] += opened
    return points


def _drawn(face: np.ndarray, *, teeth: bool = True, gap: float = 0.0, lower_row: bool = False) -> np.ndarray:
    """(SIZE, SIZE, 4) linear: upper teeth with dark lines between them, tongue, a dark gap."""
    image = np.empty((SIZE, SIZE, 4), np.float32)
    image[..., :3], image[..., 3] = SKIN, 1
    lips = catmull_rom_loop(face[list(lm.LIPS_INNER), :2], 4)
    inside = draw.fill_polygon(lips, SIZE, SIZE)[..., None]
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    from_middle = np.abs(x - face[lm.LIP_TOP, 0])
    line = np.abs((from_middle % 14) - 7) > 6.3
    edge = face[lm.LIP_TOP, 1] + EDGE - 0.05 * from_middle**2 / EDGE
    hole = np.where((y > edge + 4)[..., None], TONGUE, DARK)
    enamel = ENAMEL * np.where(line, 0.55, 1)[..., None]
    if teeth:
        tooth = (y < edge) & (from_middle < 40) & (from_middle > gap / 2)
        hole = np.where(tooth[..., None], enamel, hole)
    if lower_row:
        hole = np.where(((from_middle < 35) & (y > face[lm.LIP_BOTTOM, 1] - 16))[..., None], enamel, hole)
    around = draw.fill_polygon(catmull_rom_loop(face[list(lm.LIPS_OUTER), :2], 4), SIZE, SIZE)[..., None]
    image[..., :3] += around * (LIP - image[..., :3])
    image[..., :3] += inside * (hole - image[..., :3])
    return image


def _found(picture: np.ndarray, face: np.ndarray, flat: float = 0.0) -> Mouth:
    pose = head_pose(face)
    return find_mouth(picture, face, pose.to_head(face), pose, lm.template(), flat=flat)


def _painted(mouth: Mouth, face: np.ndarray, target: np.ndarray) -> Patch | None:
    pose = head_pose(face)
    moved = pose.to_head(target) - pose.to_head(face)
    return paint_mouth(mouth, face, target, moved, pose, (SIZE, SIZE))


def _shown(patch: Patch, picture: np.ndarray) -> np.ndarray:
    """The picture with the patch laid over it, (SIZE, SIZE, 3)."""
    result = picture[..., :3].copy()
    x, y = patch.origin
    h, w = patch.coverage.shape
    under = result[y : y + h, x : x + w]
    under += patch.coverage[..., None] * (patch.colour[..., :3] - under)
    return result


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    return _face()


@pytest.fixture(scope="module")
def toothy(face: np.ndarray) -> Mouth:
    return _found(_drawn(face), face)


def _weights(mouth: Mouth) -> np.ndarray:
    """How much of each texture is known, (3, h, w)."""
    return mouth.textures[:, PAD:-PAD, PAD:-PAD, 3]


def test_a_single_row_is_the_upper_one(toothy: Mouth) -> None:
    assert toothy.shows_teeth
    upper, lower, _ = _weights(toothy).sum((1, 2))
    assert upper > 300
    assert lower < 0.15 * upper


def test_two_rows_are_told_apart_by_where_they_are(face: np.ndarray) -> None:
    upper, lower, whole = _weights(_found(_drawn(face, lower_row=True), face))
    assert min(upper.sum(), lower.sum()) > 300
    rows = np.arange(len(whole))[:, None]
    assert (upper * rows).sum() / upper.sum() < (lower * rows).sum() / lower.sum() - 10
    assert (np.minimum(upper, lower) > 0.5).sum() < 20


def test_a_mouth_without_teeth_has_none(face: np.ndarray) -> None:
    mouth = _found(_drawn(face, teeth=False), face)
    assert not mouth.shows_teeth
    assert _weights(mouth)[:2].max() == 0
    assert mouth.is_open


def test_unseen_teeth_have_the_colour_of_the_seen(toothy: Mouth) -> None:
    from gioconda.engine.mouth.shape import is_tooth

    teeth = toothy.colour[is_tooth()]
    hue = teeth / teeth.sum(1, keepdims=True)
    np.testing.assert_allclose(hue, np.broadcast_to(ENAMEL / ENAMEL.sum(), hue.shape), atol=0.07)


def test_nothing_is_painted_at_rest(face: np.ndarray, toothy: Mouth) -> None:
    assert _painted(toothy, face, face) is None


def test_a_little_motion_is_a_little_change(face: np.ndarray, toothy: Mouth) -> None:
    picture = _drawn(face)
    patch = _painted(toothy, face, _face(OPENED + 5))
    assert patch is not None
    off = np.abs(_shown(patch, picture) - picture[..., :3]).mean(2)
    inside = draw.fill_polygon(face[list(lm.LIPS_INNER), :2], SIZE, SIZE) > 0.99
    assert off[resample.erode(inside, 6)].mean() < 0.03


def test_upper_teeth_stay_where_they_are_when_the_jaw_opens(face: np.ndarray, toothy: Mouth) -> None:
    picture = _drawn(face)
    patch = _painted(toothy, face, _face(OPENED + 40))
    assert patch is not None
    x, y = face[lm.LIP_TOP, :2].astype(int)
    tooth = np.s_[y + 8 : y + 14, x - 30 : x + 30]
    was, now = picture[tooth][..., :3].mean((0, 1)), _shown(patch, picture)[tooth].mean((0, 1))
    np.testing.assert_allclose(now, was, rtol=0.25)


def test_no_tooth_is_seen_a_second_time_before_the_tongue() -> None:
    """Where teeth filled the opening, a jaw that opens a little shows what is below them, not their image on it."""
    slit, wider = _face(13), _face(43)
    picture = _drawn(slit)
    patch = _painted(_found(picture, slit), slit, wider)
    assert patch is not None
    x, y = slit[lm.LIP_TOP, :2].astype(int)
    between = _shown(patch, picture)[y + 9 : y + 23, x - 20 : x + 20, 2]
    assert np.median(between, axis=1).max() < 0.3 * ENAMEL[2]


def test_teeth_hide_behind_lips_that_close(face: np.ndarray, toothy: Mouth) -> None:
    shut = face.copy()
    loop = list(lm.LIPS_INNER)
    shut[loop[11:], 1] = face[loop[9:0:-1], 1] + 1.0
    patch = _painted(toothy, face, shut)
    assert patch is not None
    seen = patch.colour[patch.coverage > 0.5][:, :3]
    assert seen.max() < 0.6 * ENAMEL.max()


def test_a_gap_between_teeth_stays_a_gap(face: np.ndarray) -> None:
    mouth = _found(_drawn(face, gap=7.0), face)
    patch = _painted(mouth, face, _face(OPENED + 12))
    assert patch is not None
    x, y = face[lm.LIP_TOP, :2].astype(int)
    row = _shown(patch, _drawn(face, gap=7.0))[y + 10, x - 12 : x + 13].mean(1)
    assert row[12] < 0.5 * row[[2, 22]].mean()


@pytest.mark.parametrize("degrees", [-35.0, 20.0])
def test_a_tilted_head_is_as_good_as_an_upright_one(face: np.ndarray, toothy: Mouth, degrees: float) -> None:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    tilt = np.array([[c, -s], [s, c]])
    middle = np.full(2, SIZE / 2)
    tilted = face.copy()
    tilted[:, :2] = (face[:, :2] - middle) @ tilt.T + middle
    back = np.column_stack([tilt.T, middle - tilt.T @ middle])
    mouth = _found(resample.warp_affine(_drawn(face), back, SIZE, SIZE, method="cubic"), tilted)
    assert mouth.shows_teeth
    assert _weights(mouth)[0].sum() == pytest.approx(_weights(toothy)[0].sum(), rel=0.15)
    assert mouth.jaw == pytest.approx(toothy.jaw, abs=0.05)


@pytest.mark.parametrize("exposure", [0.02, 30.0])
def test_the_light_of_the_picture_does_not_matter(face: np.ndarray, toothy: Mouth, exposure: float) -> None:
    mouth = _found(_drawn(face) * np.array([exposure, exposure, exposure, 1], np.float32), face)
    assert mouth.jaw == pytest.approx(toothy.jaw, abs=0.02)
    np.testing.assert_allclose(mouth.textures[0, ..., 3], toothy.textures[0, ..., 3], atol=0.1)
    np.testing.assert_allclose(mouth.colour / exposure, toothy.colour, rtol=0.1)


def test_it_is_the_same_every_time(face: np.ndarray, toothy: Mouth) -> None:
    again = _found(_drawn(face), face)
    for name in ("vertices", "colour", "textures", "place"):
        np.testing.assert_array_equal(getattr(again, name), getattr(toothy, name))


def test_teeth_in_a_grey_picture_are_found_and_grey(face: np.ndarray) -> None:
    picture = _drawn(face)
    picture[..., :3] = picture[..., :3] @ np.array([[0.2126], [0.7152], [0.0722]], np.float32)
    mouth = _found(picture, face)
    assert mouth.shows_teeth
    assert np.ptp(mouth.colour, axis=1).max() < 1e-5


def test_a_shut_muzzle_has_no_human_teeth() -> None:
    face = _face(0.0)
    picture, pose = _drawn(face, teeth=False), head_pose(face)
    human, animal = (
        find_mouth(picture, face, pose.to_head(face), pose, lm.template(), teeth) for teeth in (True, False)
    )
    tooth = is_tooth()
    light = [(mouth.colour[tooth] @ (0.2126, 0.7152, 0.0722)).mean() for mouth in (human, animal)]
    assert light[1] < 0.4 * light[0]
    np.testing.assert_array_equal(animal.colour[~tooth], human.colour[~tooth])


def test_a_drawing_has_a_few_flat_colours() -> None:
    shut = _face(0.0)
    same = {}
    for flat in (0.0, 1.0):
        patch = _painted(_found(_drawn(shut, teeth=False), shut, flat), shut, _face(40.0))
        assert patch is not None
        steps = np.abs(np.diff(patch.colour[..., :3], axis=1)).max(2)[patch.coverage[:, 1:] > 0.99]
        same[flat] = (steps < 1e-4).mean()
    assert same[1.0] > 0.2 > 2 * same[0.0]


def test_what_is_made_up_says_so(face: np.ndarray, toothy: Mouth) -> None:
    patch = _painted(toothy, face, _face(OPENED + 60))
    assert patch is not None
    assert patch.confidence is not None
    inside = patch.confidence[patch.coverage > 0.99]
    assert inside.min() == pytest.approx(0.2, abs=0.01)
    assert inside.max() > 0.7
