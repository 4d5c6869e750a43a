"""Finding faces that are small, tilted, off centre or several, and finding none where there is none."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from gioconda.face.nets import Nets
from gioconda.face.plausibility import PRESENCE, is_face
from gioconda.face.region import Region
from gioconda.face.search import find_faces
from skimage import data

EYES = (33, 263)


@pytest.fixture(scope="module")
def nets(models_folder: Path) -> Nets:
    return Nets.open(models_folder, "cpu")


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    return data.astronaut()


@pytest.fixture(scope="module")
def straight(nets: Nets, portrait: np.ndarray) -> np.ndarray:
    return find_faces(portrait, nets)[0].landmarks


def placed(portrait: np.ndarray, matrix: np.ndarray, width: int, height: int) -> np.ndarray:
    """The portrait carried by a (2, 3) matrix onto a grey canvas."""
    canvas = cv2.warpAffine(portrait, matrix, (width, height), flags=cv2.INTER_AREA, borderValue=(110, 110, 110))
    return np.ascontiguousarray(canvas)


def eye_error(found: np.ndarray, straight: np.ndarray, matrix: np.ndarray) -> float:
    """How far the eyes are from where the matrix carried them, in eye distances."""
    expected = straight[list(EYES), :2] @ matrix[:, :2].T + matrix[:, 2]
    return float(
        np.linalg.norm(found[list(EYES), :2] - expected, axis=1).max() / np.linalg.norm(expected[1] - expected[0])
    )


@pytest.mark.parametrize("degrees", [-90, -45, 30, 45, 180])
def test_a_tilted_face_is_found(nets: Nets, portrait: np.ndarray, straight: np.ndarray, degrees: float) -> None:
    matrix = cv2.getRotationMatrix2D((225, 120), degrees, 1.0)
    faces = find_faces(placed(portrait, matrix, 512, 512), nets)
    assert len(faces) == 1
    assert eye_error(faces[0].landmarks, straight, matrix) < 0.12


def test_a_small_face_in_a_corner_is_found(nets: Nets, portrait: np.ndarray, straight: np.ndarray) -> None:
    head = portrait[:280, 80:370]
    matrix = np.array([[0.25, 0, 1180.0], [0, 0.25, 700.0]])
    random = np.random.default_rng(0)
    canvas = cv2.resize(random.integers(60, 160, (45, 80, 3), dtype=np.uint8), (1280, 800))
    small = cv2.resize(head, (72, 70), interpolation=cv2.INTER_AREA)
    canvas[700:770, 1180:1252] = small
    faces = find_faces(canvas, nets)
    assert len(faces) == 1
    assert eye_error(faces[0].landmarks, straight - (80, 0, 0), matrix) < 0.15


def test_several_faces_come_from_left_to_right(nets: Nets, portrait: np.ndarray, straight: np.ndarray) -> None:
    row = np.hstack([portrait[:300, 80:380], portrait[:300, 380:320:-1], portrait[:300, 80:380]])
    faces = find_faces(row, nets, wanted=2)
    assert len(faces) == 2
    assert faces[0].box[2] < faces[1].box[0]
    assert abs(faces[0].size - faces[1].size) < 0.05 * faces[0].size


@pytest.mark.parametrize("name", ["chelsea", "rocket", "brick"])
def test_no_face_is_found_where_there_is_none(nets: Nets, name: str) -> None:
    picture = getattr(data, name)()
    srgb = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)
    assert find_faces(np.ascontiguousarray(srgb), nets) == []


@pytest.mark.parametrize(("width", "height"), [(1, 1), (2, 300), (3000, 12)])
def test_odd_sizes_hold_no_face(nets: Nets, width: int, height: int) -> None:
    assert find_faces(np.full((height, width, 3), 128, np.uint8), nets) == []


def test_other_things_are_no_face_though_the_network_is_sure(nets: Nets, portrait: np.ndarray) -> None:
    (face,) = find_faces(portrait, nets)
    fooled = 0
    for x in range(40, 500, 60):
        for y in range(220, 500, 60):
            for box in nets.far.detect(portrait, Region(x, y, 120, np.pi / 2), threshold=0.2)[:3]:
                landmarks, score = nets.landmarker.landmarks(portrait, box)
                if score > PRESENCE and not face.holds(box.centre):
                    fooled += 1
                    assert not is_face(portrait, landmarks, score, nets)
    assert fooled > 5  # else this test shows nothing


def test_the_portraits_show_as_many_faces_as_they_have(nets: Nets, shared_data: Path) -> None:
    for name, count in {
        "painting_american_gothic_1024x1236.jpg": 2,
        "painting_vangogh_self_1889_1045x1277.jpg": 1,
        "painting_sistine_madonna_1280x1755.jpg": 5,
        "painting_pearl_earring_2667x3000.jpg": 1,
    }.items():
        srgb = cv2.cvtColor(cv2.imread(str(shared_data / "portraits" / name)), cv2.COLOR_BGR2RGB)
        assert len(find_faces(srgb, nets)) == count, name
