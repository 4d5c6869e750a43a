"""BVH: the face of a skeleton, or its head; and what is wrong with a broken file, by its line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from gioconda.errors import MotionError
from gioconda.motion.files import load_motion
from gioconda.pose import euler_degrees

HEAD = """HIERARCHY
ROOT Hips
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT Neck
  {
    OFFSET 0 50 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    JOINT mixamorig:Head
    {
      OFFSET 0 10 0
      CHANNELS 3 Zrotation Xrotation Yrotation
      End Site
      {
        OFFSET 0 20 0
      }
    }
  }
}
MOTION
Frames: 3
Frame Time: 0.0333333
0 90 0 0 0 0 0 0 0 0 0 0
0 90 0 0 0 0 0 0 0 0 0 30
0 90 0 0 0 0 0 10 0 0 10 0
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "take.bvh"
    path.write_text(text)
    return path


def test_a_bodys_head_turns_and_nods(tmp_path: Path) -> None:
    motion = load_motion(write(tmp_path, HEAD))
    assert (len(motion), motion.fps, motion.neutral, motion.landmarks) == (3, 30, 0, None)
    assert motion.rotation is not None
    np.testing.assert_allclose(motion.rotation[0], np.eye(3))
    yaw, pitch, roll = euler_degrees(motion.rotation[1])
    assert (abs(yaw), round(pitch, 6), round(roll, 6)) == (pytest.approx(30), 0, 0)
    # turned to the person's left, the nose (towards the camera: z smaller) moves to the picture's right
    assert (motion.rotation[1] @ [0, 0, -1])[0] > 0.4
    # nodding: the nose moves down
    assert (motion.rotation[2] @ [0, 0, -1])[1] == pytest.approx(np.sin(np.radians(20)), abs=1e-6)


def test_joints_called_like_landmarks_become_landmarks(tmp_path: Path) -> None:
    places = {
        "nose_tip": (0, 10, 12),
        "chin": (0, 0, 8),
        "mouth_left": (3, 4, 9),
        "mouth_right": (-3, 4, 9),
        "eye_outer_left": (5, 14, 7),
        "eye_outer_right": (-5, 14, 7),
        "forehead": (0, 20, 8),
    }
    joints = "".join(
        f"JOINT {name} {{\nOFFSET {x} {y} {z}\nCHANNELS 3 Xposition Yposition Zposition\n}}\n"
        for name, (x, y, z) in places.items()
    )
    rest = " ".join("0" for _ in range(3 * len(places)))
    open_mouth = " ".join("0 -2 0" if name == "chin" else "0 0 0" for name in places)
    text = f"HIERARCHY\nROOT face\n{{\nOFFSET 0 0 0\nCHANNELS 1 Xrotation\n{joints}}}\nMOTION\nFrames: 2\n"
    motion = load_motion(write(tmp_path, f"{text}Frame Time: 0.04\n0 {rest}\n0 {open_mouth}\n"))
    assert motion.landmarks is not None
    points = motion.landmarks[0]
    assert np.isfinite(points[:, 0]).sum() == 7
    assert points[263, 0] > points[33, 0]  # the person's left is on the right
    assert points[152, 1] > points[10, 1]  # the chin is below the forehead
    assert points[4, 2] < points[33, 2]  # the nose is nearer than the eyes
    moved = motion.landmarks[1] - points
    np.testing.assert_allclose(moved[152], [0, 40, 0], atol=1e-3)  # 2 of 20 units, the face being 400 pixels high
    assert not np.nan_to_num(moved[4]).any()


def test_a_real_face_rig_moves_what_its_frames_are_called(shared_data: Path) -> None:
    file = shared_data / "motion" / "bvh" / "face-poseunits.bvh"
    names = json.loads(file.with_suffix(".json").read_text())["framemapping"]
    motion = load_motion(file)
    assert (len(motion), motion.fps, motion.neutral) == (60, 24, 0)
    assert motion.landmarks is not None
    moved = np.nan_to_num(motion.landmarks - motion.landmarks[0])

    def most(name: str) -> tuple[int, np.ndarray]:
        frame = moved[names.index(name)]
        point = int(np.linalg.norm(frame[:, :2], axis=1).argmax())
        return point, frame[point]

    assert most("JawDrop")[0] == 17
    assert most("JawDrop")[1][1] > 50
    assert most("LeftUpperLidClosed")[0] == 386
    assert most("RightUpperLidClosed")[0] == 159
    assert most("LeftEyeturnLeft")[0] == 473
    assert most("LeftEyeturnLeft")[1][0] > 20
    assert most("LeftInnerBrowUp")[1][1] < -20


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("HIERARCHY", "HELLO", "line 1: a BVH file begins"),
        ("ROOT Hips", "JOINT Hips", "line 2: JOINT cannot be here"),
        ("OFFSET 0 50 0", "OFFSET 0 fifty 0", "line 8: 'fifty' is not a number"),
        ("OFFSET 0 50 0", "OFFSET 0 50", "line 8: 'OFFSET' is not what can follow"),
        ("OFFSET 0 50 0", "OFFSET 0 inf 0", "line 8: an infinite"),
        ("CHANNELS 3 Zrotation Xrotation Yrotation", "CHANNELS 3 Zrotation Xrotation Wrotation", "line 9: channels"),
        ("Frames: 3", "Frames: 4", "ends where frame 4 of 4"),
        ("Frames: 3", "Frames: many", "line 22"),
        ("Frames: 3", "Frames: 99999999999", "1 to 1000000 frames"),
        ("0.0333333", "0", "a frame of 0 seconds"),
        ("0 90 0 0 0 0 0 10 0 0 10 0", "0 90 0", "line 26: 3 numbers where the joints have 12"),
        ("mixamorig:Head", "Skull", "on a face or called “head”"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    with pytest.raises(MotionError, match=sentence) as caught:
        load_motion(write(tmp_path, HEAD.replace(old, new, 1)))
    assert "take.bvh" in str(caught.value)
