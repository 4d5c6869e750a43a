from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gioconda import landmarks as lm
from gioconda.errors import MotionError
from gioconda.job.retarget import RetargetSettings
from gioconda.motion import regions
from gioconda.motion.curves import Curves, read_curves, with_curves
from gioconda.motion.motion import Motion
from gioconda.motion.retarget import retarget
from gioconda.pose import Performance, euler_degrees, head_pose

PORTRAIT = 300 * lm.template() + [500, 500, 0]


def a_smile(count: int) -> Motion:
    """From nothing to a smile with an open jaw and a shut eye."""
    names = ("mouthSmileLeft", "jawOpen", "eyeBlinkLeft")
    values = np.linspace(0, 1, count)[:, None] * [0.8, 0.4, 0.7]
    return Motion(24.0, np.arange(1, count + 1), channels=values.astype(np.float32), channel_names=names, neutral=0)


def written(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(rows) + "\n")
    return path


def test_a_table_is_read_and_sampled_between_its_rows(tmp_path: Path) -> None:
    path = written(tmp_path / "curves.csv", "Frame,gain.lips,jawopen,headYaw", "1,1,0,0", "2.5,0,0.6,-30", "4,2,0.6,0")
    curves = read_curves(path).at(np.array([0, 1, 2, 3, 9]))
    assert np.allclose(curves.gains["lips"], [1, 1, 1 / 3, 2 / 3, 2])
    assert np.allclose(curves.channels["jawOpen"], [0, 0, 0.4, 0.6, 0.6])
    assert np.allclose(curves.turns["headYaw"], [0, 0, -20, -20, 0])
    assert read_curves(path).span() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (("frame,jawOpen",), "no data rows"),
        (("time,jawOpen", "1,0"), "no column “frame”"),
        (("frame,jawOpen", "2,0", "1,0"), "line 3: frames must be numbers that rise"),
        (("frame,jawOpen", "1,0", ",0"), "line 3: frames must be numbers"),
        (("frame,grin", "1,0"), "called “grin”"),
        (("frame,jawOpen,JawOpen", "1,0,0"), "two columns"),
        (("frame", "1"), "no curves"),
        (("frame,gain.lips", "1,-1"), "line 2, column lips: -1 is not between 0 and 5"),
        (("frame,headYaw", "1,500"), "500 is not between"),
        (("frame,jawOpen", "1,"), "nan is not between"),
        (("frame,jawOpen", "1,wide"), "is not a number"),
    ],
)
def test_what_cannot_be_used_is_said(tmp_path: Path, rows: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(MotionError, match=sentence):
        read_curves(written(tmp_path / "curves.csv", *rows))
    with pytest.raises(MotionError, match="no table of curves"):
        read_curves(tmp_path / "none.csv")


def test_a_gain_that_changes_is_at_each_frame_what_a_fixed_one_is() -> None:
    motion, gains = a_smile(5), np.array([1.0, 0.0, 0.5, 2.0, 1.0])
    changing = retarget(motion, PORTRAIT, None, {"lips": gains, "jaw": gains, "lids": gains})
    for k, gain in enumerate(gains):
        fixed = retarget(motion, PORTRAIT, RetargetSettings(lips=gain, jaw=gain, lids=gain))
        assert np.allclose(changing.displacement[k], fixed.displacement[k], atol=1e-7)


def test_a_heads_gain_changes_too() -> None:
    yaw = np.radians([0.0, 10, 20])
    turn = np.stack([[[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]] for a in yaw])
    motion = Motion(
        24.0, np.arange(3), channels=np.zeros((3, 1), np.float32), channel_names=("jawOpen",), rotation=turn
    )
    shown = retarget(motion, PORTRAIT, RetargetSettings(neutral=0), {"pose": np.array([1.0, 0.0, 0.5])})
    assert np.allclose([abs(euler_degrees(r)[0]) for r in shown.rotation], [0, 0, 10], atol=1e-6)


def still(count: int) -> Performance:
    zero = np.zeros((count, lm.COUNT, 3), np.float32)
    frames = np.arange(count, dtype=np.int32)
    return Performance(zero, np.tile(np.eye(3), (count, 1, 1)), np.zeros((count, 3)), np.ones(count), frames, 24.0)


def curves(**values: list[float]) -> Curves:
    turns = {name: np.array(each) for name, each in values.items() if name.startswith("head")}
    channels = {name: np.array(each) for name, each in values.items() if not name.startswith("head")}
    return Curves(np.arange(len(next(iter(values.values()))), dtype=float), {}, channels, turns)


def test_channels_move_a_still_portrait_and_zero_leaves_it_exactly() -> None:
    shown = with_curves(still(3), PORTRAIT, curves(jawOpen=[0, 0.5, 1], eyeBlinkLeft=[0, 0.5, 1]))
    assert not shown.displacement[0].any()
    face = head_pose(PORTRAIT).to_head(PORTRAIT)
    gaps = np.linalg.norm((face + shown.displacement)[:, 13] - (face + shown.displacement)[:, 14], axis=1)
    assert (np.diff(gaps) > 0.05).all()
    left, right = (regions.openness(face + shown.displacement, side) for side in ("left", "right"))
    assert left[2] < 0.02 < left[1] < 0.8 * left[0]
    assert np.allclose(right, right[0], rtol=0.05)


def test_channels_add_to_what_the_motion_does() -> None:
    motion = a_smile(3)
    base = retarget(motion, PORTRAIT)
    shown = with_curves(base, PORTRAIT, Curves(np.array([3.0]), {}, {"browInnerUp": np.array([1.0])}, {}))
    brow, mouth = list(lm.BROW_LEFT), list(lm.LIPS_OUTER)
    assert (shown.displacement[2, brow, 1] - base.displacement[2, brow, 1]).mean() < -0.03
    assert np.allclose(shown.displacement[2, mouth], base.displacement[2, mouth], atol=0.01)


def test_the_head_turns_about_its_neck_as_it_is_told() -> None:
    shown = with_curves(still(2), PORTRAIT, curves(headYaw=[0, 25], headRoll=[0, -5]))
    assert np.allclose(shown.rotation[0], np.eye(3))
    assert np.allclose(shown.translation[0], 0)
    assert np.allclose(euler_degrees(shown.rotation[1]), (25, 0, -5), atol=1e-6)
    assert shown.translation[1, 0] > 0.05, "the nose bridge swings to the side"
