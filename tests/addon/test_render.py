"""Rendering from Blender: only what is missing, several portraits, a window that stays responsive, jobs for a farm."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(1200)  # the first frame of a fresh profile compiles for a minute
HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.fixture(scope="module")
def rendered(blender: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """What renders.py found, and its folder."""
    folder = tmp_path_factory.mktemp("renders")
    return blender.run(HERE / "renders.py", HERE, folder, folder=folder, timeout=900), folder


def test_in_background_the_operator_waits_for_all_frames(rendered: Any) -> None:
    found, _ = rendered
    outcome, note, files = found["first"]
    assert outcome == ["FINISHED"]
    assert note.startswith("4 frames")
    assert files == ["0000.exr", "0001.exr", "0002.exr", "0003.exr", "0004.exr"]


def test_only_frames_that_are_missing_or_look_different_are_rendered_again(rendered: Any) -> None:
    found, _ = rendered
    assert found["again"][0]
    assert "4 frames were whole already" in found["again"][1]
    assert found["changed"] == ["0003.exr", "0004.exr"]  # 4 smiles; 3 is on its way there, says Vector
    assert found["missing"] == ["0003.exr"]


def test_a_wider_range_is_shown_as_one(rendered: Any) -> None:
    found, _ = rendered
    assert found["wider"] == [1, 5, 0]


def test_the_window_never_waits_long(rendered: Any) -> None:
    """A round's own work stays below 100 ms; on a busy machine the clock also counts what others do meanwhile."""
    found, _ = rendered
    state, answers = found["window"]
    assert state == "done"
    assert ["PASS_THROUGH"] in answers
    wall, own, others = found["longest"]
    print(
        f"longest round: {wall * 1000:.0f} ms by the clock, {own * 1000:.0f} ms of work; sleeping late: {others:.3f} s"
    )
    assert own < 0.1
    assert wall < 0.1 + 3 * others + 0.4
    assert found["stamped"]


def test_escape_stops(rendered: Any) -> None:
    assert rendered[0]["escape"] == "cancelled"


def test_two_portraits_are_rendered_one_after_the_other_and_never_to_the_same_files(rendered: Any) -> None:
    found, _ = rendered
    assert "writes to the same files" in found["same files"]
    assert found["two"] == ["done", "done"]
    assert len(set(found["shown by both"])) == 2


def test_an_undo_while_rendering_changes_settings_but_not_frames(rendered: Any) -> None:
    found, _ = rendered
    outcome, state, jaw, source = found["undo"]
    assert state == "done"
    assert source == "SEQUENCE"
    assert jaw == (1.0 if outcome == ["FINISHED"] else 0.5)


def test_an_exported_folder_renders_without_blender_wherever_it_is_moved(rendered: Any, tmp_path: Path) -> None:
    found, folder = rendered
    assert found["export"] == [
        ["FINISHED"],
        ["README.txt", "job.json", "mapping.yaml", "motion.npz", "portrait.png"],
    ]
    job = json.loads((folder / "job" / "job.json").read_text(encoding="utf-8"))
    assert (job["portrait"], job["motion"], job["output"]) == ("portrait.png", "motion.npz", "frames/####.exr")
    moved = tmp_path / "elsewhere"
    (folder / "job").rename(moved)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "core")}
    subprocess.run(
        [sys.executable, str(ROOT / "core"), "job", str(moved / "job.json")],
        check=True,
        env=environment,
        timeout=300,
    )
    assert sorted(path.name for path in (moved / "frames").glob("*.exr"))[:2] == ["0001.exr", "0002.exr"]
    frames = [path.name for path in (moved / "frames").glob("*.exr")]
    for name in frames:
        ours, theirs = (pixels_of(path / name) for path in (folder / "out", moved / "frames"))
        assert abs(ours - theirs).max() < 2e-3, name  # another Python's libraries: a step of half here and there


def pixels_of(path: Path) -> Any:
    from gioconda.imaging.exr import read_exr

    return read_exr(path)[0]["Combined"]


def test_several_scenes_may_show_a_portrait(rendered: Any) -> None:
    found, _ = rendered
    assert found["scenes"][0] == "Scene"
    assert sorted(found["scenes"][1]) == [1, 2]


def test_a_linked_portrait_is_shown_and_left_alone(rendered: Any) -> None:
    found, _ = rendered
    is_active, sentence = found["linked"]
    assert is_active
    assert "linked from another file" in sentence
    assert found["linked pixels"] > 0.001  # a small picture in a large frame
