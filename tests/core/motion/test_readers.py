"""Other programs' files: real ones from ../shared/data where present, small made ones, and hostile ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from gioconda.errors import MotionError
from gioconda.landmarks import ARKIT, IBUG68
from gioconda.motion.files import load_motion
from gioconda.motion.readers.arkit import channel_name
from gioconda.pose import euler_degrees


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "written", ["EyeBlinkLeft", "eyeBlinkLeft", "eyeBlink_L", "eye blink left", "face.EyeBlinkLeft", "EYE_BLINK_L"]
)
def test_a_channel_is_known_however_it_is_spelt(written: str) -> None:
    assert channel_name(written) == "eyeBlinkLeft"


def test_every_arkit_name_is_known_with_short_sides_and_strangers_are_not() -> None:
    for name in ARKIT:
        assert channel_name(name) == name
        assert channel_name(name[0].upper() + name[1:]) == name
    assert channel_name("mouthLeft") == "mouthLeft"
    assert channel_name("Timecode") is None


def test_a_real_live_link_take_is_read(shared_data: Path) -> None:
    motion = load_motion(shared_data / "motion/livelinkface/MySlate_3_Jason_Millers_iPhone.csv")
    assert (len(motion), motion.fps, len(motion.channel_names)) == (328, 60, 52)
    np.testing.assert_array_equal(motion.frames, np.arange(328))
    blink = motion.channel_matrix()[0, ARKIT.index("eyeBlinkLeft")]
    assert blink == pytest.approx(0.0491, abs=1e-4)


def test_audio2face_holds_the_same_take(shared_data: Path) -> None:
    ours = load_motion(shared_data / "motion/livelinkface/MySlate_3_Jason_Millers_iPhone.csv")
    theirs = load_motion(shared_data / "motion/audio2face_layout/a2f_layout_from_livelink_MySlate_3.json")
    assert theirs.fps == 60
    np.testing.assert_allclose(theirs.channel_matrix(), ours.channel_matrix(), atol=1e-5)


def test_real_landmark_tables_are_read(shared_data: Path) -> None:
    folder = shared_data / "motion/openface68"
    for name, count in (("001.csv", 40), ("002.csv", 28), ("Feat_Test.csv", 1), ("OpenFace_Test.csv", 100)):
        motion = load_motion(folder / name)
        assert len(motion) == count
        assert motion.landmarks is not None
        known = np.isfinite(motion.landmarks[..., 0]).all(0)
        assert set(np.flatnonzero(known)) == set(IBUG68)
    mesh = load_motion(folder / "news_sample/001.csv")
    assert mesh.size == (1080, 1080)
    assert np.isfinite(mesh.landmarks[::2]).all()  # type: ignore[index]
    assert np.isnan(mesh.landmarks[1]).all()  # type: ignore[index]


def test_a_table_about_something_else_says_what_we_read(shared_data: Path) -> None:
    with pytest.raises(MotionError, match=r"clip_attrs.csv, line 1: these columns are unknown"):
        load_motion(shared_data / "motion/openface68/news_sample/clip_attrs.csv")


def test_head_angles_turn_the_way_apple_defines_them(tmp_path: Path) -> None:
    rows = ["Timecode,BlendShapeCount,JawOpen,HeadYaw,HeadPitch,HeadRoll"]
    rows += ["00:00:00:00.0,61,0,0.3,0,0", "00:00:00:01.0,61,0,0,0.2,0", "00:00:00:02.0,61,0,0,0,0.1"]
    motion = load_motion(write(tmp_path, "head.csv", "\n".join(rows)))
    yaw, pitch, roll = (euler_degrees(r) for r in motion.rotation)  # type: ignore[union-attr]
    assert yaw == pytest.approx((np.degrees(0.3), 0, 0), abs=1e-6)  # the nose to the person's left: +x
    assert pitch == pytest.approx((0, -np.degrees(0.2), 0), abs=1e-6)  # looking down
    assert roll == pytest.approx((0, 0, -np.degrees(0.1)), abs=1e-6)  # anticlockwise in the picture


def test_timecodes_give_the_rate_and_a_gap_becomes_missing_frames(tmp_path: Path) -> None:
    codes = [f"10:00:{s:02d}:{f:02d}.500" for s in range(3) for f in range(24)]
    del codes[30:33]
    motion = load_motion(write(tmp_path, "t.csv", "Timecode,JawOpen\n" + "".join(f"{c},0.5\n" for c in codes)))
    assert (motion.fps, len(motion)) == (24, 72)
    assert np.isnan(motion.channels[30:33]).all()  # type: ignore[index]
    assert motion.provenance["missing_frames"] == 3


def test_sixty_rows_a_second_are_sixty_even_when_the_timecode_counts_thirty(tmp_path: Path) -> None:
    codes = [f"01:02:{s:02d}:{f:02d}.{h}" for s in range(3) for f in range(30) for h in ("000", "500")]
    motion = load_motion(write(tmp_path, "t.csv", "Timecode,JawOpen\n" + "".join(f"{c},0.5\n" for c in codes)))
    assert motion.fps == 60
    np.testing.assert_array_equal(motion.frames, np.arange(180))


def test_percentages_semicolons_and_unknown_columns_are_no_obstacle(tmp_path: Path) -> None:
    motion = load_motion(write(tmp_path, "p.csv", "frame; jawOpen ;mood;eyeBlink_R\n5;50;good;100\n6;0;bad;0\n"))
    np.testing.assert_array_equal(motion.frames, [5, 6])
    assert motion.channel_names == ("eyeBlinkRight", "jawOpen")
    np.testing.assert_allclose(motion.channels, [[1, 0.5], [0, 0]])


@pytest.mark.parametrize(
    "data",
    [
        {"fps": 24, "frames": [{"jawOpen": 0.25}, {"jawOpen": 0.5}]},
        {
            "fps": 24,
            "frames": [{"frame": 0, "blendshapes": {"jawOpen": 0.25}}, {"frame": 1, "blendshapes": {"JawOpen": 0.5}}],
        },
        {"fps": 24, "names": ["jawOpen", "x"], "weights": [[0.25, 9], [0.5, 9]]},
        {"fps": 24, "channels": {"jawOpen": [0.25, 0.5]}},
        [{"jawOpen": 0.25}, {"jawOpen": 0.5}],
    ],
)
def test_arkit_json_comes_in_several_layouts(tmp_path: Path, data: object) -> None:
    motion = load_motion(write(tmp_path, "a.json", json.dumps(data)))
    assert motion.channel_names == ("jawOpen",)
    np.testing.assert_allclose(motion.channels, [[0.25], [0.5]])
    assert motion.fps == (24 if isinstance(data, dict) else 30)


def test_named_points_come_as_json_and_as_a_table(tmp_path: Path) -> None:
    data = {"fps": 24, "size": [640, 480], "points": {"nose_tip": [[1, 2], [3, 4]], "33": [[5, 6, 7], None]}}
    motion = load_motion(write(tmp_path, "rig.json", json.dumps(data)))
    assert (motion.size, motion.fps) == ((640, 480), 24)
    np.testing.assert_allclose(motion.landmarks[:, 4, :2], [[1, 2], [3, 4]])  # type: ignore[index]
    np.testing.assert_allclose(motion.landmarks[0, 33], [5, 6, 7])  # type: ignore[index]
    assert np.isnan(motion.landmarks[1, 33]).all()  # type: ignore[index]
    frames = {"frames": [{"frame": 3, "points": {"Nose Tip": [1, 2]}}, {"frame": 4, "points": {"Nose Tip": [3, 4]}}]}
    again = load_motion(write(tmp_path, "rig2.json", json.dumps(frames)))
    np.testing.assert_allclose(again.landmarks[:, 4, :2], [[1, 2], [3, 4]])  # type: ignore[index]
    table = load_motion(write(tmp_path, "rig.csv", "frame,nose_tip_x,nose_tip_y,p33.x,p33.y\n3,1,2,5,6\n4,3,4,7,8\n"))
    np.testing.assert_allclose(table.landmarks[:, 4, :2], [[1, 2], [3, 4]])  # type: ignore[index]
    np.testing.assert_allclose(table.landmarks[:, 33, :2], [[5, 6], [7, 8]])  # type: ignore[index]


def sixty_eight(rows: list[str]) -> str:
    names = ["frame", "timestamp", "confidence", "success", *(f"{a}_{i}" for a in "xy" for i in range(68))]
    return ", ".join(names) + "\n" + "\n".join(rows) + "\n"


def test_openface_frames_without_success_are_missing(tmp_path: Path) -> None:
    numbers = ", ".join(str(i) for i in range(136))
    rows = [f"{i + 1}, {i / 25}, 0.9, {int(i != 2)}, {numbers}" for i in range(5)]
    motion = load_motion(write(tmp_path, "of.csv", sixty_eight(rows)))
    assert motion.fps == 25
    np.testing.assert_array_equal(np.isnan(motion.landmarks).all((1, 2)), [0, 0, 1, 0, 0])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("empty.csv", "", "empty.csv is empty"),
        ("blank.csv", " \n \n", "blank.csv is empty"),
        ("head.csv", "jawOpen,frame\n", "no data rows"),
        ("uneven.csv", "frame,jawOpen\n1,0\n2\n3,0\n", "uneven.csv, line 3: 1 columns"),
        ("word.csv", "frame,jawOpen\n1,0\n2,wide\n", "word.csv, line 3, column 'jawOpen': 'wide'"),
        ("inf.csv", "frame,jawOpen\n1,0\n2,1e999\n", "inf.csv, line 3, column 'jawOpen': an infinite"),
        ("half.csv", "frame,jawOpen\n1.5,0\n", "half.csv, line 2: the frame number"),
        ("far.csv", "frame,jawOpen\n0,0\n2000000000,1\n", "scattered"),
        ("code.csv", "Timecode,JawOpen\nnow,0\n", "code.csv, line 2: 'now' is not a timecode"),
        ("back.csv", "Timecode,JawOpen\n00:00:02:00.0,0\n00:00:01:00.0,0\n", "line 3: the timecode runs backwards"),
        ("nan.csv", "frame,jawOpen\n0,nan\n", "all of its channel values are missing"),
        ("some.csv", "x_0,y_67\n1,2\n", "no column 'x_1'"),
        ("empty.json", "", "empty.json is empty"),
        ("value.json", "7", "a single value"),
        ("none.json", "{}", "no ARKit channels"),
        ("rows.json", '{"facsNames": ["jawOpen"], "weightMat": [[0], [0, 1]]}', "entry 2 of 'weightMat'"),
        ("text.json", '{"facsNames": ["jawOpen"], "weightMat": [["wide"]]}', "'wide' is not a usable number"),
        ("fps.json", '{"exportFps": 0, "facsNames": ["jawOpen"], "weightMat": [[0]]}', "above 0"),
        ("big.json", '{"facsNames": ["jawOpen"], "weightMat": [[1e999]]}', "infinite"),
        ("digits.json", '{"facsNames": ["jawOpen"], "weightMat": [[' + "9" * 400 + "]]}", "not a usable number"),
        ("point.json", '{"points": {"elbow": [[1, 2]]}}', "'elbow' is not a point"),
        ("place.json", '{"points": {"nose_tip": [[1]]}}', r"\[x, y\]"),
        ("lists.json", '{"points": {"nose_tip": [[1, 2]], "chin": []}}', "a list of positions"),
    ],
)
def test_a_bad_file_is_one_sentence_with_its_name_and_line(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    with pytest.raises(MotionError, match=sentence) as caught:
        load_motion(write(tmp_path, name, text))
    assert name in str(caught.value)


def test_hostile_sizes_are_refused_quickly(tmp_path: Path) -> None:
    with pytest.raises(MotionError, match="columns"):
        load_motion(write(tmp_path, "wide.csv", "jawOpen," * 2_000_000 + "\n1\n"))
    with pytest.raises(MotionError):
        load_motion(write(tmp_path, "cell.csv", "jawOpen,frame\n" + "9" * 300_000 + ",1\n"))
    with pytest.raises(MotionError):
        load_motion(write(tmp_path, "deep.json", '{"frames": ' + "[" * 100_000 + "]" * 100_000 + "}"))
    binary = tmp_path / "picture.csv"
    binary.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\xff\xfe")
    with pytest.raises(MotionError, match="not text"):
        load_motion(binary)
