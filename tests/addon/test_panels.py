"""The panels of every Blender: what they draw exists, fits into the sidebar and says what it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
WIDEST = 40  # letters that fit into a sidebar at 1080p


@pytest.fixture(scope="module")
def drawn(blender: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What panel_layout.py found."""
    folder = tmp_path_factory.mktemp("panels")
    return blender.run(HERE / "panel_layout.py", HERE, folder, folder=folder)


def test_a_file_without_a_portrait_offers_one_big_button(drawn: dict[str, Any]) -> None:
    for name in ("GIOCONDA_PT_node", "GIOCONDA_PT_view"):
        assert drawn["nothing"][name][-2:] == ["Add Gioconda Portrait", "Open a Sample"]
    assert len(drawn["nothing"]) == 2


def test_node_editor_and_3d_view_show_the_same_steps_in_the_same_order(drawn: dict[str, Any]) -> None:
    names = list(drawn["a portrait"])
    steps = [name.removeprefix("GIOCONDA_PT_node") for name in names if "_node" in name]
    assert steps == [name.removeprefix("GIOCONDA_PT_view") for name in names if "_view" in name]
    assert steps == [
        "",
        "_mattes",
        "_rig",
        "_rig_head",
        "_rig_mapping",
        "_live",
        "_expression",
        "_look",
        "_references",
        "_output",
        "_passes",
        "_render",
    ]
    for step in steps:
        assert drawn["a portrait"][f"GIOCONDA_PT_node{step}"] == drawn["a portrait"][f"GIOCONDA_PT_view{step}"]


def test_without_a_picture_only_the_first_step_is_there(drawn: dict[str, Any]) -> None:
    assert set(drawn["no picture"]) == {"GIOCONDA_PT_node", "GIOCONDA_PT_view"}


def test_an_error_stays_readable_with_its_log(drawn: dict[str, Any]) -> None:
    texts = drawn["an error"]["GIOCONDA_PT_view_render"]
    assert "is not at" in " ".join(texts)
    assert {"Open Log", "Dismiss"} <= set(texts)
    assert "Save the .blend first" in " ".join(drawn["an error"]["GIOCONDA_PT_view_output"])


def test_rendering_shows_how_far_it_is_and_how_to_stop(drawn: dict[str, Any]) -> None:
    texts = drawn["rendering"]["GIOCONDA_PT_node_render"]
    assert "Rendering 12 of 250" in texts
    assert "1:02:03 left (Esc stops)" in texts
    assert "Render" not in texts


def test_a_preview_that_waits_for_a_video_shows_how_far_it_is(drawn: dict[str, Any]) -> None:
    assert {"Tracking the video", "Render"} <= set(drawn["a video is tracked"]["GIOCONDA_PT_view_render"])


def test_several_portraits_can_be_chosen_in_the_3d_view(drawn: dict[str, Any]) -> None:
    assert len(drawn["portraits"]) == 2
    assert set(drawn["two portraits"]) >= {"GIOCONDA_PT_node", "GIOCONDA_PT_view"}


def test_no_text_is_too_long_for_the_sidebar(drawn: dict[str, Any]) -> None:
    for situation in ("nothing", "a portrait", "no picture", "an error", "rendering", "two portraits"):
        for panel, texts in drawn[situation].items():
            assert [text for text in texts if len(text) > WIDEST] == [], (situation, panel)


def test_everything_says_what_it_does(drawn: dict[str, Any]) -> None:
    assert drawn["without a tooltip"] == []
    assert len(drawn["operators"]) >= 8
    assert all(drawn["operators"].values()), drawn["operators"]
