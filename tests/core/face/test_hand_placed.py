"""Landmarks from a few points placed by a person: fitted well, met exactly, and every mistake named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from gioconda.errors import InputError
from gioconda.face.fit import fit_landmarks
from gioconda.face.hand_placed import parse_points
from gioconda.landmarks import IRIS_LEFT, NAMED, template
from gioconda.motion.readers.text import read_text
from gioconda.pose import HeadPose, euler_degrees, head_pose, rotation_matrix

GOLDEN = Path(__file__).resolve().parents[2] / "data" / "golden_landmarks.npz"
SIZE = (1000, 1200)
FEW = ("eye_outer_right", "eye_outer_left", "nose_tip", "chin")
MORE = (*FEW, "mouth_right", "mouth_left", "lip_upper_inner", "lip_lower_inner", "eye_inner_right", "eye_inner_left")


def a_face(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> np.ndarray:
    """The template in a picture of SIZE. (478, 3) pixels."""
    return HeadPose(220.0, rotation_matrix(yaw, pitch, roll), np.array([500.0, 520.0, 0.0])).to_picture(template())


def read_points(path: Path, size: tuple[int, int]) -> np.ndarray:
    return parse_points(read_text(path), size, str(path))


def written(path: Path, face: np.ndarray, names: tuple[str, ...], **changes: object) -> Path:
    content: dict[str, object] = {name: [float(v) for v in face[NAMED[name], :2]] for name in names}
    lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in {**content, **changes}.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(("yaw", "pitch", "roll"), [(0, 0, 0), (-20, 5, 0), (15, -10, 40), (0, 0, -120)])
def test_four_points_give_the_whole_face(tmp_path: Path, yaw: float, pitch: float, roll: float) -> None:
    face = a_face(yaw, pitch, roll)
    found = read_points(written(tmp_path / "points.json", face, FEW), SIZE)
    assert np.linalg.norm(found[:, :2] - face[:, :2], axis=1).mean() < 0.03 * 220
    expected, fitted = euler_degrees(head_pose(face).rotation), euler_degrees(head_pose(found).rotation)
    assert np.abs(np.subtract(expected, fitted)).max() < 8


def test_placed_points_are_met_and_the_iris_moves_as_one() -> None:
    face = a_face(10)
    placed = {NAMED[name]: face[NAMED[name], :2] for name in MORE}
    placed[NAMED["iris_left"]] = face[IRIS_LEFT[0], :2] + (12, -3)
    placed[NAMED["lip_lower_inner"]] = face[NAMED["lip_lower_inner"], :2] + (0, 30)
    found = fit_landmarks(placed, "points")
    for index, point in placed.items():
        assert np.abs(found[index, :2] - point).max() < 0.05
    iris = (found - face)[list(IRIS_LEFT), :2]
    assert np.abs(iris - iris[0]).max() < 2


def test_a_lower_lip_goes_down_without_the_upper_lip() -> None:
    face = a_face()
    placed = {NAMED[name]: face[NAMED[name], :2] for name in MORE}
    placed[14] = face[14, :2] + (0, 40)
    placed[152] = face[152, :2] + (0, 40)
    moved = fit_landmarks(placed, "points")[:, :2] - face[:, :2]
    assert moved[[87, 317], 1].min() > 25  # the lower lip's neighbours come along
    assert np.abs(moved[[82, 312, 0]]).max() < 8  # the upper lip stays


@pytest.mark.parametrize("name", ["photo_nasa_koch.jpg", "painting_renoir_jeanne_samary_1200x1470.jpg"])
def test_named_points_of_a_real_face_give_its_other_landmarks(name: str) -> None:
    face = np.load(GOLDEN)[name].astype(np.float64)
    eyes = np.linalg.norm(face[33, :2] - face[263, :2])
    for names, limit in ((MORE, 4.0), (tuple(NAMED), 2.0)):
        found = fit_landmarks({NAMED[n]: face[NAMED[n], :2] for n in names}, "points")
        assert np.linalg.norm(found[:, :2] - face[:, :2], axis=1).mean() / eyes * 100 < limit


def test_all_landmarks_may_be_given(tmp_path: Path) -> None:
    face = a_face(12)
    for content in (face.tolist(), {"landmarks": face.tolist()}):
        path = tmp_path / "all.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        assert np.allclose(read_points(path, SIZE), face)


def test_points_placed_on_a_smaller_copy_are_scaled(tmp_path: Path) -> None:
    face = a_face()
    points = {name: [float(v) / 2 for v in face[NAMED[name], :2]] for name in FEW}
    path = tmp_path / "points.json"
    path.write_text(json.dumps({"size": [500, 600], "points": points}), encoding="utf-8")
    assert np.abs(read_points(path, SIZE)[NAMED["chin"], :2] - face[NAMED["chin"], :2]).max() < 0.1
    path.write_text(json.dumps({"size": [500, 500], "points": points}), encoding="utf-8")
    with pytest.raises(InputError, match="place the points on this picture"):
        read_points(path, SIZE)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nose_tipp": [1, 2]}, r"line 6: there is no point called “nose_tipp”; did you mean “nose_tip”"),
        ({"chin": [5000, 10]}, r"line 5: chin at \(5000, 10\) lies outside the picture of 1000 × 1200"),
        ({"chin": [float("nan"), 10]}, r"line 5: chin must be \[x, y\] in pixels"),
        ({"chin": "low"}, r"chin must be \[x, y\] in pixels, not \"low\""),
    ],
)
def test_a_wrong_point_is_named_with_its_line(tmp_path: Path, change: dict[str, object], message: str) -> None:
    path = written(tmp_path / "points.json", a_face(), FEW, **change)
    with pytest.raises(InputError, match=message):
        read_points(path, SIZE)


def test_points_unlike_a_face_name_the_worst(tmp_path: Path) -> None:
    path = written(tmp_path / "points.json", a_face(), MORE, mouth_left=[100.0, 100.0])
    with pytest.raises(InputError, match="do not lie as on a face; look at “mouth_left”"):
        read_points(path, SIZE)


def test_too_few_points_say_how_many_are_needed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="places 3 points, at least 4 are needed"):
        read_points(written(tmp_path / "points.json", a_face(), FEW[:3]), SIZE)


def test_points_on_one_line_are_refused(tmp_path: Path) -> None:
    names = ("eye_outer_right", "eye_inner_right", "eye_inner_left", "eye_outer_left")
    with pytest.raises(InputError, match="nearly on one line"):
        read_points(written(tmp_path / "points.json", a_face(), names), SIZE)


def test_left_and_right_exchanged_is_noticed(tmp_path: Path) -> None:
    face = a_face() * (-1, 1, 1) + (1000, 0, 0)
    with pytest.raises(InputError, match="left and right seem to be exchanged"):
        read_points(written(tmp_path / "points.json", face, MORE), SIZE)


def test_a_broken_file_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "points.json"
    path.write_text('{\n "chin": [1, 2],\n "nose_tip" [3, 4]\n}', encoding="utf-8")
    with pytest.raises(InputError, match="line 3, column 13: this is not JSON"):
        read_points(path, SIZE)
    for content, message in (
        ("5", "holds no points"),
        ("[[1, 2, 3]]", "has 1 landmarks, 478"),
        ('{"points": 3}', "must name"),
    ):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(InputError, match=message):
            read_points(path, SIZE)
    with pytest.raises(InputError, match=r"no\.json"):
        read_points(tmp_path / "no.json", SIZE)
