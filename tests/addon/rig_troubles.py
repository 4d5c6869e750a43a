"""Run inside Blender: what a rig's owner can do wrong, and odd scenes. ARGS: this folder, one for files."""

import json
import math
import sys
from pathlib import Path

sys.path.insert(0, ARGS[0])  # noqa: F821 - given by the frame around this script

import bpy
import numpy as np
import studio
from bl_ext.user_default.gioconda.addon import rig as rigs
from bl_ext.user_default.gioconda.addon.rig.bake import read_motion_file
from bl_ext.user_default.gioconda.addon.rig.check import mapping_test
from bl_ext.user_default.gioconda.addon.rig.map import automap, mapping_file
from bl_ext.user_default.gioconda.addon.rig.steps import finish
from bl_ext.user_default.gioconda.core.gioconda.errors import GiocondaError
from bl_ext.user_default.gioconda.core.gioconda.landmarks import ARKIT
from mathutils import Matrix

FOLDER = Path(ARGS[1])  # noqa: F821
said = {}


def attempt(name, call):
    try:
        call()
        said[name] = ""
    except GiocondaError as error:
        said[name] = f"{type(error).__name__}: {error}"


def head_with_keys(names, animate=True):
    mesh = bpy.data.meshes.new("Head")
    mesh.from_pydata([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], [], [(0, 1, 3, 2), (4, 5, 7, 6)])
    ob = bpy.data.objects.new("Head", mesh)
    bpy.context.scene.collection.objects.link(ob)
    ob.shape_key_add(name="Basis")
    for i, name in enumerate(names):
        block = ob.shape_key_add(name=name)
        block.data[i % 8].co.z += 0.1
        if animate:
            for frame, value in ((1, 0.0), (10, 0.9)):
                block.value = value
                block.keyframe_insert("value", frame=frame)
    return ob


def armature(bones):
    data = bpy.data.armatures.new("Rig")
    ob = bpy.data.objects.new("Rig", data)
    bpy.context.scene.collection.objects.link(ob)
    bpy.context.view_layer.objects.active = ob
    bpy.ops.object.mode_set(mode="EDIT")
    for name, (head, tail, parent) in bones.items():
        bone = data.edit_bones.new(name)
        bone.head, bone.tail = head, tail
        bone.parent = data.edit_bones.get(parent) if parent else None
    bpy.ops.object.mode_set(mode="OBJECT")
    return ob


FACE = {
    "head": ((0, 0, 0), (0, 0, 2), ""),
    "jaw": ((0, 0.2, -0.2), (0, -0.9, -1.3), "head"),
    "lip_upper": ((0, -1, -0.74), (0, -1.1, -0.74), "head"),
    "lip_lower": ((0, -1, -0.89), (0, -1.1, -0.89), "jaw"),
    "mouth_corner_L": ((0.32, -0.9, -0.8), (0.32, -1, -0.8), "head"),
    "mouth_corner_R": ((-0.32, -0.9, -0.8), (-0.32, -1, -0.8), "head"),
    "brow_L": ((0.45, -0.9, 0.19), (0.45, -1, 0.19), "head"),
    "brow_R": ((-0.45, -0.9, 0.19), (-0.45, -1, 0.19), "head"),
    "eyelid_upper_L": ((0.37, -0.9, 0.0), (0.37, -1, 0.0), "head"),
    "eyelid_upper_R": ((-0.37, -0.9, 0.0), (-0.37, -1, 0.0), "head"),
    "eye_L": ((0.36, -0.7, -0.04), (0.36, -0.9, -0.04), "head"),
    "eye_R": ((-0.36, -0.7, -0.04), (-0.36, -0.9, -0.04), "head"),
}

scene, tree, rig = studio.empty_rig()
attempt("no rig", lambda: rigs.bake(tree, scene, [1]))
attempt("no rig, auto-map", lambda: finish(automap.auto_map_steps(tree, scene)))

scene, tree, rig = studio.empty_rig()
rig.target = head_with_keys(["EyeBlink.L", "EyeBlink.R", "jaw_open", "Mouth Smile Left", "somethingElse"])
said["spellings"] = finish(automap.auto_map_steps(tree, scene))
said["targets"] = [row.target for row in rig.rows]
said["tested"] = finish(mapping_test.test_steps(tree, scene))
path = FOLDER / "mapping.yaml"
mapping_file.save(rig, path)
rows = mapping_file.to_yaml(rig)
rig.rows.clear()
mapping_file.load(rig, path)
said["reloaded"] = mapping_file.to_yaml(rig) == rows
path.write_text("rows:\n - {source: x, target: 3, kind: SAUSAGE}\n", encoding="utf-8")
attempt("bad mapping", lambda: mapping_file.load(rig, path))
path.write_text("rows: [", encoding="utf-8")
attempt("not yaml", lambda: mapping_file.load(rig, path))
said["kept"] = len(rig.rows)
rig.target.data.shape_keys.key_blocks["jaw_open"].name = "mund_auf"
attempt("renamed key", lambda: rigs.bake(tree, scene, [1, 2]))
rig.target.data.shape_keys.key_blocks["mund_auf"].name = "jaw_open"
attempt("descending", lambda: rigs.bake(tree, scene, [2, 1]))
attempt("no frames", lambda: rigs.bake(tree, scene, []))
steps = rigs.bake_steps(tree, scene, range(1, 5000))
next(steps)
steps.close()
said["closed early"] = len(bpy.data.scenes)
steps = rigs.bake_steps(tree, scene, range(1, 5000))
next(steps)
bpy.data.scenes.remove(next(s for s in bpy.data.scenes if s != scene))
attempt("stage gone", lambda: list(steps))
ob = rig.target
bpy.context.scene.collection.objects.unlink(ob)
attempt("deleted rig", lambda: rigs.bake(tree, scene, [1]))

scene, tree, rig = studio.empty_rig()
rig.target = head_with_keys(["eyeBlinkLeft", "eyeBlinkRight", "jawOpen"], animate=False)
said["not animated"] = finish(mapping_test.test_steps(tree, scene))

# A driver, and time remapping, count.
scene, tree, rig = studio.empty_rig()
ob = head_with_keys(["jawOpen", "eyeBlinkLeft", "eyeBlinkRight"], animate=False)
control = bpy.data.objects.new("Control", None)
scene.collection.objects.link(control)
for frame, x in ((1, 0.0), (10, 0.9)):
    control.location.x = x
    control.keyframe_insert("location", frame=frame)
driver = ob.data.shape_keys.key_blocks["jawOpen"].driver_add("value").driver
driver.type = "SUM"
variable = driver.variables.new()
variable.type = "TRANSFORMS"
variable.targets[0].id, variable.targets[0].transform_type = control, "LOC_X"
rig.target = ob
motion = rigs.bake(tree, scene, [1, 5.5, 10])
said["driver"] = motion.channel_matrix()[:, ARKIT.index("jawOpen")].round(3).tolist()
scene.render.frame_map_old, scene.render.frame_map_new = 100, 200
motion = rigs.bake(tree, scene, [2, 20])
said["remapped"] = motion.channel_matrix()[:, ARKIT.index("jawOpen")].round(3).tolist()

# Bones by their place and names; a rig turned in the scene; a head that turns; eyes that look.
scene, tree, rig = studio.empty_rig()
ob = armature(FACE)
ob.rotation_euler = (0, 0, math.radians(70))
ob.location = (5, 3, 1)
rig.target = ob
said["unknown rig"] = finish(automap.auto_map_steps(tree, scene))
said["bones"] = {row.source: row.target for row in rig.rows}
said["eyes"] = [rig.eye_left, rig.eye_right]
said["rig without animation"] = finish(mapping_test.test_steps(tree, scene))
bone = ob.pose.bones["head"]
bone.rotation_mode = "XYZ"
for frame, angle in ((1, 0.0), (10, 0.4)):
    bone.rotation_euler = (0, angle, 0)
    bone.keyframe_insert("rotation_euler", frame=frame)
from bl_ext.user_default.gioconda.core.gioconda import landmarks as lm  # noqa: E402

points = rigs.bake(tree, scene, [1, 10]).landmarks
said["still"] = float(np.nanmax(np.abs(points[1] - points[0])))
said["turned"] = [float(v) for v in (points[2] - points[0])[lm.NOSE_TIP]]
rig.follow_turn = rig.follow_move = False
points = rigs.bake(tree, scene, [1, 10]).landmarks
said["head held"] = float(np.nanmax(np.abs(points[2] - points[0])))
ob.pose.bones["jaw"].name = "kiefer"
attempt("renamed bone", lambda: rigs.bake(tree, scene, [1]))

# Head and eyes of a key rig; a target to look at.
scene, tree, rig = studio.empty_rig()
rig.target = head_with_keys(["jawOpen", "eyeBlinkLeft", "eyeBlinkRight"])
finish(automap.auto_map_steps(tree, scene))
look = bpy.data.objects.new("Look", None)
scene.collection.objects.link(look)
look.location = (30, -30, 0)
rig.gaze_target = look
motion = rigs.bake(tree, scene, [1])
said["gaze"] = {
    n: float(v) for n, v in zip(ARKIT, motion.channel_matrix()[1], strict=True) if n.startswith("eyeLook") and v > 0.1
}

# Gaze: keys and eye bones are added; a target wins over both.
rows = ["eyeLookOutLeft", "eyeLookInRight", "jawOpen", "eyeBlinkLeft", "eyeBlinkRight"]
scene, tree, rig = studio.empty_rig()
bones = armature(FACE)
ob = head_with_keys(rows, animate=False)
ob.modifiers.new("Armature", "ARMATURE").object = bones
rig.target = ob
finish(automap.auto_map_steps(tree, scene))
said["eye bones of keys"] = [rig.eye_left, rig.eye_right]


def outwards():
    motion = rigs.bake(tree, scene, [1])
    return float(motion.channel_matrix()[1, ARKIT.index("eyeLookOutLeft")])


block = ob.data.shape_keys.key_blocks["eyeLookOutLeft"]
block.value = 0.25
gaze = [outwards()]
for side in "LR":
    eye = bones.pose.bones[f"eye_{side}"]
    eye.rotation_mode = "XYZ"
    eye.matrix = eye.matrix @ Matrix.Rotation(math.radians(10), 4, "Z")
bpy.context.view_layer.update()
gaze.append(outwards())
said["gaze rule of both"] = finish(mapping_test.test_steps(tree, scene))
look = bpy.data.objects.new("Look", None)
scene.collection.objects.link(look)
look.location = (0, -100, 0)
rig.gaze_target = look
gaze.append(outwards())
said["gaze rule of a target"] = finish(mapping_test.test_steps(tree, scene))
said["gaze added"] = gaze

# A body of 1.5 m whose mood keys move both sides at once: its face is of a face's size.
scene, tree, rig = studio.empty_rig()
data = bpy.data.meshes.new("Body")
spots = {"EYE_Close_L": (0.03, -0.08, 1.38), "EYE_Close_R": (-0.03, -0.08, 1.38), "ALL_Joy": (0.0, -0.09, 1.31)}
spots |= {"BRW_Surprised": (0.0, -0.09, 1.42), "MTH_Joy": (0.0, -0.09, 1.31), "MTH_A": (0.0, -0.09, 1.30)}
places = [(x, y, z) for x in (-0.6, 0.6) for y in (-0.15, 0.15) for z in (0.0, 1.5)] + list(spots.values())
data.from_pydata(places, [], [(0, 1, 3, 2), (4, 5, 7, 6)])
ob = bpy.data.objects.new("Body", data)
scene.collection.objects.link(ob)
ob.shape_key_add(name="Basis")
for i, name in enumerate(spots):
    ob.shape_key_add(name=f"Fcl_{name}", from_mix=False).data[8 + i].co.z += 0.005
skeleton = armature(
    {
        "J_Bip_C_Head": ((0, 0, 1.28), (0, 0, 1.5), ""),
        "J_Adj_L_FaceEye": ((0.03, -0.05, 1.38), (0.03, -0.06, 1.38), "J_Bip_C_Head"),
        "J_Adj_R_FaceEye": ((-0.03, -0.05, 1.38), (-0.03, -0.06, 1.38), "J_Bip_C_Head"),
    }
)
ob.modifiers.new("Armature", "ARMATURE").object = skeleton
rig.target = skeleton
said["moods"] = finish(automap.auto_map_steps(tree, scene))
said["unit of moods"] = json.loads(rig.anatomy)["unit"]
head = skeleton.pose.bones["J_Bip_C_Head"]
head.rotation_mode = "XYZ"
for frame, angle in ((1, 0.0), (10, math.radians(20))):
    head.rotation_euler = (0, angle, 0)
    head.keyframe_insert("rotation_euler", frame=frame)
said["way of moods"] = float(np.abs(rigs.bake(tree, scene, [1, 10]).translation[2]).max())
said["still face"] = finish(mapping_test.test_steps(tree, scene))

# Names come before surfaces; a guide that nothing deforms is no face; what fails leaves nothing.
scene, tree, rig = studio.empty_rig()
named = {"head": FACE["head"]}
for control, like in (
    ("lip_up_ctrl_mid", "lip_upper"),
    ("lip_low_ctrl_mid", "lip_lower"),
    ("brow_ctrl_3_L", "brow_L"),
    ("brow_ctrl_3_R", "brow_R"),
    ("mouth_corner_L", "mouth_corner_L"),
    ("mouth_corner_R", "mouth_corner_R"),
    ("eyelid_up_ctrl_2_L", "eyelid_upper_L"),
    ("eyelid_up_ctrl_2_R", "eyelid_upper_R"),
):
    named[control] = (*FACE[like][:2], "head")
rig.target = armature(named)
bpy.ops.mesh.primitive_monkey_add()
bpy.context.object.parent = rig.target
said["named before surfaces"] = finish(automap.auto_map_steps(tree, scene))
said["named kind"] = [rig.found, rig.preset, len(rig.rows)]
rig.target = armature({"leg_L": ((0.2, 0, 0), (0.2, 0, 1), ""), "leg_R": ((-0.2, 0, 0), (-0.2, 0, 1), "")})
bpy.ops.mesh.primitive_uv_sphere_add(location=(0, 0, 2))
bpy.context.object.parent = rig.target
attempt("a ball", lambda: finish(automap.auto_map_steps(tree, scene)))
said["left of a failure"] = [len(rig.rows), rig.found, rig.preset, rig.anatomy]

# A motion file at another rate.
scene, tree, rig = studio.empty_rig()
rig.kind, rig.file, rig.file_start = "FILE", str(FOLDER / "take.csv"), 11
scene.render.fps = 30
attempt("no file", lambda: rigs.motion_file(tree))
lines = ["Timecode,BlendShapeCount," + ",".join(n[0].upper() + n[1:] for n in ARKIT)]
lines += [f"00:00:00:{f:02d}.000,52," + ",".join(["0.5"] * 52) for f in range(0, 60)]
(FOLDER / "take.csv").write_text("\n".join(lines), encoding="utf-8")
motion = read_motion_file(tree, scene)
said["file"] = [int(motion.frames[0]), motion.fps, len(motion)]
rig.file = str(FOLDER / "clip.mp4")
(FOLDER / "clip.mp4").write_bytes(b"x")
attempt("video", lambda: finish(mapping_test.test_steps(tree, scene)))
said["scenes"] = [len(bpy.data.scenes), len(bpy.data.objects)]
result(said)  # noqa: F821
