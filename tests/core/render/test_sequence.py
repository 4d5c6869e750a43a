"""A job from first frame to last: resumed after any death, stopped cleanly, the source's own where nothing moves."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gioconda.errors import ExitCode, OutputError, SettingsError
from gioconda.imaging import resample
from gioconda.imaging.exr import read_exr
from gioconda.imaging.image import read_picture, write_png
from gioconda.job.job import Job
from gioconda.motion.files import save_motion
from gioconda.motion.motion import Motion
from gioconda.provenance.policy import read_policy
from gioconda.render import sequence
from gioconda.worker.messages import Log, Message, Progress, Warn

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
HOPPER = ROOT / "core/gioconda/cli/grace_hopper.jpg"
SMALL = (224, 262)
FRAMES = 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, models_folder: Path) -> Path:
    """A small portrait.png and a take.npz of eight frames: the mouth opens, the head turns; frame 1 is at rest."""
    folder = tmp_path_factory.mktemp("job")
    picture = read_picture(HOPPER, colorspace="linear").pixels[..., :3] * 255
    write_png(folder / "portrait.png", np.round(resample.resize(picture, *SMALL)).astype(np.uint8))
    turn = np.radians(np.linspace(0, 12, FRAMES))
    rotation = np.broadcast_to(np.eye(3), (FRAMES, 3, 3)).copy()
    rotation[:, 0, 0] = rotation[:, 2, 2] = np.cos(turn)
    rotation[:, 2, 0] = np.sin(turn)
    rotation[:, 0, 2] = -np.sin(turn)
    channels = np.linspace(0, 0.6, FRAMES, dtype=np.float32)[:, None]
    motion = Motion(
        24.0, np.arange(1, FRAMES + 1), channels=channels, channel_names=("jawOpen",), rotation=rotation, neutral=0
    )
    save_motion(motion, folder / "take.npz")
    return folder


@pytest.fixture(scope="module")
def job(folder: Path) -> Job:
    files = (folder / name for name in ("portrait.png", "take.npz", "whole/####.exr"))
    stated = read_policy(Path(os.environ["GIOCONDA_POLICY"])).consent  # what the command line finds too
    assert stated
    return Job(*map(str, files), cache=str(folder / "cache"), consent=stated.plain())


@pytest.fixture(scope="module")
def whole(job: Job) -> list[bytes]:
    """The bytes of all frames, rendered without any trouble."""
    sequence.render(job, quiet)
    return contents(job)


def quiet(_: Message) -> None:
    pass


def contents(job: Job) -> list[bytes]:
    return [path.read_bytes() for path in sorted(Path(job.output).parent.glob("*.exr"))]


def start(job: Job, *words: str, largest_file: int | None = None) -> subprocess.Popen[str]:
    """The real command line in a process of its own; `largest_file`: bytes after which its disk is full."""

    def limit() -> None:
        if largest_file:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    command = [sys.executable, "-P", str(ROOT / "core"), "animate", job.portrait, job.motion, "-o", job.output]
    command += ["--cache", str(job.cache), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=limit)


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    """Until a file is there."""
    end = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.002)


def test_a_job_killed_in_mid_frame_resumes_to_the_same_bytes(job: Job, whole: list[bytes], tmp_path: Path) -> None:
    killed = replace(job, output=str(tmp_path / "####.exr"))
    process = start(killed)
    wait_for(tmp_path / "0002.exr", process)
    process.kill()
    process.communicate()
    left = contents(killed)
    assert 2 <= len(left) < FRAMES
    assert left == whole[: len(left)]
    first_written = (tmp_path / "0001.exr").stat().st_mtime_ns
    result = sequence.render(replace(killed, resume=True), quiet)
    assert result["kept"] == len(left)
    assert contents(killed) == whole
    assert (tmp_path / "0001.exr").stat().st_mtime_ns == first_written
    frames = {f"{n:04d}.exr" for n in range(1, FRAMES + 1)}
    assert {path.name for path in tmp_path.iterdir()} == {*frames, "sequence.gioconda.json"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop_it_leaves_whole_frames_only(
    job: Job, whole: list[bytes], tmp_path: Path, number: signal.Signals
) -> None:
    stopped = replace(job, output=str(tmp_path / "####.exr"))
    process = start(stopped)
    wait_for(tmp_path / "0001.exr", process)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == ExitCode.CANCELLED, said
    assert "--resume" in said
    assert "Traceback" not in said
    left = contents(stopped)
    assert left == whole[: len(left)]
    assert len(list(tmp_path.iterdir())) == len(left)


def test_a_full_disk_ends_in_a_sentence_and_leaves_nothing_broken(job: Job, whole: list[bytes], tmp_path: Path) -> None:
    full = replace(job, output=str(tmp_path / "####.exr"))
    process = start(full, "--review", str(tmp_path / "look.mp4"), largest_file=len(whole[0]) // 2)
    _, said = process.communicate(timeout=120)
    assert process.returncode == ExitCode.OUTPUT, said
    assert "disk is full" in said
    assert "Traceback" not in said
    assert not list(tmp_path.iterdir())


def test_frames_of_another_job_are_rendered_again_on_resume(job: Job, whole: list[bytes], tmp_path: Path) -> None:
    mixed = replace(job, output=str(tmp_path / "####.exr"), frames="1-3")
    sequence.render(replace(mixed, retarget={"jaw": 0.5}), quiet)
    (tmp_path / "0002.exr").write_bytes(whole[1])
    (tmp_path / "0003.exr").write_bytes(whole[2][:-100])  # cut off by something that is not us
    assert sequence.render(replace(mixed, resume=True), quiet)["kept"] == 1
    assert contents(mixed) == whole[:3]


def test_existing_frames_are_not_replaced_without_being_told(job: Job, whole: list[bytes], tmp_path: Path) -> None:
    (tmp_path / "0003.exr").write_bytes(b"precious")
    again = replace(job, output=str(tmp_path / "####.exr"), frames="1-4")
    with pytest.raises(OutputError, match="--overwrite"):
        sequence.render(again, quiet)
    assert contents(again) == [b"precious"]
    sequence.render(replace(again, overwrite=True), quiet)
    assert contents(again) == whole[:4]


def test_any_frame_in_any_order_has_the_same_bytes(job: Job, whole: list[bytes], tmp_path: Path) -> None:
    some = replace(job, output=str(tmp_path / "####.exr"), frames="8,2-6x2")
    sequence.render(some, quiet)
    assert contents(some) == [whole[n - 1] for n in (2, 4, 6, 8)]


def test_a_portrait_made_ready_before_gives_the_same_bytes(job: Job, whole: list[bytes], tmp_path: Path) -> None:
    anew = replace(job, output=str(tmp_path / "a" / "####.exr"), frames="6", cache=str(tmp_path / "cache"))
    told: list[Message] = []
    sequence.render(anew, told.append)
    assert Log("The portrait was made ready before.") not in told
    told.clear()
    sequence.render(replace(anew, overwrite=True), told.append)
    assert Log("The portrait was made ready before.") in told
    assert contents(anew) == [whole[5]]


def test_a_cache_that_cannot_be_written_is_done_without(job: Job, whole: list[bytes], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    told: list[Message] = []
    one = replace(job, output=str(tmp_path / "####.exr"), frames="6", cache=str(tmp_path / "file" / "cache"))
    sequence.render(one, told.append)
    assert any("made ready again next time" in message.text for message in told if isinstance(message, Log))
    assert contents(one) == [whole[5]]


def test_the_height_of_the_bands_changes_nothing(
    job: Job, whole: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequence, "BAND_BYTES", 1)
    assert sequence.band_rows(SMALL[0], 12) == 16
    banded = replace(job, output=str(tmp_path / "####.exr"), frames="5")
    sequence.render(banded, quiet)
    assert contents(banded) == [whole[4]]


@pytest.mark.parametrize("threads", [1, 4])
def test_the_number_of_threads_changes_nothing(
    job: Job, whole: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    monkeypatch.setattr(sequence, "BAND_BYTES", 1)
    some = replace(job, output=str(tmp_path / "####.exr"), frames="3-6", threads=threads)
    told: list[Message] = []
    sequence.render(some, told.append)
    assert contents(some) == whole[2:6]
    assert [message.frame for message in told if isinstance(message, Progress)] == [3, 4, 5, 6]


def test_a_failure_among_many_threads_leaves_the_frames_before_it_whole(
    job: Job, whole: list[bytes], tmp_path: Path
) -> None:
    some = replace(job, output=str(tmp_path / "####.exr"), threads=4, overwrite=True)
    (tmp_path / "0004.exr").mkdir()  # where a frame should go
    told: list[Message] = []
    with pytest.raises(OutputError, match=r"0004\.exr: there is a folder"):
        sequence.render(some, told.append)
    assert [message.frame for message in told if isinstance(message, Progress)] == [1, 2, 3]
    assert [(tmp_path / f"{n:04d}.exr").read_bytes() for n in (1, 2, 3)] == whole[:3]
    assert len(list(tmp_path.iterdir())) == 4


def test_pixels_nothing_moves_are_the_sources_own(job: Job, tmp_path: Path) -> None:
    exact = replace(job, output=str(tmp_path / "####.exr"), frames="1,8", full_float=True)
    exact = replace(exact, passes=("Matte", "Disocclusion"))
    sequence.render(exact, quiet)
    source = read_picture(job.portrait).pixels
    still, _ = read_exr(tmp_path / "0001.exr")
    assert np.array_equal(still["Combined"], source)
    moved, header = read_exr(tmp_path / "0008.exr")
    outside = (moved["Matte"] == 0) & (moved["Disocclusion"] == 0)  # the person neither is nor was here
    outside = resample.erode(outside[..., 0], 6)  # nor so near that networks may correct its rim
    assert outside.mean() > 0.1
    assert np.array_equal(moved["Combined"][outside], source[outside])
    assert not np.array_equal(moved["Combined"], source)
    assert header["imageCounter"] == 8
    assert header["Iptc4xmpExt:DigitalSourceType"].endswith("/compositeWithTrainedAlgorithmicMedia")  # networks


def test_vectors_lead_to_the_neighbours(job: Job, whole: list[bytes]) -> None:
    first, _ = read_exr(Path(job.output.replace("####", "0001")))
    last, _ = read_exr(Path(job.output.replace("####", f"{FRAMES:04d}")))
    assert np.abs(first["Vector"][..., :2]).max() < 1e-4  # no frame before
    assert np.abs(first["Vector"][..., 2:]).max() > 0.3
    assert np.abs(last["Vector"][..., 2:]).max() < 1e-4  # no frame after
    assert np.abs(last["Vector"][..., :2]).max() > 0.3


def test_what_is_there_to_look_at_is_made_from_kept_frames_too(job: Job, whole: list[bytes], tmp_path: Path) -> None:
    one = replace(job, output=str(tmp_path / "a" / "####.exr"), frames="1-4", png=True, sheet=str(tmp_path / "a.png"))
    sequence.render(one, quiet)
    two = replace(one, output=str(tmp_path / "b" / "####.exr"), sheet=str(tmp_path / "b.png"), full_float=False)
    (tmp_path / "b").mkdir()
    for n in (2, 3):
        (tmp_path / "b" / f"{n:04d}.exr").write_bytes(whole[n - 1])
    assert sequence.render(replace(two, resume=True), quiet)["kept"] == 2
    sheets = [read_picture(tmp_path / name, colorspace="linear").pixels for name in ("a.png", "b.png")]
    assert np.abs(sheets[0] - sheets[1]).max() < 0.02  # half rounds a little
    assert sorted(path.name for path in (tmp_path / "b").glob("*.png")) == [
        "0001.png",
        "0002.png",
        "0003.png",
        "0004.png",
    ]


def test_progress_counts_whole_frames_only(job: Job, tmp_path: Path) -> None:
    there: list[bool] = []
    seen: list[Progress] = []

    def report(message: Message) -> None:
        if isinstance(message, Progress):
            seen.append(message)
            there.append(Path(message.path or "").is_file())

    sequence.render(replace(job, output=str(tmp_path / "####.exr"), frames="2-4"), report)
    assert [(p.done, p.total, p.frame) for p in seen] == [(1, 3, 2), (2, 3, 3), (3, 3, 4)]
    assert all(there)


def test_a_gap_in_the_motion_is_told_and_left_out() -> None:
    told: list[Message] = []
    assert sequence.chosen_frames("", [3, 4, 6], told.append) == [3, 4, 6]
    assert sequence.chosen_frames("3-6", [3, 4, 6], told.append) == [3, 4, 6]
    assert told == [Warn("The motion has no frame 5: left out.")]
    for text in ("1-4", "5-9", "5"):
        with pytest.raises(SettingsError):
            sequence.chosen_frames(text, [3, 4, 6], told.append)


def test_settings_that_do_not_exist_are_refused(job: Job) -> None:
    with pytest.raises(SettingsError, match="sparkle"):
        sequence.render(replace(job, retarget={"sparkle": 1}), quiet)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_named(job: Job, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="choose a folder"):
        sequence.render(replace(job, output=str(tmp_path / "####.exr")), quiet)
