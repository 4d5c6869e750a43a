"""The live preview of a real Blender: the current frame, quickly, and nothing left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(1200)  # the first frame of a fresh profile compiles for a minute
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def previewed(blender: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What preview_acts.py found."""
    folder = tmp_path_factory.mktemp("preview")
    return blender.run(HERE / "preview_acts.py", HERE, folder, folder=folder, timeout=600)


def test_at_rest_the_preview_is_the_portrait(previewed: dict[str, Any]) -> None:
    assert previewed["first"]
    assert previewed["like the portrait"] < 1e-4


def test_scrubbing_shows_the_frame(previewed: dict[str, Any]) -> None:
    assert previewed["scrubbed"]
    assert previewed["moved"] > 0.1
    print(f"sharp after {previewed['seconds']:.2f} s, longest round {previewed['longest round'] * 1000:.0f} ms")


def test_what_does_not_change_the_picture_asks_for_nothing(previewed: dict[str, Any]) -> None:
    assert previewed["asked for nothing"] == 0


def test_a_gain_changes_the_preview(previewed: dict[str, Any]) -> None:
    assert previewed["without the jaw"] < previewed["moved"]


def test_a_missing_rig_is_told_and_forgotten_once_it_is_back(previewed: dict[str, Any]) -> None:
    assert previewed["no rig"][0]
    assert "rig" in previewed["no rig"][1].lower()
    assert previewed["rig again"] == [True, ""]


def test_a_worker_that_died_is_started_again(previewed: dict[str, Any]) -> None:
    assert previewed["died"]
    assert previewed["again"] == [True, ""]


def test_the_preview_is_not_saved_and_never_asks_to_be(previewed: dict[str, Any]) -> None:
    name, source, dirty, users, size = previewed["image"]
    assert (name, source, dirty, users) == ("Gioconda Portrait Preview", "FILE", False, 0)
    assert max(size) <= 1024
    assert name not in previewed["in the file"]
    assert previewed["off"] == [None, 0]
