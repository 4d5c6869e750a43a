"""Run inside Blender: Test Mapping on rigs that nobody has animated, and whether it leaves them as they were."""

import sys
import time

sys.path.insert(0, ARGS[0])  # noqa: F821 - given by the frame around this script

import bpy
import studio
from bl_ext.user_default.gioconda.addon import rig as rigs
from bl_ext.user_default.gioconda.addon import session
from bl_ext.user_default.gioconda.addon.rig.check import mapping_test
from bl_ext.user_default.gioconda.addon.rig.map import automap
from bl_ext.user_default.gioconda.addon.rig.steps import StepsTask, finish
from bl_ext.user_default.gioconda.core.gioconda.errors import GiocondaError

BONES = {
    "head": ((0, 0, 0), (0, 0, 2), ""),
    "jaw": ((0, 0.2, -0.2), (0, -0.9, -1.3), "head"),
    "lip_upper": ((0, -1, -0.74), (0, -1.1, -0.74), "head"),
    "lip_lower": ((0, -1, -0.89), (0, -1.1, -0.89), "jaw"),
    "mouth_corner_L": ((0.32, -0.9, -0.8), (0.32, -1, -0.8), "head"),
    "mouth_corner_R": ((-0.32, -0.9, -0.8), (-0.32, -1, -0.8), "head"),
    "brow_L": ((0.45, -0.9, 0.19), (0.45, -1, 0.19), "head"),
    "brow_R": ((-0.45, -0.9, 0.19), (-0.45, -1, 0.19), "head"),
    "eye_L": ((0.36, -0.7, -0.04), (0.36, -0.9, -0.04), "head"),
    "eye_R": ((-0.36, -0.7, -0.04), (-0.36, -0.9, -0.04), "head"),
    "handle_L": ((0.32, -2, -0.8), (0.32, -2.2, -0.8), ""),
}
said = {}


def armature():
    data = bpy.data.armatures.new("Rig")
    ob = bpy.data.objects.new("Rig", data)
    bpy.context.scene.collection.objects.link(ob)
    bpy.context.view_layer.objects.active = ob
    bpy.ops.object.mode_set(mode="EDIT")
    for name, (head, tail, parent) in BONES.items():
        bone = data.edit_bones.new(name)
        bone.head, bone.tail = head, tail
        bone.parent = data.edit_bones.get(parent) if parent else None
    bpy.ops.object.mode_set(mode="OBJECT")
    follow = ob.pose.bones["mouth_corner_L"].constraints.new("COPY_LOCATION")  # the mapped bone only follows
    follow.target, follow.subtarget = ob, "handle_L"
    return ob


def mesh_with_keys(rig):
    """Keys: free, driven by a bone, driven by a custom property, driven by nothing that could change."""
    mesh = bpy.data.meshes.new("Face")
    mesh.from_pydata([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], [], [(0, 1, 3, 2), (4, 5, 7, 6)])
    ob = bpy.data.objects.new("Face", mesh)
    bpy.context.scene.collection.objects.link(ob)
    ob.parent, ob.matrix_parent_inverse[0][3] = rig, 0.25
    ob.shape_key_add(name="Basis")
    for i, name in enumerate(("jawOpen", "eyeBlinkLeft", "eyeBlinkRight", "mouthPucker")):
        block = ob.shape_key_add(name=name)
        block.data[i].co.z += 0.1
        block.value = 0.3 if name == "jawOpen" else 0.0
    keys = ob.data.shape_keys
    ob["pucker"] = 0.0
    ob.id_properties_ui("pucker").update(min=0.0, max=2.0)
    for name, kind, path in (
        ("eyeBlinkLeft", "bone", ""),
        ("mouthPucker", "property", '["pucker"]'),
        ("eyeBlinkRight", "", ""),
    ):
        driver = keys.key_blocks[name].driver_add("value").driver
        driver.type, driver.expression = "SCRIPTED", "0 * 1" if not kind else "v"
        if kind:
            variable = driver.variables.new()
            variable.name = "v"
            variable.type = "TRANSFORMS" if kind == "bone" else "SINGLE_PROP"
            target = variable.targets[0]
            target.id = rig if kind == "bone" else ob
            if kind == "bone":
                target.bone_target, target.transform_type, target.transform_space = "jaw", "ROT_X", "LOCAL_SPACE"
            else:
                target.data_path = path
    return ob


def row(rig, kind, source, target, holder=None, part="VALUE"):
    made = rig.rows.add()
    made.kind, made.source, made.target, made.component = kind, source, target, part
    if holder is not None:
        made.holder = holder


def everything():
    """All of the file that a test could leave a trace in, as text."""
    lines = [bpy.context.scene.name, bpy.context.scene.frame_current]
    for name in ("objects", "meshes", "armatures", "actions", "scenes", "collections", "shape_keys", "node_groups"):
        lines.append([name, [(d.name, d.users) for d in getattr(bpy.data, name)]])
    for ob in bpy.data.objects:
        lines += [ob.name, [list(r) for r in ob.matrix_world], [list(r) for r in ob.matrix_basis], ob.hide_viewport]
        lines += [ob.parent and ob.parent.name, [list(r) for r in ob.matrix_parent_inverse], dict(ob.items())]
        lines.append([list(ob.select_get() for _ in (0,)), bpy.context.view_layer.objects.active.name])
        for bone in ob.pose.bones if ob.pose else ():
            lines += [bone.name, [list(r) for r in bone.matrix_basis], [list(r) for r in bone.matrix]]
            lines += [(c.name, c.target.name) for c in bone.constraints]
        keys = getattr(ob.data, "shape_keys", None)
        lines += [(b.name, b.value) for b in keys.key_blocks] if keys else []
        for data in (ob, keys):
            animation = data.animation_data if data else None
            for curve in animation.drivers if animation else ():
                targets = [(t.id.name, t.data_path, t.bone_target) for v in curve.driver.variables for t in v.targets]
                lines.append([curve.data_path, curve.driver.expression, targets])
            lines.append(animation.action.name if animation and animation.action else "")
    return repr(lines)


def attempt(call):
    try:
        return call()
    except GiocondaError as error:
        return f"{type(error).__name__}: {error}"


# Bones: one that only follows another, and the artist's own unkeyed pose.
scene, tree, settings = studio.empty_rig()
rig = armature()
settings.target = rig
rig.pose.bones["jaw"].rotation_mode = "XYZ"
rig.pose.bones["jaw"].rotation_euler.x = 0.1
bpy.context.view_layer.update()
finish(automap.auto_map_steps(tree, scene))
bpy.context.view_layer.update()
before = everything()
said["bones"] = finish(mapping_test.test_steps(tree, scene))
bpy.context.view_layer.update()
said["bones clean"] = before == everything()
said["bone rows"] = {r.source: [round(r.response, 3), r.answer] for r in settings.rows}

# Keys: driven by a bone, by a property, by nothing; a custom property; channel of a bone.
scene, tree, settings = studio.empty_rig()
rig = armature()
face = mesh_with_keys(rig)
settings.target, settings.kind = face, "KEYS"
for name in ("jawOpen", "eyeBlinkLeft", "eyeBlinkRight", "mouthPucker"):
    row(settings, "KEY", name, name)
row(settings, "PROPERTY", "pucker", "cheekPuff")
row(settings, "BONE", "brow_L", "browInnerUp", rig, "LOC_Y")
bpy.context.view_layer.update()
before = everything()
said["keys"] = attempt(lambda: finish(mapping_test.test_steps(tree, scene)))
bpy.context.view_layer.update()
said["keys clean"] = before == everything()
said["key rows"] = {r.source: [round(r.response, 3), r.answer] for r in settings.rows}
steps = mapping_test.test_steps(tree, scene)
for _ in range(4):
    next(steps)
during = before == everything()
steps.close()
said["closed"] = [during, before == everything()]

# A file that is undone or closed in the middle: the copies go.
steps = mapping_test.test_steps(tree, scene)
for _ in range(4):
    next(steps)
bpy.data.scenes.remove(next(s for s in bpy.data.scenes if s != scene))
said["stage gone"] = attempt(lambda: list(steps))
said["stage gone clean"] = before == everything()

# Beside everything else, as in the window: a task.
longest = 0.0
task = StepsTask(tree, mapping_test.test_steps(tree, scene))
session.start(task, first=True)
said["busy"] = session.task_of(tree) is task
rounds = 0
while task in session._session.tasks:
    since = time.thread_time()  # of the processor: other programs do not count
    session.pump()
    longest = max(longest, time.thread_time() - since)
    rounds += 1
said["task"] = [task.outcome, task.text, rounds, longest]
task = StepsTask(tree, mapping_test.test_steps(tree, scene))
next(task._steps)  # it has begun; a whole round may be enough for all of it
session.start(task)
task.cancel()
session.pump()
said["cancelled"] = [task.outcome, task in session._session.tasks, before == everything()]

# Nothing answers at all.
settings.rows.clear()
row(settings, "KEY", "eyeBlinkRight", "eyeBlinkRight")
said["nothing"] = attempt(lambda: finish(mapping_test.test_steps(tree, scene)))

# Empties, and vertex groups that a bone moves.
scene, tree, settings = studio.empty_rig()
rig = armature()
face = mesh_with_keys(rig)
face.modifiers.new("Armature", "ARMATURE").object = rig
for i, (name, bone) in enumerate((("chin", "jaw"), ("mouth_left", "mouth_corner_L"), ("mouth_right", "head"))):
    face.vertex_groups.new(name=name).add([i], 1.0, "REPLACE")
    face.vertex_groups.new(name=bone).add([i], 1.0, "REPLACE")
empty = bpy.data.objects.new("Nose", None)
scene.collection.objects.link(empty)
empty.parent = rig
settings.target, settings.kind, settings.head_object, settings.head_bone = rig, "VERTICES", rig, "head"
for name in ("chin", "mouth_left", "mouth_right"):
    row(settings, "VERTICES", name, name, face)
row(settings, "OBJECT", "Nose", "nose_tip", empty, "HEAD")
row(settings, "KEY", "jawOpen", "jawOpen", face)
bpy.context.view_layer.update()
before = everything()
said["vertices"] = attempt(lambda: finish(mapping_test.test_steps(tree, scene)))
bpy.context.view_layer.update()
said["vertices clean"] = before == everything()
said["vertex rows"] = {r.source: [round(r.response, 3), r.answer] for r in settings.rows}

# Landmarks and channels together.
bone = rig.pose.bones["jaw"]
bone.rotation_mode = "XYZ"
for frame, angle, value in ((1, 0.0, 0.0), (10, 0.2, 0.8)):
    bone.rotation_euler.x = -angle
    bone.keyframe_insert("rotation_euler", frame=frame)
    face.data.shape_keys.key_blocks["jawOpen"].value = value
    face.data.shape_keys.key_blocks["jawOpen"].keyframe_insert("value", frame=frame)
motion = rigs.bake(tree, scene, [1, 10])
said["both"] = [
    motion.channels_add,
    list(motion.channel_names),
    motion.channels.round(3).tolist(),
    [float(v) for v in (motion.landmarks[2, 152] - motion.landmarks[0, 152])],
]
settings.rows[0].enabled = settings.rows[1].enabled = False
said["too few"] = attempt(lambda: rigs.bake(tree, scene, [1]))
result(said)  # noqa: F821
