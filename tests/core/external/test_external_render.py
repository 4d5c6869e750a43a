"""A job with another engine, from the command line to frames on disk: tiny networks of LivePortrait's signatures."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gioconda.cli.main import main
from gioconda.errors import ExitCode, ModelError, SettingsError
from gioconda.external.folder import pin, read_notice
from gioconda.imaging import resample
from gioconda.imaging.exr import COMPOSITE_WITH_NETWORK, read_exr
from gioconda.imaging.image import read_picture, write_png
from gioconda.job.job import Job
from gioconda.motion.files import save_motion
from gioconda.motion.motion import Motion
from gioconda.provenance.policy import check_reach, read_policy
from gioconda.render import sequence
from gioconda.worker.messages import Log, Message

from .tiny_networks import write_nets

HOPPER = Path(__file__).resolve().parents[3] / "core/gioconda/cli/grace_hopper.jpg"
SMALL = (224, 262)
STATED = {"licence": "MIT, says its page", "source": "https://example.org/nets"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, models_folder: Path) -> Path:
    """A portrait, a take of three frames of which the first is at rest, and an engine, pinned."""
    folder = tmp_path_factory.mktemp("plugged")
    picture = read_picture(HOPPER, colorspace="linear").pixels[..., :3] * 255
    write_png(folder / "portrait.png", np.round(resample.resize(picture, *SMALL)).astype(np.uint8))
    save_motion(take(0.5), folder / "take.npz")
    save_motion(take(-0.5), folder / "other.npz")
    pin(write_nets(folder / "engine"), **STATED)
    return folder


def take(strength: float) -> Motion:
    turn = strength * np.array([0.0, 0.1, 0.2])
    rotation = np.broadcast_to(np.eye(3), (3, 3, 3)).copy()
    rotation[:, 0, 0] = rotation[:, 2, 2] = np.cos(turn)
    rotation[:, 2, 0], rotation[:, 0, 2] = np.sin(turn), -np.sin(turn)
    channels = np.array([[0.0], [0.2], [0.5]], np.float32)
    return Motion(24.0, np.arange(1, 4), channels=channels, channel_names=("jawOpen",), rotation=rotation, neutral=0)


@pytest.fixture(scope="module")
def job(folder: Path) -> Job:
    files = (folder / name for name in ("portrait.png", "take.npz", "painted/####.exr"))
    stated = read_policy(Path(os.environ["GIOCONDA_POLICY"])).consent
    assert stated
    return Job(
        *map(str, files),
        cache=str(folder / "cache"),
        consent=stated.plain(),
        passes=("Combined", "Matte", "UV"),
        full_float=True,
        device="cpu",
        engine=str(folder / "engine"),
    )


@pytest.fixture(scope="module")
def painted(job: Job) -> dict[int, dict[str, Any]]:
    return run(job)


@pytest.fixture(scope="module")
def plain(job: Job, folder: Path) -> dict[int, dict[str, Any]]:
    """The same without the engine and without networks."""
    return run(replace(job, engine=None, neural="off", output=str(folder / "plain/####.exr")))


def run(job: Job, told: list[Message] | None = None) -> dict[int, dict[str, Any]]:
    """Frame number → its passes."""
    sequence.render(job, (told if told is not None else []).append)
    return frames_of(job)


def frames_of(job: Job) -> dict[int, dict[str, Any]]:
    return {int(path.stem): read_exr(path)[0] for path in sorted(Path(job.output).parent.glob("*.exr"))}


def test_the_command_line_renders_and_says_whose_engine_it_is(
    job: Job, folder: Path, capfd: pytest.CaptureFixture[str], painted: dict[int, dict[str, Any]]
) -> None:
    words = ["animate", job.portrait, job.motion, "-o", str(folder / "words/####.exr"), "--engine", str(job.engine)]
    words += ["--cache", str(job.cache), "--passes", "matte,uv", "--float", "--device", "cpu"]
    assert main(words) == ExitCode.OK
    told = capfd.readouterr().err
    assert told.count(STATED["licence"]) == 1
    made = frames_of(replace(job, output=str(folder / "words/####.exr")))
    assert all(np.array_equal(made[number]["Combined"], painted[number]["Combined"]) for number in (1, 2, 3))


def test_the_frame_at_rest_is_the_source(
    painted: dict[int, dict[str, Any]], plain: dict[int, dict[str, Any]], job: Job
) -> None:
    assert np.array_equal(painted[1]["Combined"], plain[1]["Combined"])
    assert np.array_equal(painted[1]["Combined"][..., :3], read_picture(job.portrait).pixels[..., :3])


def test_it_paints_within_the_person_only(painted: dict[int, dict[str, Any]], plain: dict[int, dict[str, Any]]) -> None:
    for number in (2, 3):
        away = (painted[number]["Combined"] != plain[number]["Combined"]).any(2)
        outside = plain[number]["Matte"].reshape(away.shape) == 0
        assert away.any()
        assert not away[outside].any()
        assert np.isfinite(painted[number]["Combined"]).all()
        assert all(np.array_equal(painted[number][name], plain[number][name]) for name in ("Matte", "UV"))


def test_another_motion_gives_other_paint(
    job: Job, folder: Path, painted: dict[int, dict[str, Any]], plain: dict[int, dict[str, Any]]
) -> None:
    changes = {"motion": str(folder / "other.npz"), "frames": "3"}
    other = run(replace(job, output=str(folder / "other/####.exr"), **changes))[3]["Combined"]
    alone = run(replace(job, output=str(folder / "beside/####.exr"), engine=None, neural="off", **changes))[3]
    here, there = painted[3]["Combined"] - plain[3]["Combined"], other - alone["Combined"]
    assert np.abs(here).max() > 1e-3
    assert np.abs(there).max() > 1e-3
    assert np.abs(here - there).max() > 0.3 * np.abs(here).max()


def test_every_frame_and_the_manifest_carry_the_licence(job: Job, painted: dict[int, dict[str, Any]]) -> None:
    notice = read_notice(Path(str(job.engine))).plain()
    for path in Path(job.output).parent.glob("*.exr"):
        header = read_exr(path)[1]
        assert json.loads(header["gioconda:engine"]) == notice
        assert header["Iptc4xmpExt:DigitalSourceType"] == COMPOSITE_WITH_NETWORK
    listed = json.loads(next(Path(job.output).parent.glob("*.gioconda.json")).read_text(encoding="utf-8"))["manifest"]
    assert listed["engine"] == notice
    assert listed["digital_source_type"] == COMPOSITE_WITH_NETWORK


def test_resuming_keeps_frames_of_the_same_engine_only(
    job: Job, folder: Path, painted: dict[int, dict[str, Any]], tmp_path: Path
) -> None:
    again = replace(job, resume=True)
    assert sequence.render(again, lambda _: None)["kept"] == 3
    moved = Path(shutil.copytree(str(job.engine), tmp_path / "engine"))
    assert sequence.render(replace(again, engine=str(moved)), lambda _: None)["kept"] == 3
    pin(write_nets(moved, seed=5), **STATED)
    changed = shutil.copytree(Path(job.output).parent, tmp_path / "frames")
    there = replace(again, engine=str(moved), output=str(changed / "####.exr"))
    assert sequence.render(there, lambda _: None)["rendered"] == 3


def test_a_file_that_was_changed_stops_the_job_before_any_frame(job: Job, tmp_path: Path) -> None:
    engine = Path(shutil.copytree(str(job.engine), tmp_path / "engine"))
    write_nets(engine, seed=5)
    spoilt = replace(job, engine=str(engine), output=str(tmp_path / "####.exr"))
    with pytest.raises(ModelError, match="is not the file"):
        sequence.render(spoilt, lambda _: None)
    assert not list(tmp_path.glob("*.exr"))


def test_networks_and_an_engine_at_once_are_refused(job: Job, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="use one of them"):
        sequence.render(replace(job, neural="fast", output=str(tmp_path / "####.exr")), lambda _: None)


def test_nobody_animates_without_a_right_because_of_an_engine(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "policy.yaml"
    empty.write_text("gioconda_policy: 1\n", encoding="utf-8")
    monkeypatch.setenv("GIOCONDA_POLICY", str(empty))
    words = ["animate", job.portrait, job.motion, "-o", str(tmp_path / "####.exr"), "--engine", str(job.engine)]
    assert main(words) == ExitCode.BAD_INPUT
    assert "consent" in capfd.readouterr().err


def test_a_strangers_job_brings_no_engine(job: Job, folder: Path) -> None:
    with pytest.raises(SettingsError, match="its own nets"):
        check_reach(job, folder)
    check_reach(job, folder, [folder])


def test_the_notice_is_told_once(job: Job, folder: Path) -> None:
    told: list[Message] = []
    run(replace(job, output=str(folder / "told/####.exr"), frames="1"), told)
    assert sum(STATED["licence"] in message.text for message in told if isinstance(message, Log)) == 1


# --- gioconda engines -----------------------------------------------------------------------------------------------


def test_engines_are_listed_pinned_and_checked(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["engines"]) == ExitCode.OK
    assert "warping_spade.onnx" in capfd.readouterr().out
    engine = str(write_nets(tmp_path / "engine"))
    assert main(["engines", "check", engine]) == ExitCode.MODELS
    assert "engines pin" in capfd.readouterr().err
    assert main(["engines", "pin", engine, "--licence", "MIT"]) == ExitCode.MODELS
    assert "Say --source" in capfd.readouterr().err
    assert main(["engines", "pin", engine, "--licence", "MIT", "--source", "a test"]) == ExitCode.OK
    assert "no file that this version knows of" in capfd.readouterr().out
    assert main(["engines", "check", engine, "--device", "cpu"]) == ExitCode.OK
    assert "It works" in capfd.readouterr().out
    assert main(["engines", "pin"]) == ExitCode.MODELS
    assert "in which folder" in capfd.readouterr().err
