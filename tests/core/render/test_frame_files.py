"""Which frames need rendering: those whose own pixels would change, and no others; what holds the others' places."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gioconda.errors import OutputError
from gioconda.imaging.exr import is_whole, read_exr
from gioconda.imaging.image import write_png
from gioconda.imaging.resample import resize
from gioconda.job.job import Job
from gioconda.motion.files import save_motion
from gioconda.motion.motion import Motion
from gioconda.pose import Pose
from gioconda.provenance.manifest import manifest_path
from gioconda.render import frame_files, placeholders, sequence
from gioconda.worker.messages import Message, Stage, Warn

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
COUNT = 6


def quiet(_: Message) -> None:
    pass


@pytest.fixture(scope="module")
def portrait(tmp_path_factory: pytest.TempPathFactory, models_folder: Path) -> Path:
    """Grace Hopper, 128 × 150 pixels."""
    from gioconda.imaging.image import read_picture

    path = tmp_path_factory.mktemp("portrait") / "portrait.png"
    picture = read_picture(ROOT / "core/gioconda/cli/grace_hopper.jpg", colorspace="linear").pixels[..., :3] * 255
    write_png(path, np.round(resize(picture, 128, 150)).astype(np.uint8))
    return path


def motion(*, keys: dict[int, float] | None = None) -> Motion:
    """Six frames of a jaw that opens; `keys` changes frames by number."""
    opens = np.linspace(0, 0.5, COUNT, dtype=np.float32)[:, None]
    for number, value in (keys or {}).items():
        opens[number - 1] = value
    return Motion(24.0, np.arange(1, COUNT + 1), channels=opens, channel_names=("jawOpen",), neutral=0)


@pytest.fixture
def job(portrait: Path, tmp_path: Path) -> Job:
    """Without the Vector pass; its motion is saved, its frames are not rendered."""
    save_motion(motion(), tmp_path / "take.npz")
    return Job(
        str(portrait),
        str(tmp_path / "take.npz"),
        str(tmp_path / "out" / "####.exr"),
        resume=True,
        passes=("Combined", "Matte"),
        cache=str(portrait.parent / "cache"),
    )


def path_of(job: Job, number: int) -> Path:
    return Path(job.output.replace("####", f"{number:04d}"))


def names(job: Job) -> list[str]:
    """Of everything in the frames' folder."""
    return sorted(path.name for path in path_of(job, 1).parent.iterdir())


def times(job: Job) -> list[int]:
    return [path_of(job, number).stat().st_mtime_ns for number in range(1, COUNT + 1)]


def rendered_again(job: Job, changed: Job) -> list[int]:
    """The numbers of the frames that a resumed job touches after another one."""
    sequence.render(job, quiet)
    before = times(job)
    sequence.render(changed, quiet)
    return [number for number, (a, b) in enumerate(zip(before, times(job), strict=True), 1) if a != b]


# --- identity -------------------------------------------------------------------------------------------------------


def test_moving_one_key_renders_one_frame_again_and_leaves_what_a_whole_rendering_makes(job: Job) -> None:
    sequence.render(job, quiet)
    before = times(job)
    save_motion(motion(keys={3: 0.9}), job.motion)
    result = sequence.render(job, quiet)
    assert (result["rendered"], result["kept"]) == (1, COUNT - 1)
    assert [n for n in range(COUNT) if times(job)[n] != before[n]] == [2]
    resumed = [read_exr(path_of(job, n))[0] for n in range(1, COUNT + 1)]
    sequence.render(replace(job, resume=False, overwrite=True), quiet)
    for number, passes in enumerate(resumed, 1):
        anew, _ = read_exr(path_of(job, number))
        assert all(np.array_equal(passes[name], anew[name]) for name in anew)


def test_with_motion_vectors_the_neighbours_of_a_moved_key_are_rendered_again_too(job: Job) -> None:
    job = replace(job, passes=("Combined", "Vector"))
    sequence.render(job, quiet)
    before = times(job)
    save_motion(motion(keys={3: 0.9}), job.motion)
    sequence.render(job, quiet)
    assert [n for n, (a, b) in enumerate(zip(before, times(job), strict=True), 1) if a != b] == [2, 3, 4]


def test_a_gain_touches_the_frames_in_which_something_moves(job: Job) -> None:
    assert rendered_again(job, replace(job, retarget={"jaw": 0.5})) == [2, 3, 4, 5, 6]
    assert rendered_again(job, replace(job, retarget={"dead_band": 0.0})) == []  # of landmarks: here are none


@pytest.mark.parametrize("change", [{"full_float": True}, {"passes": ("Combined",)}, {"fps": 30.0}, {"draft": True}])
def test_what_every_frame_depends_on_touches_them_all(job: Job, change: dict[str, Any]) -> None:
    assert rendered_again(job, replace(job, **change)) == [1, 2, 3, 4, 5, 6]


def test_where_things_are_and_how_they_are_made_touches_none(job: Job, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    for name in ("portrait", "motion"):
        source = Path(getattr(job, name))
        (tmp_path / "elsewhere" / source.name).write_bytes(source.read_bytes())
    moved = replace(
        job,
        portrait=str(tmp_path / "elsewhere" / "portrait.png"),
        motion=str(tmp_path / "elsewhere" / "take.npz"),
        threads=1,
        placeholders=True,
    )
    assert rendered_again(job, moved) == []


def test_a_pose_alone_decides_and_its_sign_of_zero_does_not() -> None:
    pose = Pose()
    zero = replace(pose, displacement=-pose.displacement, translation=-pose.translation)
    near = replace(pose, scale=1.0 + 1e-15)
    hashes = [frame_files.frame_fingerprint("job", (one,)) for one in (pose, zero, near)]
    assert hashes[0] == hashes[1] != hashes[2]
    assert frame_files.frame_fingerprint("job", (pose, None)) != frame_files.frame_fingerprint("job", (None, pose))
    assert frame_files.frame_fingerprint("other job", (pose,)) != hashes[0]


def test_resuming_never_replaces_what_another_program_made(job: Job) -> None:
    path_of(job, 4).parent.mkdir()
    path_of(job, 4).write_bytes(b"somebody's work")
    with pytest.raises(OutputError, match=r"0004\.exr is no frame of Gioconda's"):
        sequence.render(job, quiet)
    assert names(job) == ["0004.exr"]
    path_of(job, 4).write_bytes(b"")  # what a power cut leaves
    assert sequence.render(job, quiet)["rendered"] == COUNT


# --- placeholders ---------------------------------------------------------------------------------------------------


def stages(job: Job) -> list[str]:
    told: list[str] = []
    sequence.render(job, lambda message: told.append(message.name) if isinstance(message, Stage) else None)
    return told


def test_placeholders_are_whole_frames_of_the_portrait_there_before_the_first_frame(job: Job) -> None:
    job = replace(job, placeholders=True, passes=("Combined", "Matte", "Vector", "UV", "Depth"))
    seen: list[list[os.stat_result]] = []

    def report(message: Message) -> None:
        if isinstance(message, Stage) and message.name == "render":
            seen.append([path_of(job, number).stat() for number in range(1, COUNT + 1)])
            assert all(is_whole(path_of(job, number)) for number in range(1, COUNT + 1))
            passes, header = read_exr(path_of(job, 5))
            assert tuple(sorted(passes)) == ("Combined", "Depth", "Matte", "UV", "Vector")
            assert not passes["Vector"].any()
            assert header["comments"].startswith("A placeholder")
            told.append(passes["Combined"])

    told: list[Any] = []
    result = sequence.render(job, report)
    assert (result["rendered"], result["kept"]) == (COUNT, 0)
    assert len({status.st_ino for status in seen[0]}) == 1  # one file under six names
    first, header = read_exr(path_of(job, 1))  # the neutral frame
    assert np.array_equal(told[0], first["Combined"])
    assert "gioconda:placeholder" not in header
    assert len({path_of(job, number).stat().st_ino for number in range(1, COUNT + 1)}) == COUNT
    assert [name for name in names(job) if name.endswith("exr")] == [f"{n:04d}.exr" for n in range(1, COUNT + 1)]


def test_placeholders_never_take_a_frames_place_and_are_not_made_twice(job: Job) -> None:
    old = replace(job, frames="2-3", retarget={"jaw": 0.2})  # frames that are outdated
    sequence.render(old, quiet)
    before = [path_of(job, number).read_bytes() for number in (2, 3)]

    def stop(message: Message) -> None:
        if isinstance(message, Stage) and message.name == "render":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sequence.render(replace(job, placeholders=True), stop)
    assert [path_of(job, number).read_bytes() for number in (2, 3)] == before
    there = times(job)
    assert [frame_files.is_placeholder(path_of(job, n)) for n in range(1, COUNT + 1)] == [
        True,
        False,
        False,
        True,
        True,
        True,
    ]
    with pytest.raises(KeyboardInterrupt):
        sequence.render(replace(job, placeholders=True), stop)
    assert times(job) == there
    result = sequence.render(replace(job, resume=False, frames="4-6"), quiet)  # they are no frames to ask about
    assert result["rendered"] == 3


def test_placeholders_of_another_portrait_are_renewed(job: Job) -> None:
    rest = replace(job, motion="rest", frames="1-3", placeholders=True)

    def stop(message: Message) -> None:
        if isinstance(message, Stage) and message.name == "render":
            raise KeyboardInterrupt

    marks = []
    for changed in (rest, replace(rest, full_float=True)):
        with pytest.raises(KeyboardInterrupt):
            sequence.render(changed, stop)
        marks.append({read_exr(path_of(job, number))[1]["gioconda:placeholder"] for number in (1, 2, 3)})
    assert len(marks[0]) == len(marks[1]) == 1
    assert marks[0] != marks[1]


def test_where_files_cannot_be_linked_placeholders_are_copied(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(placeholders.os, "link", refuse)
    folder = path_of(job, 1).parent
    folder.mkdir()
    paths = [folder / name for name in ("a.exr", "b.exr")]
    placeholders.put(paths, "mark", lambda path: path.write_bytes(b"whole") and None)
    assert names(job) == ["a.exr", "b.exr"]
    assert {path.read_bytes() for path in paths} == {b"whole"}


def test_a_full_disk_while_placeholders_are_put_is_a_sentence(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(placeholders.os, "link", full)
    monkeypatch.setattr(placeholders.shutil, "copyfile", full)
    path_of(job, 1).parent.mkdir()
    with pytest.raises(OutputError, match="disk is full"):
        placeholders.put([path_of(job, 1)], "mark", lambda path: path.write_bytes(b"whole") and None)
    assert not names(job)


# --- rest -----------------------------------------------------------------------------------------------------------


def test_at_rest_every_frame_of_any_range_is_the_portrait_itself(job: Job) -> None:
    still = replace(job, motion="rest", frames="-1,7,5000", retarget={"mode": "absolute", "neutralise": 1.0}, neutral=3)
    assert sequence.render(still, quiet)["rendered"] == 3
    pictures = [read_exr(Path(job.output.replace("####", name)))[0] for name in ("-0001", "0007", "5000")]
    for passes in pictures[1:]:
        assert all(np.array_equal(passes[name], pictures[0][name]) for name in passes)
    assert stages(replace(still, frames="")) == ["read", "analyse", "prepare", "render"]
    assert is_whole(path_of(job, 1))


# --- frames that are not kept say why --------------------------------------------------------------------------------


def damage(path: Path) -> None:
    """Random bytes in the middle of the pixels; name, size, header and table of chunks stay as they were."""
    data = bytearray(path.read_bytes())
    middle = len(data) * 2 // 3
    data[middle : middle + 40] = np.random.default_rng(1).bytes(40)
    path.write_bytes(data)
    assert is_whole(path)


def warnings_of(job: Job) -> list[str]:
    """What is told while the job runs, and that all its frames are in order afterwards."""
    told: list[Message] = []
    sequence.render(job, told.append)
    for number in range(1, COUNT + 1):
        read_exr(path_of(job, number))
    return [message.text for message in told if isinstance(message, Warn)]


def test_a_damaged_frame_is_rendered_again_signed_or_not(job: Job) -> None:
    sequence.render(job, quiet)
    before = [path_of(job, number).read_bytes() for number in range(1, COUNT + 1)]
    damage(path_of(job, 3))
    assert "Frame 3 rendered again: what is on disk was damaged since." in warnings_of(job)
    manifest_path(job.output).unlink()  # then nothing but the pixels themselves can tell
    for number in (2, 5):
        damage(path_of(job, number))
    assert "Frames 2,5 rendered again: what is on disk was damaged since." in warnings_of(job)
    assert [path_of(job, number).read_bytes() for number in range(1, COUNT + 1)] == before


def test_where_any_bytes_are_pixels_the_signed_hash_tells(job: Job) -> None:
    job = replace(job, compression="none")
    sequence.render(job, quiet)
    written = path_of(job, 4).stat()
    damage(path_of(job, 4))
    os.utime(path_of(job, 4), ns=(written.st_atime_ns, written.st_mtime_ns))  # as a disk does it, without a trace
    assert "Frame 4 rendered again: what is on disk was damaged since." in warnings_of(job)


def test_frames_of_another_version_say_why_they_are_rendered_again(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    sequence.render(job, quiet)
    assert any("“passes” changed" in text for text in warnings_of(replace(job, passes=("Combined",))))
    from gioconda.imaging import exr
    from gioconda.job import fingerprint

    for module in (exr, fingerprint):
        monkeypatch.setattr(module, "ENGINE_VERSION", 99)
    said = warnings_of(replace(job, passes=("Combined",)))
    assert any("Frames 1-6 rendered again: made by Gioconda " in text and "engine 99" in text for text in said), said
