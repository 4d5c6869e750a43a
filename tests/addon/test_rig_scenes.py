"""Rigs in scenes that are not plain: NLA, constraints, what belongs to the scene, vertex groups, linked libraries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def said(blender: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("scenes")
    return blender.run(
        Path(__file__).with_name("rig_scenes.py"), Path(__file__).parent, folder, folder=folder, timeout=120
    )


def test_nla_strips_count_with_their_influence(said: dict[str, Any]) -> None:
    assert said["nla"] == said["nla truth"] == [0, 0.9, 0, 0.45]


def test_constraints_count_with_their_influence(said: dict[str, Any]) -> None:
    chin, low, up = (said["constraints"][name] for name in ("Chin", "LipLower", "LipUpper"))
    assert chin[1] == pytest.approx(0.02 / 0.09 * 220, abs=0.5)
    assert low[1] == pytest.approx(chin[1] / 2, abs=0.5)
    assert up == pytest.approx([0, 0, 0], abs=1e-3)


def test_in_the_scene_sees_what_belongs_to_the_scene(said: dict[str, Any]) -> None:
    assert said["alone"][0] == said["alone"][1], "alone, the rig does not see the scene play"
    assert said["in scene"] == pytest.approx([0, 0.4, 0.8], abs=0.01)
    assert said["frame kept"] == [4, 1]


def test_vertex_groups_are_landmarks(said: dict[str, Any]) -> None:
    assert "vertex groups" in said["vertices map"]
    across, down, _ = said["vertices"]
    assert down == pytest.approx(0.03 / 0.09 * 220, abs=0.5) and abs(across) < 0.5


@pytest.mark.parametrize("kind", ["linked", "override"])
def test_a_rig_from_another_file_is_mapped_baked_and_tested(said: dict[str, Any], kind: str) -> None:
    report, jaw, tested, clean = said[kind]
    assert "ARKit shapes, 5 channels" in report
    assert jaw == pytest.approx([0, 0.9])
    assert "5 of 5 rows answer" in tested and clean
