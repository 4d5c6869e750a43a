"""From a picture to everything rendering must know about its face."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from gioconda.errors import NoFaceError, OutputError
from gioconda.face.analyse import Analysis, analyse, from_points, save_analysis
from gioconda.face.hand_placed import parse_points
from gioconda.face.nets import Nets
from gioconda.face.plausibility import is_human
from gioconda.face.region import Picture, Region, around_landmarks
from gioconda.landmarks import NAMED
from skimage.data import astronaut, chelsea, coffee


@pytest.fixture(scope="module")
def nets(models_folder: Path) -> Nets:
    return Nets.open(models_folder, "cpu")


@pytest.fixture(scope="module")
def analysis(nets: Nets) -> Analysis:
    return analyse(astronaut(), nets)


@pytest.fixture(scope="module")
def pair() -> np.ndarray:
    """Two portraits side by side, the right one smaller."""
    head = astronaut()[:300, 60:400]
    small = cv2.resize(np.ascontiguousarray(head[:, ::-1]), None, fx=0.8, fy=0.8, interpolation=cv2.INTER_AREA)
    padded = np.full((300, small.shape[1], 3), 90, np.uint8)
    padded[: small.shape[0]] = small
    return np.hstack([head, padded])


def test_a_portrait_is_described_whole(analysis: Analysis) -> None:
    assert analysis.landmarks.shape == (478, 3) and analysis.landmarks.dtype == np.float64
    assert analysis.size == (512, 512) and analysis.face == analysis.faces == 1 and not analysis.hand_placed
    assert analysis.score > 0.99 and analysis.notes == ()
    left, top, right, bottom = analysis.box
    assert 150 < left < 200 and 250 < right < 300 and 40 < top < 100 and 160 < bottom < 200


def test_the_person_is_the_person(analysis: Analysis) -> None:
    height, width = analysis.person.shape
    at = (analysis.landmarks[:468, :2] * (width / 512, height / 512)).astype(int)
    assert np.mean(analysis.person[at[:, 1], at[:, 0]] > 0.9) > 0.98  # all but a few on the outline
    assert analysis.person[: height // 3, : width // 5].max() < 0.2  # the flag
    assert analysis.person[: height // 3, int(0.65 * width) :].mean() < 0.2  # the rocket
    assert analysis.person.dtype == np.float32 and analysis.person.min() >= 0 and analysis.person.max() <= 1


def test_the_same_picture_gives_the_same_analysis(nets: Nets, analysis: Analysis) -> None:
    again = analyse(astronaut(), nets)
    assert np.array_equal(again.landmarks, analysis.landmarks) and np.array_equal(again.person, analysis.person)


def test_an_enlarged_picture_gives_enlarged_landmarks(nets: Nets, analysis: Analysis) -> None:
    large = cv2.resize(astronaut(), (1024, 1024), interpolation=cv2.INTER_CUBIC)
    found = analyse(large, nets)
    expected = analysis.scaled(2)
    assert expected.size == found.size
    eyes = np.linalg.norm(expected.landmarks[33, :2] - expected.landmarks[263, :2])
    assert np.linalg.norm((found.landmarks - expected.landmarks)[:, :2], axis=1).mean() < 0.006 * eyes


def test_a_face_is_chosen_by_number_from_the_left_or_by_size(nets: Nets, pair: np.ndarray) -> None:
    first, second = (analyse(pair, nets, face=number) for number in (1, 2))
    assert first.box[2] < second.box[0] and (first.face, second.face, first.faces) == (1, 2, 2)
    assert analyse(pair, nets, face="largest").face == 1
    assert "2 faces" in first.notes[0]
    with pytest.raises(NoFaceError, match="2 faces found: choose one with --face 1 to 2"):
        analyse(pair, nets, face=None)
    with pytest.raises(NoFaceError, match="There is no face 3: 2 faces found"):
        analyse(pair, nets, face=3)


def test_the_other_person_is_no_part_of_this_one(nets: Nets, pair: np.ndarray) -> None:
    first, second = (analyse(pair, nets, face=number) for number in (1, 2))
    height, width = first.person.shape
    x, y = (second.landmarks[4, :2] * (width / pair.shape[1], height / pair.shape[0])).astype(int)
    assert first.person[y, x] < 0.1
    height, width = second.person.shape
    x, y = (first.landmarks[4, :2] * (width / pair.shape[1], height / pair.shape[0])).astype(int)
    assert second.person[y, x] < 0.1


def test_no_face_gives_one_helpful_sentence(nets: Nets) -> None:
    with pytest.raises(NoFaceError, match="No face was found in the picture: crop it closer .*--points"):
        analyse(coffee(), nets)


def placed(srgb: Picture, nets: Nets, path: Path) -> Analysis:
    """The face at the points of a file."""
    size = (srgb.shape[1], srgb.shape[0])
    return from_points(srgb, nets, parse_points(path.read_text(encoding="utf-8"), size, path.name))


def test_points_placed_by_hand_take_the_search_s_place(nets: Nets, analysis: Analysis, tmp_path: Path) -> None:
    names = ("eye_outer_right", "eye_outer_left", "nose_tip", "mouth_right", "mouth_left", "chin")
    points = {name: [float(v) for v in analysis.landmarks[NAMED[name], :2]] for name in names}
    path = tmp_path / "points.json"
    path.write_text(json.dumps(points), encoding="utf-8")
    by_hand = placed(astronaut(), nets, path)
    assert by_hand.hand_placed and by_hand.notes
    eyes = np.linalg.norm(analysis.landmarks[33, :2] - analysis.landmarks[263, :2])
    assert np.linalg.norm((by_hand.landmarks - analysis.landmarks)[:, :2], axis=1).mean() < 0.04 * eyes
    assert (
        np.abs(by_hand.person - analysis.person).mean() < 0.05
        if by_hand.person.shape == analysis.person.shape
        else True
    )


def test_a_saved_analysis_can_be_loaded_and_placed_again(nets: Nets, analysis: Analysis, tmp_path: Path) -> None:
    path = tmp_path / "portrait.json"
    save_analysis(analysis, path)
    assert len(path.read_text(encoding="utf-8").splitlines()) > 478  # one landmark a line, for people
    again = placed(astronaut(), nets, path)
    assert np.abs(again.landmarks - analysis.landmarks).max() <= 0.0006


def test_an_analysis_that_cannot_be_written_gives_a_sentence(analysis: Analysis, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="Cannot write"):
        save_analysis(analysis, tmp_path / "no folder" / "portrait.json")


def test_every_portrait_gives_a_result(nets: Nets, shared_data: Path) -> None:
    for name in ("painting_vangogh_self_1889_1045x1277.jpg", "painting_american_gothic_1024x1236.jpg"):
        srgb = cv2.cvtColor(cv2.imread(str(shared_data / "portraits" / name)), cv2.COLOR_BGR2RGB)
        assert analyse(srgb, nets).score > 0.9


def test_a_human_face_is_told_from_a_cats(nets: Nets, analysis: Analysis) -> None:
    assert analysis.human
    assert analysis.notes == ()
    cat = chelsea()
    square = Region(225, 130, 220, 0)  # where its face is; the detectors know better than to call it one
    for _ in range(3):
        points, _ = nets.landmarker.predict(cat, square)
        square = around_landmarks(points)
    person, hair = nets.segmenter.person(cat, square), nets.hair.hair(cat, square)
    assert not is_human(points, person, hair, (cat.shape[1], cat.shape[0]))
