"""The Motion type, its files, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from gioconda.errors import MotionError, OutputError
from gioconda.landmarks import template
from gioconda.motion.files import load_motion, save_motion
from gioconda.motion.motion import Motion
from gioconda.pose import rotation_matrix


def landmark_motion(count: int = 5) -> Motion:
    points = np.tile(template().astype(np.float32) * 200 + 256, (count, 1, 1))
    points += np.arange(count, dtype=np.float32)[:, None, None]
    return Motion(
        25, np.arange(10, 10 + count), landmarks=points, size=(512, 512), neutral=1, provenance={"source": "test"}
    )


def channel_motion(count: int = 4) -> Motion:
    values = np.linspace(0, 1, 2 * count, dtype=np.float32).reshape(count, 2)
    return Motion(
        60,
        np.arange(count),
        channels=values,
        channel_names=("jawOpen", "eyeBlinkLeft"),
        rotation=np.tile(np.eye(3), (count, 1, 1)),
        translation=np.zeros((count, 3)),
        scale=np.ones(count),
        confidence=np.ones(count),
    )


@pytest.mark.parametrize("fps", [0, -25, float("nan"), float("inf"), 1e9, "fast", None])
def test_impossible_frame_rates_are_refused(fps: object) -> None:
    with pytest.raises(MotionError, match="frames per second"):
        Motion(fps, [0], channels=np.zeros((1, 1)), channel_names=("jawOpen",))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("frames", "what"),
    [
        ([], "no frames"),
        ([1, 1], "ascend"),
        ([3, 2], "ascend"),
        ([0.5, 1], "whole"),
        ([0, 1e12], "whole"),
        ([0, float("nan")], "whole"),
    ],
)
def test_frame_numbers_must_be_whole_and_ascend(frames: list[float], what: str) -> None:
    with pytest.raises(MotionError, match=what):
        Motion(25, frames, channels=np.zeros((len(frames), 1)), channel_names=("jawOpen",))  # type: ignore[arg-type]


def test_arrays_of_the_wrong_shape_or_with_infinities_are_refused() -> None:
    with pytest.raises(MotionError, match="shape"):
        Motion(25, [0, 1], landmarks=np.zeros((2, 68, 3), np.float32))
    with pytest.raises(MotionError, match="infinite"):
        Motion(25, [0], channels=np.full((1, 1), np.inf, np.float32), channel_names=("jawOpen",))
    with pytest.raises(MotionError, match="neither landmarks nor channels"):
        Motion(25, [0])
    with pytest.raises(MotionError, match="ARKit"):
        Motion(25, [0], channels=np.zeros((1, 1), np.float32), channel_names=("smileALot",))


@pytest.mark.parametrize("make", [landmark_motion, channel_motion])
@pytest.mark.parametrize("extension", [".npz", ".json"])
def test_a_saved_motion_comes_back_the_same(tmp_path: Path, make: object, extension: str) -> None:
    motion = make()  # type: ignore[operator]
    save_motion(motion, tmp_path / f"take{extension}")
    again = load_motion(tmp_path / f"take{extension}")
    assert (again.fps, again.size, again.neutral, again.channel_names) == (
        motion.fps,
        motion.size,
        motion.neutral,
        motion.channel_names,
    )
    assert again.provenance == motion.provenance
    np.testing.assert_array_equal(again.frames, motion.frames)
    for name in ("landmarks", "channels", "rotation", "translation", "scale", "confidence"):
        ours, theirs = getattr(motion, name), getattr(again, name)
        assert (ours is None) == (theirs is None)
        if ours is not None:
            np.testing.assert_allclose(theirs, ours, atol=0 if extension == ".npz" else 6e-4)


@pytest.mark.parametrize("extension", [".npz", ".json"])
def test_channels_that_come_on_top_of_landmarks_are_remembered(tmp_path: Path, extension: str) -> None:
    points = np.zeros((1, 478, 3), np.float32)
    channels = np.ones((1, 1), np.float32)
    motion = Motion(25, [1], landmarks=points, channels=channels, channel_names=("jawOpen",), channels_add=True)
    save_motion(motion, tmp_path / f"take{extension}")
    assert load_motion(tmp_path / f"take{extension}").channels_add
    assert not Motion(25, [1], landmarks=points).channels_add


def test_json_is_readable_and_missing_values_are_null(tmp_path: Path) -> None:
    motion = channel_motion()
    values = motion.channels.copy()  # type: ignore[union-attr]
    values[2] = np.nan
    save_motion(Motion(24, [1, 2, 3, 4], channels=values, channel_names=motion.channel_names), tmp_path / "take.json")
    text = (tmp_path / "take.json").read_text()
    assert '{"frame":3,"channels":[null,null]}' in text
    assert json.loads(text)["fps"] == 24
    assert np.isnan(load_motion(tmp_path / "take.json").channels[2]).all()  # type: ignore[index]


def test_a_frame_range_keeps_the_neutral_frame_if_it_is_inside() -> None:
    motion = landmark_motion()
    part = motion.between(11, 13)
    assert list(part.frames) == [11, 12, 13]
    assert part.neutral == 0
    assert motion.between(12, 14).neutral is None
    with pytest.raises(MotionError, match="from 10 to 14"):
        motion.between(20, 30)


def test_a_missing_unknown_or_damaged_file_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(MotionError, match=r"no motion file .*nowhere.npz"):
        load_motion(tmp_path / "nowhere.npz")
    (tmp_path / "face.fbx").write_bytes(b"Kaydara")
    with pytest.raises(MotionError, match="not a motion file we read"):
        load_motion(tmp_path / "face.fbx")
    save_motion(landmark_motion(), tmp_path / "take.npz")
    whole = (tmp_path / "take.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MotionError, match="damaged"):
        load_motion(tmp_path / "cut.npz")
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    with pytest.raises(MotionError, match="not a motion we saved"):
        load_motion(tmp_path / "other.npz")


def test_pickles_inside_an_archive_are_never_loaded(tmp_path: Path) -> None:
    np.savez(tmp_path / "evil.npz", head=np.array({"format": "gioconda-motion"}, dtype=object))
    with pytest.raises(MotionError):
        load_motion(tmp_path / "evil.npz")


def test_broken_json_names_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text('{"format": "gioconda-motion",\n "fps": 25,\n "frames": [1, 2\n}')
    with pytest.raises(MotionError, match=r"broken.json, line 4, column 1"):
        load_motion(path)
    path.write_text("[" * 200_000)
    with pytest.raises(MotionError, match=r"nested too deeply|not JSON"):
        load_motion(path)


def test_saving_fails_in_one_sentence_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"use \.npz, \.json, \.csv or \.arkit"):
        save_motion(channel_motion(), tmp_path / "take.xls")
    with pytest.raises(OutputError, match="Cannot write"):
        save_motion(channel_motion(), tmp_path / "no folder" / "take.npz")
    assert list(tmp_path.iterdir()) == []


def test_a_motion_is_brought_to_another_rate_and_start() -> None:
    motion = Motion(
        fps=25.0,
        frames=np.arange(100, 126),
        channels=np.linspace(0, 1, 26, dtype=np.float32)[:, None],
        channel_names=("jawOpen",),
        rotation=np.stack([rotation_matrix(yaw=float(i)) for i in range(26)]),
        neutral=25,
    )
    half = motion.retimed(12.5, 7)
    assert half.frames.tolist() == list(range(7, 20)) and half.fps == 12.5
    assert np.allclose(half.channels[:, 0], np.linspace(0, 0.96, 13))
    assert np.allclose(half.rotation[5], rotation_matrix(yaw=10.0))
    assert half.neutral == 12
    double = motion.retimed(50.0, 1)
    assert len(double) == 51 and np.allclose(double.rotation[1], rotation_matrix(yaw=0.5))
    assert motion.retimed(25.0, 1).frames.tolist() == list(range(1, 27))
