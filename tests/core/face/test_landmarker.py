"""The converted networks against MediaPipe 0.10.21 itself (tests/data/golden_landmarks.npz), and how steady their
answers are.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from gioconda.face.nets import Nets
from gioconda.face.region import Region, around_landmarks, whole_picture
from gioconda.landmarks import EYE_OUTER_LEFT, EYE_OUTER_RIGHT, NOSE_TIP, mirrored
from skimage.data import astronaut

GOLDEN = Path(__file__).resolve().parents[2] / "data" / "golden_landmarks.npz"


@pytest.fixture(scope="module")
def nets(models_folder: Path) -> Nets:
    return Nets.open(models_folder, "cpu")


def percent_of_eye_distance(found: np.ndarray, expected: np.ndarray) -> float:
    """Mean distance of landmarks (478, 3), percent of the distance of the outer eye corners."""
    eyes = np.linalg.norm(expected[EYE_OUTER_RIGHT, :2] - expected[EYE_OUTER_LEFT, :2])
    return float(np.linalg.norm(found - expected, axis=1).mean() / eyes * 100)


def as_mediapipe(nets: Nets, srgb: np.ndarray) -> np.ndarray:
    """What MediaPipe's FaceMesh does with a picture: the best box of the short range, one look. (478, 3), its
    coordinates.

    MediaPipe counts pixels from the first one's centre and takes the whole picture's centre for width / 2 all the same.
    """
    whole = whole_picture(srgb)
    box = nets.near.detect(srgb, Region(whole.x + 0.5, whole.y + 0.5, whole.size), threshold=0.5)[0]
    return nets.landmarker.predict(srgb, box.region(), smooth=False)[0] - (0.5, 0.5, 0)


def test_landmarks_are_those_of_mediapipe_on_one_portrait(nets: Nets) -> None:
    expected = np.load(GOLDEN)["photo_eileen_collins_nasa_512.png"]
    assert percent_of_eye_distance(as_mediapipe(nets, astronaut()), expected) < 0.05


def test_landmarks_are_those_of_mediapipe_on_every_portrait(nets: Nets, shared_data: Path) -> None:
    golden = np.load(GOLDEN)
    errors = {}
    for name in golden.files:
        path = shared_data / "portraits" / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != str(golden[f"{name}.sha256"]):
            continue
        srgb = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        errors[name] = percent_of_eye_distance(as_mediapipe(nets, srgb), golden[name])
    assert len(errors) >= 10
    assert max(errors.values()) < 0.4, errors
    assert np.mean(list(errors.values())) < 0.2, errors


def test_the_person_is_that_of_mediapipe(nets: Nets) -> None:
    expected = np.load(GOLDEN)["segmentation"]
    small = cv2.resize(astronaut(), (256, 256), interpolation=cv2.INTER_AREA).astype(np.float32)[None] / 255
    found = nets.segmenter._session.run({"image": small})[0][0, :, :, 0]
    assert np.abs(found[::8, ::8] - expected).max() < 1e-3


def test_a_settled_face_is_seen_alike_from_another_start(nets: Nets) -> None:
    srgb = astronaut()
    box = nets.near.detect(srgb, whole_picture(srgb), threshold=0.5)[0]
    first, score = nets.landmarker.landmarks(srgb, box)
    assert score > 0.99
    region = around_landmarks(first)
    other = Region(region.x + 0.1 * region.size, region.y, region.size * 1.2, region.angle + 0.2)
    second = nets.landmarker.predict(srgb, around_landmarks(nets.landmarker.predict(srgb, other)[0]))[0]
    steady, again = (nets.landmarker.averaged(srgb, points) for points in (first, second))
    assert percent_of_eye_distance(again[:, :2], steady[:, :2]) < 1.5
    assert percent_of_eye_distance(again[:, :2], steady[:, :2]) < percent_of_eye_distance(second[:, :2], first[:, :2])


def test_a_mirrored_picture_gives_mirrored_landmarks(nets: Nets) -> None:
    srgb = astronaut()
    points = nets.landmarker.landmarks(srgb, nets.near.detect(srgb, whole_picture(srgb), threshold=0.5)[0])[0]
    steady = nets.landmarker.averaged(srgb, points)
    turned = np.ascontiguousarray(srgb[:, ::-1])
    reflected = points[mirrored()] * (-1, 1, 1) + (srgb.shape[1], 0, 0)
    back = nets.landmarker.averaged(turned, reflected)[mirrored()] * (-1, 1, 1) + (srgb.shape[1], 0, 0)
    assert percent_of_eye_distance(back[:, :2], steady[:, :2]) < 0.6
    assert abs((back - steady)[:, 0].mean()) < 0.3


def test_the_nose_is_nearer_than_the_ears(nets: Nets) -> None:
    srgb = astronaut()
    points = nets.landmarker.landmarks(srgb, nets.near.detect(srgb, whole_picture(srgb), threshold=0.5)[0])[0]
    assert points[NOSE_TIP, 2] < points[[234, 454], 2].min() - 20
