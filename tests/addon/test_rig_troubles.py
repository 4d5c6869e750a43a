"""Rigs in the hands of people: each fault is one sentence that names the row; drivers, turns, eyes and files count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def said(blender: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("troubles")
    return blender.run(
        Path(__file__).with_name("rig_troubles.py"), Path(__file__).parent, folder, folder=folder, timeout=200
    )


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("no rig", "no rig"),
        ("no rig, auto-map", "no rig"),
        ("deleted rig", "“Head” was deleted"),
        ("renamed key", "“jaw_open”"),
        ("renamed bone", "renamed"),
        ("bad mapping", "row 1"),
        ("not yaml", "not YAML"),
        ("descending", "ascend"),
        ("no frames", "no frames"),
        ("stage gone", "try again"),
        ("no file", "take.csv"),
        ("video", "tracked"),
        ("a ball", "looks like a face"),
    ],
)
def test_a_fault_is_one_sentence(said: dict[str, Any], fault: str, words: str) -> None:
    print(said[fault])
    assert said[fault].startswith("RigError: ") and words in said[fault]


def test_names_in_other_spellings_are_known(said: dict[str, Any]) -> None:
    assert said["targets"] == ["eyeBlinkLeft", "eyeBlinkRight", "jawOpen", "mouthSmileLeft"]
    assert "4 of 4 rows respond" in said["tested"]


def test_a_rig_without_animation_is_tested_by_pulling_at_it(said: dict[str, Any]) -> None:
    for name in ("not animated", "rig without animation"):
        assert "no animation" in said[name] and "rows answer" in said[name]


def test_a_mapping_survives_its_file_and_a_bad_file(said: dict[str, Any]) -> None:
    assert said["reloaded"] and said["kept"] == 4


def test_a_bake_that_is_closed_early_leaves_nothing(said: dict[str, Any]) -> None:
    assert said["closed early"] == 1 and said["scenes"][0] == 1


def test_drivers_subframes_and_time_remapping_count(said: dict[str, Any]) -> None:
    assert said["driver"] == pytest.approx([0, 0, 0.45, 0.9], abs=0.01)
    assert said["remapped"][2] == pytest.approx(0.9, abs=0.01)


def test_an_unknown_rig_is_matched_by_hints_and_place(said: dict[str, Any]) -> None:
    expected = {
        "jaw": "chin",
        "lip_upper": "lip_upper",
        "lip_lower": "lip_lower",
        "mouth_corner_L": "mouth_left",
        "mouth_corner_R": "mouth_right",
    }
    assert expected.items() <= said["bones"].items(), said["bones"]
    assert said["eyes"] == ["eye_L", "eye_R"]


def test_a_rig_turned_in_the_scene_is_seen_from_its_front(said: dict[str, Any]) -> None:
    assert said["still"] < 0.5
    across, down, _ = said["turned"]
    assert across > 60 and abs(down) < 25  # the nose to the picture's right: to the person's left
    assert said["head held"] < 0.5


def test_eyes_follow_a_target(said: dict[str, Any]) -> None:
    assert {"eyeLookOutLeft", "eyeLookInRight"} <= set(said["gaze"])
    assert not {"eyeLookInLeft", "eyeLookOutRight"} & set(said["gaze"])


def test_a_file_comes_at_the_scenes_rate(said: dict[str, Any]) -> None:
    assert said["file"] == [11, 30.0, 30]


def test_eye_bones_add_to_keys_and_a_target_wins_over_both(said: dict[str, Any]) -> None:
    keys, both, target = said["gaze added"]
    assert said["eye bones of keys"] == ["eye_L", "eye_R"]
    assert keys == pytest.approx(0.25, abs=0.01)
    assert both - keys == pytest.approx(10 / 35, abs=0.02), both
    assert target == pytest.approx(0.0, abs=0.02)
    assert "keys and eye bones, added" in said["gaze rule of both"]
    assert "look at “Look”" in said["gaze rule of a target"]


def test_keys_that_move_both_sides_do_not_tell_the_size_of_a_face(said: dict[str, Any]) -> None:
    assert 0.05 < said["unit of moods"] < 0.2, said["moods"]
    assert said["way of moods"] < 1.5, "head units: a turn of the head must not throw it out of the picture"
    assert "Warning: nothing of the face itself moves" in said["still face"]


def test_names_come_before_surfaces_and_a_failure_leaves_no_rows(said: dict[str, Any]) -> None:
    assert said["named kind"] == ["BONES", "BlenRig face", 8]
    assert said["left of a failure"] == [0, "", "", ""]
