"""Run inside Blender: make rigs act a known sequence, auto-map and bake them. ARGS: rigs folder, output folder.

Frame f of every rig does what ACT says. Answers with a report for each rig, and leaves <rig>.npz motions.
"""

import math
import time
from pathlib import Path

import addon_utils
import bpy
import numpy as np
from bl_ext.user_default.gioconda.addon import rig as rigs
from bl_ext.user_default.gioconda.addon.rig.map import automap
from bl_ext.user_default.gioconda.addon.rig.steps import finish
from bl_ext.user_default.gioconda.core.gioconda import landmarks as lm
from bl_ext.user_default.gioconda.core.gioconda.motion.files import save_motion

RIGS, OUT = (Path(argument) for argument in ARGS)  # noqa: F821 - given by the frame around this script
# What each frame does: jaw, smile, blink 0 to 1, yaw in degrees. One thing at a time, so that each can be measured.
ACT = (
    [(0, 0, 0, 0)]
    + [(j, 0, 0, 0) for j in (0.4, 0.8)]
    + [(0, s, 0, 0) for s in (0.5, 1)]
    + [(0, 0, b, 0) for b in (0.5, 1)]
    + [(0, 0, 0, y) for y in (-18, -9, 18)]
)
LONG = 200  # frames for the measure of speed
CHANNELS = {
    "jaw": ("jawOpen",),
    "smile": ("mouthSmileLeft", "mouthSmileRight"),
    "blink": ("eyeBlinkLeft", "eyeBlinkRight"),
}


def frames():
    return range(1, len(ACT) + 1)


def turn(ob, path="rotation_euler"):
    """Key an object's yaw: to its own left is positive, seen from the front."""
    ob.animation_data_clear()
    ob.rotation_mode = "XYZ"
    for f, (_, _, _, yaw) in enumerate(ACT, 1):
        ob.rotation_euler = (0, 0, math.radians(yaw))
        ob.keyframe_insert(path, frame=f)


def act_keys(ob):
    """Shape keys in whatever spelling, and the object's own turn."""
    keys = ob.data.shape_keys
    keys.animation_data_clear()
    for block in keys.key_blocks:
        block.value = 0
    lower = {block.name.lower(): block for block in keys.key_blocks}
    for f, act in enumerate(ACT, 1):
        for value, names in zip(act, CHANNELS.values(), strict=False):
            for name in names:
                block = lower[name.lower()]
                block.value = value
                block.keyframe_insert("value", frame=f)
    turn(ob)
    return ob


def curves(action):
    if hasattr(action, "fcurves"):
        return list(action.fcurves)
    return [c for layer in action.layers for strip in layer.strips for bag in strip.channelbags for c in bag.fcurves]


def act_bones(armature):
    """The rig's own pose units (jaw drop, lids, mouth corners), mixed by ACT; the head bone turns."""
    units = {"jaw": (40,), "smile": (45, 46, 47, 48), "blink": (11, 12, 13, 14)}
    values = {(c.data_path, c.array_index): c for c in curves(armature.animation_data.action)}
    rest = {key: c.evaluate(1) for key, c in values.items()}
    change = {n: {k: sum(c.evaluate(f) - rest[k] for f in fs) for k, c in values.items()} for n, fs in units.items()}
    armature.animation_data_clear()
    moved = {k for n in units for k, v in change[n].items() if abs(v) > 1e-6}
    for f, (jaw, smile, blink, yaw) in enumerate(ACT, 1):
        amount = {"jaw": jaw, "smile": 0.6 * smile, "blink": blink}
        for path, i in values:
            bone = armature.pose.bones[path.split('"')[1]]
            key = (path, i)
            bone.rotation_euler[i] = rest[key] + sum(amount[n] * change[n][key] for n in units)
            if key in moved:
                bone.keyframe_insert("rotation_euler", index=i, frame=f)
        head = armature.pose.bones["head"]
        up = head.bone.matrix_local.inverted().to_3x3() @ bpy.context.scene.cursor.matrix.to_3x3().col[2]
        head.rotation_mode = "AXIS_ANGLE"
        head.rotation_axis_angle = (math.radians(yaw), *up)
        head.keyframe_insert("rotation_axis_angle", frame=f)
    return armature


def make_empties():
    """Empties with everyday names around a head that turns, moved as the expression table says."""
    names = {
        "Jaw": 152,
        "LipUpper": 0,
        "LipLower": 17,
        "MouthCorner_L": 291,
        "MouthCorner_R": 61,
        "NoseTip": 4,
        "LidUpper_L": 386,
        "LidUpper_R": 159,
        "LidLower_L": 374,
        "LidLower_R": 145,
        "Cheek_L": 280,
        "Cheek_R": 50,
        "BrowInner_L": 336,
        "BrowInner_R": 107,
        "BrowOuter_L": 300,
        "BrowOuter_R": 70,
    }
    table = Path(lm.__file__).parent / "tables" / "expression_basis.npz"
    basis = np.load(table)["displacement"].astype(float)
    link = bpy.context.scene.collection.objects.link
    head = bpy.data.objects.new("Head", None)
    link(head)
    head.location = (0.3, 0.2, 1.5)
    objects = {name: bpy.data.objects.new(name, None) for name in names}
    for ob in objects.values():
        link(ob)
        ob.parent = head
    for f, act in enumerate(ACT, 1):
        points = lm.template().copy()
        for value, channels in zip(act, CHANNELS.values(), strict=False):
            points += value * sum(basis[lm.ARKIT.index(c)] for c in channels)
        for name, index in names.items():
            x, y, z = points[index] * 0.09
            objects[name].location = (x, z, -y)
            objects[name].keyframe_insert("location", frame=f)
    turn(head)
    return head


def open_rig(name):
    if name == "empties":
        bpy.ops.wm.read_homefile(use_empty=True)
        return make_empties()
    if name.endswith(".glb"):
        addon_utils.enable("io_scene_gltf2", default_set=True)
        bpy.ops.wm.read_homefile(use_empty=True)
        bpy.ops.import_scene.gltf(filepath=str(RIGS / name))
    else:
        bpy.ops.wm.open_mainfile(filepath=str(RIGS / name))
    armature = next((ob for ob in bpy.data.objects if ob.type == "ARMATURE"), None)
    if armature is not None:
        return act_bones(armature)
    return act_keys(next(ob for ob in bpy.data.objects if ob.type == "MESH" and ob.data.shape_keys))


def state(scene):
    kinds = (bpy.data.objects, bpy.data.scenes, bpy.data.meshes, bpy.data.actions, bpy.data.collections)
    return [scene.frame_current, *(len(kind) for kind in kinds)]


def examine(name):
    target = open_rig(name)
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, len(ACT)
    scene.frame_set(3)
    tree = bpy.data.node_groups.new("Portrait", "CompositorNodeTree")
    tree.gioconda.rig.target = target
    before = state(scene)
    report = finish(automap.auto_map_steps(tree, scene))
    motion = rigs.bake(tree, scene, frames())
    alone = rigs.bake(tree, scene, [5])
    save_motion(motion, OUT / f"{name}.npz")
    array = "landmarks" if motion.landmarks is not None else "channels"
    same = np.array_equal(getattr(alone, array)[1], getattr(motion, array)[5], equal_nan=True)
    half = rigs.bake(tree, scene, [1, 1.5, 2])
    left = state(scene)
    start = time.perf_counter()
    rigs.bake(tree, scene, range(1, LONG + 1))
    baked = LONG / (time.perf_counter() - start)
    start = time.perf_counter()
    for f in range(1, LONG + 1):
        scene.frame_set(f)
    plain = LONG / (time.perf_counter() - start)
    waits = [time.perf_counter()]
    for _ in rigs.bake_steps(tree, scene, range(1, LONG + 1)):
        waits.append(time.perf_counter())
    return {
        "report": report,
        "found": tree.gioconda.rig.found,
        "array": array,
        "alone": bool(same),
        "clean": before == left,
        "frames": motion.frames.tolist(),
        "half": half.frames.tolist(),
        "half_fps": half.fps,
        "fps": motion.fps,
        "baked": baked,
        "plain": plain,
        "longest": float(np.diff(waits).max(initial=0)),
        "rows": len(tree.gioconda.rig.rows),
    }


answers = {"act": ACT}
for rig in (
    "makehuman_head_arkit52_livelink328f.blend",
    "makehuman_head_facebones_poseunits60f.blend",
    "jmtechart_Live_Link_Face_51shapes.blend",
    "makehuman_head_arkit52.glb",
    "empties",
):
    answers[rig] = examine(rig)
result(answers)  # noqa: F821
