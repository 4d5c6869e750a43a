"""Run inside Blender: rigs in scenes that are not plain. ARGS: this folder, one for files.

NLA strips, constraints, rigid bodies and other things of the scene itself, vertex groups, linked libraries.
"""

import sys
from pathlib import Path

sys.path.insert(0, ARGS[0])  # noqa: F821 - given by the frame around this script

import bpy
import studio
from bl_ext.user_default.gioconda.addon import rig as rigs
from bl_ext.user_default.gioconda.addon.rig.check import mapping_test
from bl_ext.user_default.gioconda.addon.rig.map import automap
from bl_ext.user_default.gioconda.addon.rig.names import landmark_of
from bl_ext.user_default.gioconda.addon.rig.steps import finish
from bl_ext.user_default.gioconda.core.gioconda import landmarks as lm
from bl_ext.user_default.gioconda.core.gioconda.landmarks import ARKIT

FOLDER = Path(ARGS[1])  # noqa: F821
KEYS = ("jawOpen", "eyeBlinkLeft", "eyeBlinkRight", "mouthSmileLeft", "mouthSmileRight")
said = {}


def face():
    """A mesh whose vertices are the template's landmarks, with a few keys."""
    mesh = bpy.data.meshes.new("Face")
    points = [(0.09 * x, 0.09 * z, 1.6 - 0.09 * y) for x, y, z in lm.template()]
    mesh.from_pydata(points, [], [(0, 1, 2)])
    ob = bpy.data.objects.new("Face", mesh)
    bpy.context.scene.collection.objects.link(ob)
    ob.shape_key_add(name="Basis")
    for name in KEYS:
        ob.shape_key_add(name=name).value = 0
    return ob


def channel(motion, name):
    return [round(float(v), 3) for v in motion.channel_matrix()[1:, ARKIT.index(name)]]


def key_jaw(ob, values=((1, 0.0), (10, 0.9))):
    block = ob.data.shape_keys.key_blocks["jawOpen"]
    for frame, value in values:
        block.value = value
        block.keyframe_insert("value", frame=frame)
    return ob.data.shape_keys.animation_data


# NLA: the same action in two strips, the second one half as strong; nothing is the active action.
scene, tree, settings = studio.empty_rig()
ob = face()
animation = key_jaw(ob)
action = animation.action
animation.action = None
track = animation.nla_tracks.new()
first = track.strips.new("first", 1, action)
second = track.strips.new("second", 21, action)
second.use_animated_influence = False
for strip in (first, second):
    strip.extrapolation = "NOTHING"
    if hasattr(strip, "action_slot") and strip.action_slot is None and action.slots:
        strip.action_slot = action.slots[0]
second.influence = 0.5
second.use_animated_influence = True
second.influence = 0.5
scene.frame_end = 30
settings.target = ob
finish(automap.auto_map_steps(tree, scene))
motion = rigs.bake(tree, scene, [1, 10, 21, 30])
said["nla"] = channel(motion, "jawOpen")
truth = []
for frame in (1, 10, 21, 30):
    scene.frame_set(frame)
    keys = ob.data.shape_keys.evaluated_get(bpy.context.evaluated_depsgraph_get())
    truth.append(round(float(keys.key_blocks["jawOpen"].value), 3))
said["nla truth"] = truth

# Constraints: empties that copy another object's place; a limit.
scene, tree, settings = studio.empty_rig()
names = {
    "Chin": 152,
    "LipUpper": 0,
    "LipLower": 17,
    "MouthCorner_L": 291,
    "MouthCorner_R": 61,
    "Brow_L": 334,
    "Brow_R": 105,
}
group = bpy.data.collections.new("Dots")
scene.collection.children.link(group)
for name, index in names.items():
    x, y, z = lm.template()[index] * 0.09
    dot = bpy.data.objects.new(name, None)
    group.objects.link(dot)
    dot.location = (x, z, 1.6 - y)
mover = bpy.data.objects.new("Mover", None)
scene.collection.objects.link(mover)
for frame, z in ((1, 0.0), (10, -0.02)):
    mover.location.z = z
    mover.keyframe_insert("location", frame=frame)
copy = bpy.data.objects["Chin"].constraints.new("COPY_LOCATION")
copy.target, copy.use_offset = mover, True
limit = bpy.data.objects["LipLower"].constraints.new("COPY_LOCATION")
limit.target, limit.use_offset, limit.influence = mover, True, 0.5
settings.collection = group
said["constraints map"] = finish(automap.auto_map_steps(tree, scene))
motion = rigs.bake(tree, scene, [1, 10])
moved = motion.landmarks[2] - motion.landmarks[1]
rows = {row.source: landmark_of(row.target) for row in settings.rows}
said["constraints"] = {n: [float(v) for v in moved[rows[n]]] for n in ("Chin", "LipLower", "LipUpper")}

# In the Scene: a driver on something that belongs to the scene.
scene, tree, settings = studio.empty_rig()
ob = face()
scene["mood"] = 0.0
for frame, value in ((1, 0.0), (10, 0.8)):
    scene["mood"] = value
    scene.keyframe_insert('["mood"]', frame=frame)
driver = ob.data.shape_keys.key_blocks["jawOpen"].driver_add("value").driver
driver.type = "SUM"
variable = driver.variables.new()
variable.targets[0].id_type, variable.targets[0].id = "SCENE", scene
variable.targets[0].data_path = '["mood"]'
settings.target = ob
finish(automap.auto_map_steps(tree, scene))
scene.frame_set(4)
said["alone"] = channel(rigs.bake(tree, scene, [1, 10]), "jawOpen")
settings.in_scene = True
said["in scene"] = channel(rigs.bake(tree, scene, [1, 5.5, 10]), "jawOpen")
said["frame kept"] = [scene.frame_current, len(bpy.data.scenes)]

# Vertex groups of a mesh that bones move.
scene, tree, settings = studio.empty_rig()
ob = face()
for name, index in (
    ("chin", 152),
    ("mouth_left", 291),
    ("mouth_right", 61),
    ("brow_middle_left", 334),
    ("brow_middle_right", 105),
    ("nose_tip", 4),
):
    ob.vertex_groups.new(name=name).add([index], 1.0, "REPLACE")
chin = ob.data.shape_keys.key_blocks["jawOpen"]
chin.data[152].co.z -= 0.03
key_jaw(ob, ((1, 0.0), (10, 1.0)))
settings.target, settings.kind = ob, "VERTICES"
said["vertices map"] = finish(automap.auto_map_steps(tree, scene))
motion = rigs.bake(tree, scene, [1, 10])
said["vertices"] = [float(v) for v in motion.landmarks[2, 152] - motion.landmarks[1, 152]]

# A rig linked from another file: mapped, baked, tested; with an override, too.
scene, tree, settings = studio.empty_rig()
ob = face()
key_jaw(ob)
path = FOLDER / "rig.blend"
bpy.data.libraries.write(str(path), {ob}, fake_user=True)
for override in (False, True):
    scene, tree, settings = studio.empty_rig()
    with bpy.data.libraries.load(str(path), link=True) as (there, here):
        here.objects = ["Face"]
    ob = bpy.data.objects["Face"]
    scene.collection.objects.link(ob)
    if override:
        ob = ob.override_create(remap_local_usages=True)
    settings.target = ob
    before = [len(x) for x in (bpy.data.objects, bpy.data.meshes, bpy.data.scenes)]
    report = finish(automap.auto_map_steps(tree, scene))
    motion = rigs.bake(tree, scene, [1, 10])
    tested = finish(mapping_test.test_steps(tree, scene))
    clean = before == [len(x) for x in (bpy.data.objects, bpy.data.meshes, bpy.data.scenes)]
    said["override" if override else "linked"] = [report, channel(motion, "jawOpen"), tested, clean]

result(said)  # noqa: F821
