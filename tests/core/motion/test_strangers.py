"""Motions as other people's programs, converters and spreadsheets leave them: the right speed, person and strength, or
a note that says what was assumed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from gioconda.errors import MotionError
from gioconda.landmarks import ARKIT, IBUG68, template
from gioconda.motion.clock import clock
from gioconda.motion.files import load_motion, save_motion
from gioconda.motion.motion import Motion
from gioconda.motion.readers.arkit import head_angles, head_rotation
from gioconda.motion.writers import COLUMNS
from gioconda.pose import euler_degrees


def write(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def take(codes: list[str], values: list[float] | None = None) -> str:
    rows = zip(codes, values or [0.5] * len(codes), strict=True)
    return "Timecode,BlendShapeCount,JawOpen\n" + "".join(f"{code},61,{value}\n" for code, value in rows)


def smpte(count: int, base: int, *, start: int = 0, mark: str = ":") -> list[str]:
    numbers = range(start, start + count)
    return [f"00:{n // base // 60:02d}:{n // base % 60:02d}{mark}{n % base:02d}.000" for n in numbers]


# --- the clock --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fps", [12.0, 15.0, 23.976, 24.0, 25.0, 29.97, 30.0, 60.0])
@pytest.mark.parametrize("rounded", [3, 6])
def test_stamps_give_the_rate_they_were_made_at(fps: float, rounded: int) -> None:
    exact = {23.976: 24000 / 1001, 29.97: 30000 / 1001}.get(fps, fps)
    found = clock(np.round(17.0 + np.arange(200) / exact, rounded))
    assert found is not None
    assert found.fps == pytest.approx(exact, rel=1e-6)
    np.testing.assert_array_equal(found.numbers, np.arange(200))


def test_a_lost_frame_is_a_hole_and_a_changed_rate_is_resampled() -> None:
    lost = clock(np.delete(np.arange(90) / 30, [40, 41, 60]))
    assert lost is not None
    np.testing.assert_array_equal(lost.numbers, np.delete(np.arange(90), [40, 41, 60]))
    varied = clock(np.concatenate([np.arange(30) / 30, 1 + np.arange(30) / 10]))
    assert varied == (30.0, None)


def test_what_varies_is_where_its_stamps_say(tmp_path: Path) -> None:
    seconds = np.concatenate([np.arange(30) / 30, 1 + np.arange(30) / 10])
    rows = "".join(f"{s:.3f},{s / 4:.5f}\n" for s in seconds)
    motion = load_motion(write(tmp_path, "varied.csv", "timestamp,jawOpen\n" + rows))
    assert (motion.fps, len(motion)) == (30, 118)
    np.testing.assert_allclose(motion.channels[:, 0], motion.frames / 30 / 4, atol=1e-3)  # type: ignore[index]
    assert "rate varies" in motion.notes[0]


@pytest.mark.parametrize("unit", [1.0, 1e3, 1e6, 1e9])
def test_stamps_may_be_of_any_unit(tmp_path: Path, unit: float) -> None:
    rows = "".join(f"{5 * unit + i / 25 * unit:.3f},0.5\n" for i in range(50))
    motion = load_motion(write(tmp_path, "t.csv", "time,jawOpen\n" + rows))
    assert (motion.fps, len(motion)) == (25, 50)


@pytest.mark.parametrize("base", [12, 15, 24, 25, 30, 48, 50, 60, 100])
def test_a_timecode_counts_to_where_it_wraps(tmp_path: Path, base: int) -> None:
    motion = load_motion(write(tmp_path, "t.csv", take(smpte(3 * base + 2, base))))
    assert (motion.fps, len(motion), motion.notes) == (base, 3 * base + 2, ())


def test_milliseconds_and_decimal_seconds_in_a_timecode(tmp_path: Path) -> None:
    for mark in ":.,":
        codes = [f'"00:00:{i // 30:02d}{mark}{round(i % 30 * 1000 / 30):03d}"' for i in range(100)]
        motion = load_motion(write(tmp_path, "t.csv", take(codes)))
        assert (motion.fps, len(motion)) == (30, 100)
    within = load_motion(write(tmp_path, "t.csv", take([f"00:00:05:{i * 40:03d}" for i in range(20)])))
    assert within.fps == 25


@pytest.mark.parametrize("mark", [";", ":"])
@pytest.mark.parametrize("base", [30, 60])
def test_drop_frame_has_no_holes(tmp_path: Path, mark: str, base: int) -> None:
    dropped = base // 15
    codes, number = [], 58 * base
    while len(codes) < 4 * base:
        minute, rest = divmod(number, 60 * base)
        if rest >= dropped or minute % 10 == 0:
            codes.append(f"00:{minute:02d}:{rest // base:02d}{mark}{rest % base:02d}.000")
        number += 1
    motion = load_motion(write(tmp_path, "t.csv", take(codes)))
    assert motion.fps == pytest.approx(base * 1000 / 1001)
    assert len(motion) == len(codes)
    assert np.isfinite(motion.channels).all()  # type: ignore[arg-type]


def test_a_timecode_within_one_second_says_what_was_assumed(tmp_path: Path) -> None:
    motion = load_motion(write(tmp_path, "t.csv", take(smpte(10, 30))))
    assert motion.fps == 60
    assert any("assumed" in note or "taken to count" in note for note in motion.notes)


def test_an_assumed_rate_is_told_and_a_stated_one_is_not(tmp_path: Path) -> None:
    assumed = load_motion(write(tmp_path, "a.csv", "frame,jawOpen\n1,0\n2,1\n"))
    assert "30 assumed" in " ".join(assumed.notes)
    assert load_motion(write(tmp_path, "b.csv", "frame,fps,jawOpen\n1,25,0\n2,25,1\n")).notes == ()


# --- strengths --------------------------------------------------------------------------------------------------------


def strengths(folder: Path, values: list[float]) -> Motion:
    return load_motion(write(folder, "s.csv", "frame,jawOpen\n" + "".join(f"{i},{v}\n" for i, v in enumerate(values))))


def test_one_glitch_does_not_make_percent_of_a_take(tmp_path: Path) -> None:
    values = [0.5 + 0.4 * np.sin(i / 5) for i in range(90)]
    motion = strengths(tmp_path, [*values[:40], 93.0, *values[41:]])
    expected = np.array(values)
    expected[40] = 1
    np.testing.assert_allclose(motion.channels[:, 0], expected, atol=1e-5)  # type: ignore[index]
    assert "line 42" in motion.notes[0]
    assert "93" in motion.notes[0]


def test_exaggerated_weights_stay_exaggerated(tmp_path: Path) -> None:
    motion = strengths(tmp_path, [1.6 * (1 + np.sin(i / 5)) for i in range(90)])
    assert motion.channels.max() == 2  # type: ignore[union-attr]
    np.testing.assert_allclose(motion.channels[0, 0], 1.6)  # type: ignore[index]
    assert "percent" not in motion.provenance


def test_percent_is_told(tmp_path: Path) -> None:
    motion = strengths(tmp_path, [0] * 200 + [40 + 30 * np.sin(i / 5) for i in range(90)])
    assert motion.channels.max() == pytest.approx(0.7, abs=0.01)  # type: ignore[union-attr]
    assert "percent" in motion.notes[-1] or "percent" in motion.notes[0]


# --- persons ----------------------------------------------------------------------------------------------------------


def faces(rows: list[tuple[int, int, float]], *, success: int = 1) -> str:
    """(frame, id, where across) → an OpenFace table of faces 200 pixels wide."""
    base = template()[list(IBUG68), :2] * 80
    names = ["frame", "face_id", "timestamp", "confidence", "success", *(f"{a}_{i}" for a in "xy" for i in range(68))]
    lines = []
    for frame, face, x in rows:
        points = base + (x + frame, 300)
        lines.append(
            f"{frame}, {face}, {(frame - 1) / 30:.3f}, 0.98, {success}, "
            + ", ".join(f"{v:.1f}" for v in points.T.ravel())
        )
    return ", ".join(names) + "\n" + "\n".join(lines) + "\n"


def middle(motion: Motion) -> float:
    return float(np.nanmean(motion.landmarks[..., 0]))  # type: ignore[index]


def test_two_people_are_told_apart_by_place(tmp_path: Path) -> None:
    rows = [(n, 0, 300.0) for n in range(1, 61)] + [(n, 1, 900.0) for n in range(1, 41)]
    path = write(tmp_path, "two.csv", faces(sorted(rows)))
    motion = load_motion(path)
    assert (len(motion), motion.fps) == (60, 30)
    assert middle(motion) < 500
    assert "2 faces" in motion.notes[0]
    right = load_motion(path, 2)
    assert len(right) == 40
    assert middle(right) > 500
    with pytest.raises(MotionError, match="no face 3"):
        load_motion(path, 3)


def test_a_number_that_changes_or_swaps_is_not_another_person(tmp_path: Path) -> None:
    changing = load_motion(write(tmp_path, "a.csv", faces([(n, n // 9, 300.0) for n in range(1, 61)])))
    assert (len(changing), changing.notes) == (60, ())
    swapping = [(n, (k + n // 20) % 2, (300.0, 900.0)[k]) for n in range(1, 61) for k in (0, 1)]
    swapped = load_motion(write(tmp_path, "b.csv", faces(swapping)), 1)
    assert len(swapped) == 60
    assert np.ptp(np.nanmean(swapped.landmarks[..., 0], axis=1)) < 100  # type: ignore[index]


def test_frames_without_anybody_stay_missing(tmp_path: Path) -> None:
    text = faces([(n, 0, 300.0) for n in range(1, 21)]) + faces([(21, 1, 300.0)], success=0).split("\n", 1)[1]
    text += faces([(n, 2, 300.0) for n in range(22, 41)]).split("\n", 1)[1]
    motion = load_motion(write(tmp_path, "a.csv", text))
    assert len(motion) == 40
    assert motion.provenance["missing_frames"] == 1


# --- other programs ---------------------------------------------------------------------------------------------------


def test_audio2face_3d_writes_seconds_into_timecode(tmp_path: Path) -> None:
    rows = "".join(f"{i},{i / 30!r},{i / 100}\n" for i in range(45))
    motion = load_motion(write(tmp_path, "a2f.csv", ",timeCode,blendShapes.JawOpen\n" + rows))
    assert (len(motion), motion.fps, motion.provenance["source"]) == (45, 30, "Audio2Face-3D")
    np.testing.assert_allclose(motion.channels[:, 0], np.arange(45) / 100, atol=1e-6)  # type: ignore[index]


def test_live_link_json_is_keyed_by_number(tmp_path: Path) -> None:
    names = ["JawOpen", "EyeBlinkLeft", "HeadRoll", "HeadPitch", "HeadYaw"]
    data = {
        str(i): {"Somebody": {"Body": {}, "Facial": {"Names": names, "Weights": [i / 20, 0, 0, 0, 0.3]}}}
        for i in reversed(range(12))
    }
    motion = load_motion(write(tmp_path, "a.json", json.dumps(data)))
    assert (len(motion), motion.channel_names) == (12, ("eyeBlinkLeft", "jawOpen"))
    np.testing.assert_allclose(motion.channels[:, 1], np.arange(12) / 20, atol=1e-6)  # type: ignore[index]
    assert euler_degrees(motion.rotation[0])[0] == pytest.approx(np.degrees(0.3))  # type: ignore[index]
    del data["5"]["Somebody"]["Facial"]
    assert np.isnan(load_motion(write(tmp_path, "b.json", json.dumps(data))).channels[5]).all()  # type: ignore[index]


def test_face_cap_is_read(tmp_path: Path) -> None:
    text = "info,2,Generic\nbs,jawOpen,eyeBlink_L\n"
    text += "".join(f"k,{round(i * 1000 / 60)},0,0,0,-10,-20,-5,0,0,0,0,{i / 100},0.25\n" for i in range(90))
    motion = load_motion(write(tmp_path, "facecap.txt", text))
    assert (len(motion), motion.fps) == (90, 60)
    np.testing.assert_allclose(motion.channels[:, 1], np.arange(90) / 100, atol=1e-6)  # type: ignore[index]
    angles = head_angles(motion.rotation)[0]  # type: ignore[arg-type]
    np.testing.assert_allclose(np.degrees(angles), [20, 10, 5])  # yaw, pitch, roll of Live Link Face
    with pytest.raises(MotionError, match="line 5"):
        load_motion(write(tmp_path, "bad.txt", text.replace("k,33,0,0,0,-10", "k,33,0,0,0,ten")))


def test_ifacialmocap_is_read(tmp_path: Path) -> None:
    line = "jawOpen-{}|eyeBlink_L-50|x-1|=head#-10.0,-20.0,5.0,0.1,0.2,-0.6|rightEye#6,2,0|leftEye#6,2,0|\n"
    motion = load_motion(write(tmp_path, "i.txt", "".join(line.format(i) for i in range(40))))
    assert (len(motion), motion.fps, motion.channel_names) == (40, 60, ("jawOpen", "eyeBlinkLeft"))
    np.testing.assert_allclose(motion.channels[:, 0], np.arange(40) / 100, atol=1e-6)  # type: ignore[index]
    assert "60 assumed" in motion.notes[-1]


def test_action_units_pose_and_gaze_drive_a_face(tmp_path: Path) -> None:
    head = "frame, face_id, timestamp, confidence, success, gaze_angle_x, gaze_angle_y, pose_Rx, pose_Ry, pose_Rz"
    head += ", AU12_r, AU26_r, AU45_r, AU28_c\n"
    rows = []
    for n in range(1, 41):
        gaze, turn = 0.35 * (n > 20), -0.3 * (n > 30)
        rows.append(f"{n}, {n // 10}, {(n - 1) / 25:.3f}, 0.9, {int(n != 7)}, {gaze}, 0, 0, {turn}, 0, 2.5, 5, 0, 1")
    motion = load_motion(write(tmp_path, "au.csv", head + "\n".join(rows)))
    assert (len(motion), motion.fps) == (40, 25)
    named = dict(zip(motion.channel_names, motion.channels.T, strict=True))  # type: ignore[union-attr]
    assert named["mouthSmileLeft"][0] == named["mouthSmileRight"][0] == pytest.approx(0.5)
    assert named["jawOpen"][0] == pytest.approx(0.7)
    assert named["mouthRollUpper"][0] == 1
    assert named["eyeLookOutLeft"][25] > 0.4 > 0.1 > named["eyeLookInLeft"][25]
    assert np.isnan(named["jawOpen"][6])
    assert euler_degrees(motion.rotation[35])[0] == pytest.approx(np.degrees(0.3))  # type: ignore[index]
    assert "-2Dfp" in motion.notes[0]


def test_openfaces_own_pose_is_the_one_its_landmarks_have(shared_data: Path) -> None:
    from gioconda.motion.densify import densify
    from gioconda.motion.head_motion import track_head
    from gioconda.motion.readers.action_units import read_action_units
    from gioconda.motion.readers.text import parse_table, read_text

    path = shared_data / "motion/openface68/OpenFace_Test.csv"
    units = read_action_units(parse_table(read_text(path), path))
    assert units is not None
    measured = track_head(densify(load_motion(path)).landmarks).rotation  # type: ignore[arg-type]
    theirs, ours = (np.array([euler_degrees(r) for r in rotation]) for rotation in (units.rotation, measured))  # type: ignore[union-attr]
    for axis in range(3):
        assert np.corrcoef(theirs[:, axis], ours[:, axis])[0, 1] > 0.8


# --- spreadsheets -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "frame;fps;jawOpen\n1;25;0,25\n2;25;0,5\n",
        "frame\tfps\tjawOpen\n1\t25\t0,25\n2\t25\t0,5\n",
        'frame,fps,jawOpen\n1,25,"0,25"\n2,25,"0,5"\n',
        "sep=;\nframe;fps;jawOpen\n1;25;0,25\n2;25;0,5\n",
        '"sep=,"\nframe,fps,jawOpen\n1,25,0.25\n2,25,0.5\n',
        "frame,fps,jawOpen\n1,25,0.25\nframe,fps,jawOpen\n2,25,0.5\n",  # a logger that repeats its header
    ],
)
def test_decimal_commas_separators_and_headers_are_no_obstacle(tmp_path: Path, text: str) -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        motion = load_motion(write(tmp_path, "a.csv", text.encode(encoding)))
        np.testing.assert_allclose(motion.channels, [[0.25], [0.5]])
        assert motion.notes == ()


def test_a_cut_row_is_left_out_and_a_second_take_too(tmp_path: Path) -> None:
    text = take(smpte(60, 30))
    cut = load_motion(write(tmp_path, "cut.csv", text + "00:00:02:00.0"))
    assert len(cut) == 60
    assert "line 62" in cut.notes[0].lower()
    two = load_motion(write(tmp_path, "two.csv", text + text))
    assert len(two) == 60
    assert "line 62" in two.notes[0]
    with pytest.raises(MotionError, match="line 3"):
        load_motion(write(tmp_path, "hole.csv", "frame,jawOpen\n1,0\n2\n3,0\n"))
    with pytest.raises(MotionError, match="decimals written with commas"):
        load_motion(write(tmp_path, "commas.csv", "frame,jawOpen\n1,0,5\n2,0,6\n"))


def test_another_encoding_and_sound_are_named(tmp_path: Path) -> None:
    with pytest.raises(MotionError, match="line 2: not text in UTF-8 but in another encoding, such as Windows-1252"):
        load_motion(write(tmp_path, "ansi.csv", "frame,jawOpen\n1,Größe\n".encode("cp1252")))
    with pytest.raises(MotionError, match="is sound, .*gioconda track.*Audio2Face"):
        load_motion(write(tmp_path, "voice.wav", b"RIFF"))


# --- out again --------------------------------------------------------------------------------------------------------


def full_take(fps: float = 30.0) -> Motion:
    time = np.arange(90) / 30
    channels = np.stack([0.5 + 0.5 * np.sin(time * (1 + i / 9) + i) for i in range(52)], 1).astype(np.float32)
    rotation = head_rotation(np.stack([0.4 * np.sin(time), 0.2 * np.cos(time), 0.1 * np.sin(2 * time)], 1))
    return Motion(fps, np.arange(90), channels=channels, channel_names=tuple(ARKIT), rotation=rotation)


@pytest.mark.parametrize("fps", [12.0, 24.0, 24000 / 1001, 25.0, 30000 / 1001, 30.0, 60.0])
@pytest.mark.parametrize("name", ["take.csv", "take.arkit.json"])
def test_what_other_programs_read_comes_back_the_same(tmp_path: Path, name: str, fps: float) -> None:
    motion = full_take(fps)
    save_motion(motion, tmp_path / name)
    again = load_motion(tmp_path / name)
    assert again.fps == pytest.approx(fps, rel=1e-6)
    np.testing.assert_array_equal(again.frames, motion.frames)
    np.testing.assert_allclose(again.channel_matrix(), motion.channels, atol=1e-5)
    np.testing.assert_allclose(again.rotation, motion.rotation, atol=1e-5)  # type: ignore[arg-type]
    assert again.notes == ()


@pytest.mark.parametrize("name", ["take.csv", "take.arkit.json"])
def test_missing_frames_stay_missing(tmp_path: Path, name: str) -> None:
    motion = full_take()
    motion.channels[40:43] = np.nan  # type: ignore[index]
    save_motion(motion, tmp_path / name)
    again = load_motion(tmp_path / name)
    np.testing.assert_array_equal(np.isnan(again.channels).all(1), np.isnan(motion.channels).all(1))  # type: ignore[arg-type]


def test_live_link_faces_columns_are_all_of_arkits() -> None:
    assert sorted(name[0].lower() + name[1:] for name in COLUMNS) == sorted(ARKIT)


def test_landmarks_become_the_channels_that_made_them(tmp_path: Path) -> None:
    from gioconda.motion.blendshapes import displacement

    channels = np.zeros((40, 52), np.float32)
    for i, name in enumerate(("jawOpen", "mouthSmileLeft", "mouthSmileRight", "eyeBlinkLeft", "browInnerUp")):
        channels[5:, ARKIT.index(name)] = 0.8 * np.abs(np.sin(np.arange(35) / 6 + i))
    rotation = head_rotation(np.stack([0.2 * np.sin(np.arange(40) / 9), np.zeros(40), np.zeros(40)], 1))
    points = (template() + displacement(channels)) @ rotation.transpose(0, 2, 1) * 90 + (320, 240, 0)
    motion = Motion(25.0, np.arange(40), landmarks=points.astype(np.float32), size=(640, 480))
    save_motion(motion, tmp_path / "take.csv")
    again = load_motion(tmp_path / "take.csv")
    assert (again.fps, len(again)) == (25, 40)
    assert np.abs(again.channel_matrix() - channels).max() < 0.25  # a blink is partly a look down
    assert np.abs(again.channel_matrix() - channels).mean() < 0.02
    turned = head_angles(again.rotation) - head_angles(rotation)  # type: ignore[arg-type]
    assert np.degrees(np.abs(turned)).max() < 2


@pytest.mark.parametrize("name", ["d1.pkl", "take.pickle"])
def test_a_pickle_is_never_opened_and_told_what_to_give_instead(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"cos\nsystem\n(S'touch ran'\ntR.")
    with pytest.raises(MotionError, match=r"runs whatever code is in it.*give the driving video"):
        load_motion(tmp_path / name)
