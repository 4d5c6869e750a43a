"""The landmark rig: built in Blender, animated by a script, baked; the portrait follows it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gioconda.job.retarget import RetargetSettings
from gioconda.landmarks import template
from gioconda.motion.files import load_motion
from gioconda.motion.retarget import retarget
from gioconda.pose import euler_degrees, rotation_matrix

SIZE = (600, 800)
FRAMES = 24
PORTRAIT = """
import json, importlib
A = "bl_ext.user_default.gioconda.addon"
part = lambda name: importlib.import_module(f"{A}.{name}")
tree = bpy.data.node_groups.new("Portrait", "CompositorNodeTree")
tree.gioconda.is_portrait = True
tree.gioconda.image = bpy.data.images.new("picture", 600, 800)
tree.gioconda.landmarks = open(ARGS[0]).read()
scene = bpy.context.scene
part("compositing.compositor").add_group(part("compositing.compositor").scene_tree(scene, create=True), tree)
"""
BUILD = (
    PORTRAIT
    + """
before = {ob.name for ob in bpy.data.objects}
mapped = tree.gioconda.rig
assert bpy.ops.gioconda.create_landmark_rig.poll()
assert bpy.ops.gioconda.create_landmark_rig() == {"FINISHED"}
rig = bpy.context.object
"""
)
ANIMATE = (
    BUILD
    + """
import math
wave = lambda frame, phase=0.0: 0.5 - 0.5 * math.cos(2 * math.pi * (frame - 1) / 12 + phase)
bones = rig.pose.bones
reach = {name: bones[name].constraints["Reach"] for name in ("jaw", "lip_corner.L", "lid_upper.R", "gaze")}
for frame in range(1, 25):
    bones["jaw"].location = (0, wave(frame) * reach["jaw"].min_y, 0)
    bones["lip_corner.L"].location = (0, wave(frame, 1.0) * reach["lip_corner.L"].max_y, 0)
    bones["lid_upper.R"].location = (0, wave(frame, 2.0) * reach["lid_upper.R"].min_y, 0)
    bones["gaze"].location = (wave(frame, 3.0) * reach["gaze"].max_x, 0, 0)
    bones["head"].rotation_euler = (0, math.radians(20) * math.sin(frame / 3), 0)
    bones["head"].location = (0.1 * wave(frame, 4.0), 0, 0)
    for name in ("jaw", "lip_corner.L", "lid_upper.R", "gaze", "head"):
        bones[name].keyframe_insert("location", frame=frame)
    bones["head"].keyframe_insert("rotation_euler", frame=frame)
motion = part("rig").bake(tree, scene, range(1, 25))
importlib.import_module("bl_ext.user_default.gioconda.core.gioconda.motion.files").save_motion(motion, ARGS[1])
result({"unit": rig["gioconda_unit"], "names": list(motion.channel_names)})
"""
)


@pytest.fixture
def turned_face(tmp_path: Path) -> Path:
    """A face turned and tilted, as hand-placed points."""
    landmarks = 190 * template() @ rotation_matrix(12, -5, 8).T + [310, 330, 40]
    path = tmp_path / "points.json"
    path.write_text(json.dumps({"size": SIZE, "landmarks": landmarks.round(2).tolist()}))
    return path


def correlation(a: Any, b: Any) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def test_a_portrait_follows_its_landmark_rig(
    run_in_blender: Callable[..., Any], turned_face: Path, tmp_path: Path
) -> None:
    found = run_in_blender(ANIMATE, turned_face, tmp_path / "motion.npz")
    assert {"jawOpen", "mouthSmileLeft", "eyeBlinkRight", "eyeLookOutLeft"} <= set(found["names"])
    motion = load_motion(tmp_path / "motion.npz")
    landmarks = np.array(json.loads(turned_face.read_text())["landmarks"])
    settings = RetargetSettings(smoothing="none", dead_band=0.0, lid_floor=0.0)
    performance = retarget(motion, landmarks, settings)
    moved = performance.displacement[-FRAMES:]
    frames = np.arange(1, FRAMES + 1)

    def wave(phase: float) -> Any:
        return 0.5 - 0.5 * np.cos(2 * np.pi * (frames - 1) / 12 + phase)

    gap = moved[:, 14, 1] - moved[:, 13, 1]
    lid = moved[:, 159, 1] - moved[:, 145, 1]
    yaw = np.array([euler_degrees(r)[0] for r in performance.rotation[-FRAMES:]])
    assert correlation(gap, wave(0)) > 0.99
    assert correlation(moved[:, 61, 1] - moved[:, 291, 1], wave(1)) > 0.95  # the jaw moves both corners
    assert correlation(lid, wave(2)) > 0.95
    assert correlation(moved[:, 473, 0] - moved[:, [263, 362], 0].mean(1), wave(3)) > 0.95
    assert correlation(moved[:, 468, 0] - moved[:, [33, 133], 0].mean(1), wave(3)) > 0.95
    assert np.abs(yaw - 20 * np.sin(frames / 3)).max() < 0.5
    assert motion.translation is not None
    way = motion.translation[-FRAMES:]
    assert np.abs(np.linalg.norm(way, axis=1) - 0.1 / found["unit"] * wave(4)).max() < 0.001
    assert np.abs(way[:, 1]).max() < 0.2 * way[:, 0].max() and np.abs(way[:, 2]).max() < 1e-6  # along the tilted face
    # One side alone: the other corner and the other eye stay.
    assert np.abs(moved[:, 61, 0]).max() < 0.3 * np.abs(moved[:, 291]).max()
    eye = np.abs(moved[:, 386, 1] - moved[:, 374, 1]).max()
    assert eye < 0.4 * np.abs(lid).max()


def test_controls_sit_on_the_picture_and_stay_in_reach(run_in_blender: Callable[..., Any], turned_face: Path) -> None:
    found = run_in_blender(
        BUILD
        + """
names = [bone.name for bone in rig.pose.bones]
heads = {name: list(rig.data.bones[name].head_local) for name in names}
rig.pose.bones["jaw"].location = (0, -9, 0)
rig.pose.bones["lip_corner.R"].location = (-9, 9, 0)
bpy.context.view_layer.update()
far = {name: [rig.pose.bones[name].head[i] - heads[name][i] for i in range(3)] for name in ("jaw", "lip_corner.R")}
picture = next(child for child in rig.children)
bpy.ops.ed.undo_push()
result({
    "heads": heads, "far": far, "mode": bpy.context.mode, "unit": rig["gioconda_unit"],
    "kept": before <= {ob.name for ob in bpy.data.objects},
    "picture": [picture.empty_display_type, picture.data.name, picture.empty_display_size],
    "turned": list(picture.rotation_euler),
    "axes": [list(row) for row in rig.data.bones["jaw"].matrix_local.to_3x3().transposed()],
    "shaped": all(bone.custom_shape for bone in rig.pose.bones),
    "collections": {c.name: len(c.bones) for c in rig.data.collections},
    "rows": len(mapped.rows), "target": mapped.target.name, "head": mapped.head_bone,
})
""",
        turned_face,
    )
    landmarks = np.array(json.loads(turned_face.read_text())["landmarks"])
    factor = 2.0 / SIZE[1]
    for name, point in (("lip_corner.L", 291), ("gaze.R", 468), ("jaw", 152)):
        x, _, z = found["heads"][name]
        assert (x, z) == pytest.approx(
            ((landmarks[point, 0] - SIZE[0] / 2) * factor, (SIZE[1] / 2 - landmarks[point, 1]) * factor), abs=1e-4
        )
    assert found["picture"] == ["IMAGE", "picture", 2.0]
    assert found["turned"] == pytest.approx([np.pi / 2, 0, 0])
    assert found["axes"][2] == pytest.approx([0, -1, 0], abs=1e-5)  # local Z looks at the viewer
    assert np.linalg.norm(found["far"]["jaw"]) == pytest.approx(0.31 * found["unit"], rel=0.01)
    assert found["kept"] and found["shaped"] and found["mode"] == "POSE"
    assert sum(found["collections"].values()) == len(found["heads"]) == 28
    assert found["rows"] > 70 and found["head"] == "head"


def test_poses_mirror_from_left_to_right(run_in_blender: Callable[..., Any], turned_face: Path) -> None:
    found = run_in_blender(
        BUILD
        + """
bones = rig.pose.bones
for bone in bones:
    chosen = bone if bpy.app.version >= (5, 0, 0) else bone.bone
    chosen.select = bone.name == "lip_corner.L"
bones["lip_corner.L"].location = (0.01, 0.02, 0)
window = bpy.context.window_manager.windows[0]
area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
with bpy.context.temp_override(window=window, area=area, region=next(r for r in area.regions if r.type == "WINDOW")):
    bpy.ops.pose.copy()
    bpy.ops.pose.paste(flipped=True)
result(list(bones["lip_corner.R"].location))
""",
        turned_face,
    )
    assert found == pytest.approx([-0.01, 0.02, 0], abs=1e-5)


def test_without_landmarks_the_operator_says_what_to_do(run_in_blender: Callable[..., Any], turned_face: Path) -> None:
    found = run_in_blender(
        PORTRAIT
        + """
tree.gioconda.landmarks = ""
refused = bpy.ops.gioconda.create_landmark_rig.poll()
tree.gioconda.landmarks = json.dumps({"size": [600, 800], "points": {"chin": [300, 700]}})
try:
    bpy.ops.gioconda.create_landmark_rig()
    said = ""
except RuntimeError as error:
    said = str(error)
result({"poll": refused, "said": said, "error": part("session").state(tree).last_error,
        "objects": [ob.name for ob in bpy.data.objects if "Gioconda" in ob.name]})
""",
        turned_face,
    )
    assert not found["poll"]
    assert "analyse the portrait" in found["said"] and "analyse the portrait" in found["error"]
    assert not found["objects"]
