"""Test Mapping on rigs without animation: what answers is told, row by row, and nothing of the artist's is changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def said(blender: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("pulled")
    return blender.run(Path(__file__).with_name("rig_pulled.py"), Path(__file__).parent, folder=folder, timeout=120)


def test_every_bone_that_is_pulled_at_says_what_it_moves(said: dict[str, Any]) -> None:
    assert "no animation" in said["bones"] and "7 of 7 rows answer" in said["bones"]
    rows = said["bone rows"]
    assert rows["jaw"][1] == "moves chin, lip_lower" and all(reach > 0.1 for reach, _ in rows.values())
    assert rows["mouth_corner_L"][1] == "follows “handle_L”"


def test_keys_answer_by_themselves_or_through_what_drives_them(said: dict[str, Any]) -> None:
    assert "5 of 6 rows answer" in said["keys"] and "Silent: eyeBlinkRight" in said["keys"]
    rows = said["key rows"]
    assert rows["jawOpen"] == [1.0, "moves jawOpen"]
    assert rows["eyeBlinkLeft"][1] == "follows “jaw”" and rows["mouthPucker"][1] == "follows “pucker”"
    assert rows["eyeBlinkRight"] == [0.0, "nothing moves it"]
    assert rows["pucker"][0] == 2.0 and rows["brow_L"][0] > 0.01


def test_vertex_groups_answer_through_the_bones_that_move_them(said: dict[str, Any]) -> None:
    rows = said["vertex rows"]
    assert rows["chin"][1] == "follows “jaw”" and rows["mouth_left"][1].startswith("follows “"), said["vertices"]
    assert rows["mouth_right"][1] == "nothing moves it"  # but the head
    assert rows["Nose"][1] == "moves nose_tip"


def test_the_artists_rig_is_as_it_was(said: dict[str, Any]) -> None:
    assert said["bones clean"] and said["keys clean"] and said["vertices clean"]
    assert said["closed"] == [False, True], "closed in the middle, the copies go"
    assert "try again" in said["stage gone"] and said["stage gone clean"]


def test_it_runs_beside_everything_else_and_can_be_cancelled(said: dict[str, Any]) -> None:
    outcome, text, rounds, longest = said["task"]
    print(f"{rounds} rounds, longest {1000 * longest:.0f} ms")
    assert said["busy"] and outcome == "done" and "5 of 6 rows answer" in text
    assert longest < 0.1
    assert said["cancelled"] == ["cancelled", False, True]


def test_a_rig_in_which_nothing_answers_is_a_fault(said: dict[str, Any]) -> None:
    assert said["nothing"].startswith("RigError: ") and "nothing of it answers" in said["nothing"]


def test_landmarks_and_channels_are_baked_together(said: dict[str, Any]) -> None:
    adds, names, channels, _ = said["both"]
    assert adds and names == ["jawOpen"]
    assert [row[0] for row in channels] == pytest.approx([0, 0, 0.8])
    assert "row 3 “mouth_right”, row 4 “Nose”" in said["too few"]
