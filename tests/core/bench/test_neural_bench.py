"""The neural part's yardsticks: gains, bars, tables, notes; and that the networks keep still when nothing moves."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gioconda.engine import Portrait
from gioconda.errors import ModelError
from gioconda.landmarks import LIPS_OUTER, template
from gioconda.models.registry import model_path

from tests.bench import contact, measured, networks, neural, product
from tests.bench import neural_table as table
from tests.bench.clips import SIZE, Clip
from tests.bench.neural_clip import Paper, painted_frames
from tests.bench.report import read_json, write_json

ROOT = Path(__file__).resolve().parents[3]
MODELS = ROOT / "onnx_models"


def row(clip: str, frame: int, engine: str, **figures: float) -> dict[str, Any]:
    return {"clip": clip, "frame": frame, "engine": engine, **figures}


@pytest.fixture
def report() -> dict[str, Any]:
    """Two clips of two frames; `fast` gains 1 dB on one and loses 0.2 on the other, and has no AKD on one frame."""
    frames = []
    for clip, gain in (("a", 1.0), ("b", -0.2)):
        for frame in (5, 10):
            base = {"psnr": 25.0 + frame / 10, "psnr_mouth": 24.0, "ssim": 0.8, "akd": 1.2}
            better = {"psnr": base["psnr"] + gain, "psnr_mouth": 25.0, "ssim": 0.81}
            frames.append(row(clip, frame, "geometry", **base))
            frames.append(row(clip, frame, "fast", **better, **({"akd": 1.0} if frame == 5 else {})))
            frames.append(row(clip, frame, "static", psnr=20.0))
    return {
        "settings": {"clips": ["a", "b"], "of": 3, "step": 5, "most": 40},
        "networks": {"neural_fast.onnx": "ab" * 32},
        "missing": {"full": "its files are not there"},
        "frames": frames,
        "flicker": {"a": {"geometry": 2.0, "fast": 2.2, "clip": 1.5}, "b": {"geometry": 4.0, "fast": 3.6, "clip": 3.0}},
        "changed": {"a": {"fast": 0}, "b": {"fast": 0}},
        "cost": {"fast": {"frame": 20.0, "added": 50.0}},
    }


def goal(report: dict[str, Any], words: str, engine: str = "fast") -> Any:
    (found,) = (g for g in table.goals(report, engine) if words in g.what)
    return found


def test_a_gain_is_the_mean_of_frames_differences(report: dict[str, Any]) -> None:
    assert table.gain(report, "fast", "psnr") == pytest.approx(0.4)
    assert table.gain(report, "fast", "psnr", "a") == pytest.approx(1.0)
    assert table.gain(report, "static", "psnr", "b") == pytest.approx(20 - 25.75)


def test_a_frame_without_one_of_the_two_figures_gains_nothing(report: dict[str, Any]) -> None:
    report["frames"].append(row("a", 15, "geometry", akd=99.0))
    report["frames"].append(row("a", 20, "fast", akd=99.0))
    assert table.gain(report, "fast", "akd") == pytest.approx(-0.2)
    assert np.isnan(table.gain(report, "fast", "psnr_eyes"))


def test_flicker_is_a_ratio_of_the_same_clip(report: dict[str, Any]) -> None:
    assert table.flicker(report, "fast") == pytest.approx((1.1 + 0.9) / 2)
    assert table.flicker(report, "fast", "b") == pytest.approx(0.9)


def test_the_worst_clip_is_the_one_whose_whole_picture_gains_least(report: dict[str, Any]) -> None:
    name, least = table.worst_clip(report, "fast")
    assert name == "b"
    assert least == pytest.approx(-0.2)


def test_bars_are_those_of_the_issue(report: dict[str, Any]) -> None:
    bars = {g.what: (g.at_least, g.at_most) for g in table.goals(report, "fast")}
    asked = {words: bound for what, bound in bars.items() for words in (what.split(": ")[1],)}
    assert asked["mouth, dB over geometry"] == asked["eyes, dB over geometry"] == (1.0, None)
    assert asked["hair, body, dB over geometry"] == (0.7, None)
    assert asked["whole, dB over geometry"] == (0.5, None)
    assert asked["AKD, % beside geometry's"] == (None, 0.0)
    assert asked["flicker by geometry's, worst clip"] == (None, 1.05)
    assert asked["worst clip (b), whole picture, dB"] == (-0.1, None)
    assert asked["ms added to a frame of 512², 2 threads"] == (None, 60.0)


def test_full_must_gain_twice_as_much(report: dict[str, Any]) -> None:
    for figure in report["frames"]:
        figure["engine"] = figure["engine"].replace("fast", "full")
    assert goal(report, "mouth", "full").at_least == 2.0
    assert goal(report, "whole, dB", "full").at_least == 1.0
    assert not goal(report, "mouth", "full").met


def test_what_is_reached_is_met_and_what_is_not_is_not(report: dict[str, Any]) -> None:
    assert goal(report, "mouth").met
    assert not goal(report, "whole, dB").met
    assert goal(report, "AKD").met
    assert goal(report, "all clips").met
    assert not goal(report, "flicker by geometry's, worst").met
    assert not goal(report, "worst clip (b)").met


def test_what_was_not_measured_is_not_met(report: dict[str, Any]) -> None:
    assert not goal(report, "eyes").met
    assert not any(g.met for g in table.goals(report | {"flicker": {}, "changed": {}}, "full"))


def test_one_value_changed_at_rest_is_one_too_many(report: dict[str, Any]) -> None:
    assert goal(report, "at rest").met
    report["changed"]["b"]["fast"] = 1
    assert not goal(report, "at rest").met


def test_tables_are_whole_and_say_what_is_missing(report: dict[str, Any]) -> None:
    text = table.markdown(report)
    blocks = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    assert len(blocks) == 3
    assert all(len({line.count("|") for line in block}) == 1 for block in blocks)
    assert "`full`: its files are not there." in text
    assert "| mouth, dB over geometry | 1.000 | ≥ 1 | met |" in text
    assert "**not met**" in text
    assert "| b | -0.20 |" in text


def test_figures_survive_json(report: dict[str, Any], tmp_path: Path) -> None:
    report["frames"][0]["psnr_eyes"] = float("nan")
    write_json(tmp_path / "neural.json", report)
    assert table.markdown(read_json(tmp_path / "neural.json")) == table.markdown(report)


def test_the_note_gets_the_figures_between_its_marks_and_keeps_the_rest(report: dict[str, Any]) -> None:
    note = f"before\n{measured.BEGIN}\nold\n{measured.END}\nafter\n"
    first = measured.with_figures(note, report)
    assert first.startswith("before\n")
    assert first.endswith("\nafter\n")
    assert "old" not in first
    assert "2 of 3 clips, every 5th frame, 4 frames." in first
    assert "`neural_fast.onnx` abababababab…" in first
    assert measured.with_figures(first, report) == first


@pytest.mark.parametrize("note", ["", measured.BEGIN, f"{measured.END} {measured.BEGIN}"])
def test_a_note_without_its_marks_is_refused(note: str, report: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="figures: begin"):
        measured.with_figures(note, report)


def test_the_projects_note_can_take_figures(report: dict[str, Any]) -> None:
    note = (ROOT / "docs" / "measured.md").read_text(encoding="utf-8")
    assert "### All clips" in measured.with_figures(note, report)


def test_a_run_without_figures_leaves_the_note_alone(tmp_path: Path) -> None:
    note = tmp_path / "measured.md"
    note.write_text("as it was", encoding="utf-8")
    assert measured.main(str(tmp_path / "none.json"), str(note)) == 1
    assert note.read_text(encoding="utf-8") == "as it was"


def test_new_networks_take_the_place_of_the_shipped_ones(tmp_path: Path) -> None:
    exported, folder = tmp_path / "exported", tmp_path / "models"
    exported.mkdir()
    (exported / "neural_fast.onnx").write_bytes(b"other weights")
    (exported / "unknown.onnx").write_bytes(b"not listed")
    networks.folder_with(exported, MODELS, folder)
    assert model_path("neural_fast", folder).read_bytes() == b"other weights"
    assert not (folder / "unknown.onnx").exists()
    with pytest.raises(ModelError):  # the hash is that of the new file: another one is still refused
        (exported / "neural_fast.onnx").write_bytes(b"changed")
        model_path("neural_fast", folder)


def test_a_folder_without_networks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no network"):
        networks.folder_with(tmp_path, MODELS, tmp_path / "models")


def test_the_papers_mode_is_left_out_with_a_reason(tmp_path: Path) -> None:
    asked = {"clips": tmp_path, "models": MODELS, "out": tmp_path}
    paper, why = neural.asked_paper(neural.Settings(**asked))
    assert paper is None
    assert "--paper" in why["paper"]
    (tmp_path / "paper-landmarks.pt").touch()
    _, why = neural.asked_paper(neural.Settings(**asked, paper=tmp_path, python="/no/such/python"))
    assert "PyTorch" in why["paper"]
    (tmp_path / "paper-landmarks.csv").write_text("step,seconds\n100,5\n200,9\n", encoding="utf-8")
    assert neural.steps_of(tmp_path) == 200


def test_a_close_up_has_its_centre_in_the_middle() -> None:
    picture = np.zeros((200, 300, 3), np.uint8)
    picture[90:110, 40:60] = 255
    for wide in (40, 400):  # smaller and larger than it is
        close = contact.crop(picture, np.array([50.0, 100.0]), 80.0, wide)
        y, x = np.nonzero(close[..., 0] > 127)
        assert (x.min() + x.max() + 1) / 2 == pytest.approx(wide / 2, abs=0.02 * wide)
        assert (y.min() + y.max() + 1) / 2 == pytest.approx(wide / 2, abs=0.02 * wide)
        assert x.max() - x.min() + 1 == pytest.approx(wide / 4, abs=2)


def test_the_border_shown_is_the_one_the_face_turns_from() -> None:
    landmarks = template() * 60 + [80, 80, 0]
    middle = landmarks[:, 0].mean()
    assert contact.place(landmarks, "border", 20.0)[0][0] < middle < contact.place(landmarks, "border", -20.0)[0][0]
    mouth, side = contact.place(landmarks, "mouth")
    assert np.abs(landmarks[list(LIPS_OUTER), :2] - mouth).max() < side / 2


@pytest.mark.skipif(not networks.there("fast", MODELS), reason="the fast networks are not in onnx_models")
def test_networks_change_nothing_at_rest_and_something_in_a_smile(portrait: Portrait, pose_of: Any) -> None:
    corrector = product.corrector_for(portrait, "fast", MODELS)
    assert corrector is not None
    assert product.changed_at_rest(portrait, corrector) == 0
    posed = product.pose_portrait(portrait, pose_of(portrait, mouthSmileLeft=0.8, mouthSmileRight=0.8, jawOpen=0.2))
    assert (product._with(corrector, posed) != product._with(None, posed)).any()


def test_the_papers_pictures_come_from_an_interpreter_of_their_own(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="the paper's networks need PyTorch: pip install gioconda[train]")
    from gioconda.training import checkpoint
    from gioconda.training.paper.landmark_drawing import STYLE
    from gioconda.training.paper.networks import PaperConfig
    from gioconda.training.paper.train import Networks, PaperTraining

    torch.manual_seed(0)
    config = PaperTraining(model=PaperConfig("landmarks", 32, (8, 16, 16), (8, 16), 1, 8, 16))
    weights = Networks(config.model).state_dict()
    checkpoint.save(
        tmp_path / "paper-landmarks.pt", kind="paper", config=config, step=3, data={"drawing": STYLE}, networks=weights
    )
    landmarks = np.stack([template() * size + [256, 256, 0] for size in (150, 160, 170)])
    frames = np.full((3, SIZE, SIZE, 3), 90, np.uint8)
    clip = Clip("c", frames, landmarks, motion=None)  # type: ignore[arg-type]
    made = painted_frames(clip, [1, 2], Paper(tmp_path, sys.executable))
    assert list(made) == [1, 2]
    assert made[1].shape == (SIZE, SIZE, 3)
    assert (made[1] != made[2]).any()
