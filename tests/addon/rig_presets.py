"""Run inside Blender: stand-ins named as well-known rigs are, mapped, tested. ARGS: this folder, "names" or "rigify".

Names are facts, gathered from public scripts that work on these rigs. Where each bone is placed was decided from its
name alone, not from our presets, so that a preset which takes a bone for another part of the face is found out.
"""

import sys

sys.path.insert(0, ARGS[0])  # noqa: F821 - given by the frame around this script

import addon_utils
import bpy
import numpy as np
import studio
from bl_ext.user_default.gioconda.addon import rig as rigs
from bl_ext.user_default.gioconda.addon.rig.check import mapping_test
from bl_ext.user_default.gioconda.addon.rig.map import automap
from bl_ext.user_default.gioconda.addon.rig.names import landmark_of
from bl_ext.user_default.gioconda.addon.rig.steps import finish
from bl_ext.user_default.gioconda.core.gioconda import landmarks as lm
from bl_ext.user_default.gioconda.core.gioconda.errors import GiocondaError
from bl_ext.user_default.gioconda.core.gioconda.landmarks import ARKIT

WHICH = ARGS[1]  # noqa: F821
SIZE = 0.09  # metres for a head unit
UP = 1.6


def sided(names, left, right):
    return [name.replace("*", side) for name in names for side in (left, right)]


# --- bones on the face: name without side → about where it is -------------------------------------------------------
AUTO_RIG_PRO = {
    "c_lips_top.x": 0,
    "c_lips_bot.x": 17,
    "c_lips_top*": 269,
    "c_lips_top_01*": 409,
    "c_lips_bot*": 405,
    "c_lips_bot_01*": 375,
    "c_lips_smile*": 291,
    "c_chin_01.x": 152,
    "c_chin_02.x": 199,
    "c_nose_01.x": 195,
    "c_nose_03.x": 4,
    "c_eyebrow_01_end*": 336,
    "c_eyebrow_01*": 296,
    "c_eyebrow_02*": 334,
    "c_eyebrow_03*": 300,
    "c_eyelid_top_01*": 384,
    "c_eyelid_top_02*": 386,
    "c_eyelid_top_03*": 388,
    "c_eyelid_bot_01*": 381,
    "c_eyelid_bot_02*": 374,
    "c_eyelid_bot_03*": 390,
    "c_eyelid_corner_01*": 362,
    "c_eyelid_corner_02*": 263,
    "c_cheek_smile*": 280,
    "c_cheek_inflate*": 425,
    "c_eye*": 473,
}
BLENRIG = {
    "lip_up_ctrl_mid": 0,
    "lip_low_ctrl_mid": 17,
    "lip_up_ctrl_1*": 269,
    "lip_up_ctrl_2*": 270,
    "lip_up_ctrl_3*": 409,
    "lip_low_ctrl_1*": 405,
    "lip_low_ctrl_2*": 321,
    "lip_low_ctrl_3*": 375,
    "mouth_corner*": 291,
    "chin_ctrl": 152,
    "nose_ctrl": 4,
    "nose_base_ctrl": 2,
    "nostril_ctrl*": 327,
    "brow_ctrl_1*": 336,
    "brow_ctrl_2*": 296,
    "brow_ctrl_3*": 334,
    "brow_ctrl_4*": 293,
    "brow_ctrl_5*": 300,
    "eyelid_up_ctrl_1*": 384,
    "eyelid_up_ctrl_2*": 386,
    "eyelid_up_ctrl_3*": 388,
    "eyelid_low_ctrl_1*": 381,
    "eyelid_low_ctrl_2*": 374,
    "eyelid_low_ctrl_3*": 390,
    "cheek_ctrl*": 280,
    "eye_def*": 473,
}
# --- keys and boards: name → the channels it should drive ------------------------------------------------------------
VROID = [
    "ALL_Angry",
    "ALL_Fun",
    "ALL_Joy",
    "ALL_Sorrow",
    "ALL_Surprised",
    "BRW_Angry",
    "BRW_Fun",
    "BRW_Joy",
    "BRW_Sorrow",
    "BRW_Surprised",
    "EYE_Angry",
    "EYE_Close",
    "EYE_Close_R",
    "EYE_Close_L",
    "EYE_Fun",
    "EYE_Joy",
    "EYE_Joy_R",
    "EYE_Joy_L",
    "EYE_Sorrow",
    "EYE_Surprised",
    "EYE_Spread",
    "MTH_Close",
    "MTH_Up",
    "MTH_Angry",
    "MTH_Small",
    "MTH_Large",
    "MTH_Fun",
    "MTH_Joy",
    "MTH_Sorrow",
    "MTH_Surprised",
    "MTH_A",
    "MTH_I",
    "MTH_U",
    "MTH_E",
    "MTH_O",
]
VRM0 = [
    "A",
    "I",
    "U",
    "E",
    "O",
    "Blink",
    "Blink_L",
    "Blink_R",
    "Joy",
    "Angry",
    "Sorrow",
    "Fun",
    "LookUp",
    "LookDown",
    "LookLeft",
    "LookRight",
]
VRM1 = [
    "aa",
    "ih",
    "ou",
    "ee",
    "oh",
    "blink",
    "blinkLeft",
    "blinkRight",
    "happy",
    "angry",
    "sad",
    "relaxed",
    "surprised",
    "lookUp",
    "lookDown",
    "lookLeft",
    "lookRight",
]
CC4 = [
    "Brow_Raise_Inner_*",
    "Brow_Raise_Outer_*",
    "Brow_Drop_*",
    "Brow_Compress_*",
    "Eye_Blink_*",
    "Eye_Squint_*",
    "Eye_Wide_*",
    "Eye_*_Look_L",
    "Eye_*_Look_R",
    "Eye_*_Look_Up",
    "Eye_*_Look_Down",
    "Nose_Sneer_*",
    "Cheek_Raise_*",
    "Cheek_Puff_*",
    "Mouth_Smile_*",
    "Mouth_Smile_Sharp_*",
    "Mouth_Frown_*",
    "Mouth_Stretch_*",
    "Mouth_Dimple_*",
    "Mouth_Press_*",
    "Mouth_Pucker_Up_*",
    "Mouth_Pucker_Down_*",
    "Mouth_Funnel_Up_*",
    "Mouth_Funnel_Down_*",
    "Mouth_Roll_In_Upper_*",
    "Mouth_Roll_In_Lower_*",
    "Mouth_Up_Upper_*",
    "Mouth_Down_Lower_*",
]
CC4 = sided(CC4, "L", "R") + [
    "Jaw_Open",
    "Jaw_Forward",
    "Jaw_L",
    "Jaw_R",
    "Mouth_L",
    "Mouth_R",
    "Mouth_Close",
    "Mouth_Shrug_Upper",
    "Mouth_Shrug_Lower",
    "Tongue_Out",
]
METAHUMAN = sided(
    [
        "eyeBlink*",
        "eyeWiden*",
        "eyeSquintInner*",
        "eyeCheekRaise*",
        "eyeLookUp*",
        "eyeLookDown*",
        "eyeLookLeft*",
        "eyeLookRight*",
        "browDown*",
        "browLateral*",
        "browRaiseIn*",
        "browRaiseOuter*",
        "noseWrinkle*",
        "mouthCheekBlow*",
        "mouthCornerPull*",
        "mouthSharpCornerPull*",
        "mouthDimple*",
        "mouthCornerDepress*",
        "mouthStretch*",
        "mouthUpperLipRaise*",
        "mouthLowerLipDepress*",
        "mouthLipsPurseU*",
        "mouthLipsPurseD*",
        "mouthFunnelU*",
        "mouthFunnelD*",
        "mouthPressU*",
        "mouthPressD*",
        "mouthLipsPress*",
        "mouthLipsTogetherU*",
        "mouthLipsTogetherD*",
        "mouthUpperLipRollIn*",
        "mouthLowerLipRollIn*",
        "mouthUpperLipBite*",
        "mouthLowerLipBite*",
        "mouthLipsTightenU*",
        "mouthLipsTightenD*",
        "jawChinRaiseD*",
        "jawChinRaiseU*",
    ],
    "L",
    "R",
) + ["jawOpen", "jawLeft", "jawRight", "jawFwd", "mouthLeft", "mouthRight", "tongueOut"]
BOARD = sided(
    [
        "CTRL_*_eye_blink",
        "CTRL_*_eye_squintInner",
        "CTRL_*_eye_cheekRaise",
        "CTRL_*_eye",
        "CTRL_*_brow_down",
        "CTRL_*_brow_raiseIn",
        "CTRL_*_brow_raiseOut",
        "CTRL_*_nose",
        "CTRL_*_mouth_cornerPull",
        "CTRL_*_mouth_sharpCornerPull",
        "CTRL_*_mouth_cornerDepress",
        "CTRL_*_mouth_stretch",
        "CTRL_*_mouth_dimple",
        "CTRL_*_mouth_upperLipRaise",
        "CTRL_*_mouth_lowerLipDepress",
        "CTRL_*_mouth_purseU",
        "CTRL_*_mouth_purseD",
        "CTRL_*_mouth_funnelU",
        "CTRL_*_mouth_funnelD",
        "CTRL_*_mouth_lipsRollU",
        "CTRL_*_mouth_lipsRollD",
        "CTRL_*_mouth_pressU",
        "CTRL_*_mouth_pressD",
        "CTRL_*_mouth_lipsTogetherU",
        "CTRL_*_mouth_lipsTogetherD",
        "CTRL_*_mouth_suckBlow",
        "CTRL_*_jaw_ChinRaiseD",
        "CTRL_*_jaw_ChinRaiseU",
    ],
    "L",
    "R",
) + ["CTRL_C_jaw", "CTRL_C_jaw_fwdBack", "CTRL_C_mouth", "CTRL_C_eye"]


def place(point):
    x, y, z = np.asarray(point) * SIZE
    return (x, z, UP - y)


def armature(spots, head):
    """Bones at landmarks, 5 mm long, on a head bone."""
    data = bpy.data.armatures.new("Rig")
    ob = bpy.data.objects.new("Rig", data)
    bpy.context.scene.collection.objects.link(ob)
    bpy.context.view_layer.objects.active = ob
    bpy.ops.object.mode_set(mode="EDIT")
    top = data.edit_bones.new(head)
    top.head, top.tail = (0, 0.05, UP - 0.1), (0, 0.05, UP + 0.1)
    for name, point in spots.items():
        bone = data.edit_bones.new(name)
        bone.head = place(point)
        bone.tail = bone.head.copy()
        bone.tail.y -= 0.005
        bone.parent = top
    bpy.ops.object.mode_set(mode="OBJECT")
    return ob


def both_sides(spots, left, right):
    face = lm.template()
    found = {}
    for name, index in spots.items():
        found[name.replace("*", left)] = face[index]
        if "*" in name:
            found[name.replace("*", right)] = face[index] * [-1, 1, 1]
    return found


def face_with_keys(names):
    mesh = bpy.data.meshes.new("Face")
    mesh.from_pydata([place(p) for p in lm.template()], [], [(0, 1, 2)])
    ob = bpy.data.objects.new("Face", mesh)
    bpy.context.scene.collection.objects.link(ob)
    ob.shape_key_add(name="Basis")
    for name in names:
        ob.shape_key_add(name=name)
    return ob


def examine(target, names, kind="AUTO"):
    """What auto-map and the test make of a stand-in."""
    tree = bpy.data.node_groups[0]
    settings = tree.gioconda.rig
    settings.target, settings.kind = target, kind
    try:
        report = finish(automap.auto_map_steps(tree, bpy.context.scene))
        tested = finish(mapping_test.test_steps(tree, bpy.context.scene))
    except GiocondaError as error:
        return {"error": str(error)}
    known = {row.source for row in settings.rows}
    return {
        "preset": settings.preset,
        "report": report,
        "tested": tested,
        "rows": len(settings.rows),
        "share": sum(name in known for name in names) / len(names),
        "unknown": [n for n in names if n not in known],
        "silent": [row.source for row in settings.rows if row.response <= 1e-3],
        "eyes": [settings.eye_left, settings.eye_right],
        "head": settings.head_bone,
    }


def apart(spots, settings):
    """How far each mapped landmark is from where the bone was put, head units; only those that are far."""
    face = lm.template()
    far = {}
    for row in settings.rows:
        index = landmark_of(row.target)
        if row.target not in ARKIT and row.component == "HEAD" and row.source in spots:
            distance = float(np.linalg.norm((face[index] - spots[row.source])[:2]))
            if distance > 0.12:
                far[row.source] = [row.target, round(distance, 2)]
    return far


def channels_of(settings):
    found = {}
    for row in settings.rows:
        found.setdefault(row.source, {})[row.target] = round(row.gain, 3)
    return found


answers = {}
if WHICH == "names":
    for title, spots, head, eyes, sides in (
        ("Auto-Rig Pro", AUTO_RIG_PRO, "head.x", "c_eye*", (".l", ".r")),
        ("BlenRig", BLENRIG, "head_fk", "eye_def*", ("_L", "_R")),
    ):
        studio.empty_rig()
        placed = both_sides(spots, *sides)
        ob = armature(placed, head)
        skin = [name for name in placed if name not in (eyes.replace("*", s) for s in sides)]
        answers[title] = examine(ob, skin)
        answers[title]["apart"] = apart(placed, bpy.data.node_groups[0].gioconda.rig)
    for title, prefix, names in (
        ("MetaHuman", "CTRL_expressions_", METAHUMAN),
        ("CC4", "", CC4),
        ("VRM 0", "", VRM0),
        ("VRM 1", "", VRM1),
        ("VRoid", "Fcl_", VROID),
        ("VRoid, old", "Face.M_F00_000_00_Fcl_", VROID),
        ("Perfect Sync", "", [n[0].upper() + n[1:] for n in ARKIT]),
        ("Faceit", "", list(ARKIT)),
    ):
        studio.empty_rig()
        names = [prefix + name for name in names]
        answers[title] = examine(face_with_keys(names), names)
        answers[title]["channels"] = channels_of(bpy.data.node_groups[0].gioconda.rig)
    studio.empty_rig()
    spots = {name: (0.3 * (i % 8) - 1, 0.3 * (i // 8), 0) for i, name in enumerate(BOARD)}
    answers["board"] = examine(armature(spots, "head"), BOARD)
    answers["board"]["channels"] = channels_of(bpy.data.node_groups[0].gioconda.rig)
else:
    scene, tree, settings = studio.empty_rig()
    addon_utils.enable("rigify", default_set=True)
    bpy.ops.object.armature_human_metarig_add()
    meta = bpy.context.object
    bpy.ops.object.mode_set(mode="EDIT")
    bones = meta.data.edit_bones
    keep = {b.name for b in bones if b.name == "face" or any(p.name == "face" for p in b.parent_recursive)}
    keep |= {b.name for b in bones if b.name.startswith("spine")}
    for bone in [b for b in bones if b.name not in keep]:
        bones.remove(bone)
    bpy.ops.object.mode_set(mode="OBJECT")
    bpy.ops.pose.rigify_generate()
    rig = next(ob for ob in bpy.data.objects if ob.type == "ARMATURE" and ob != meta)
    names = [b.name for b in rig.data.bones if b.name.startswith("DEF-")]
    names = [n for n in names if n.startswith(("DEF-lip", "DEF-lid", "DEF-brow.B", "DEF-chin", "DEF-nose.0"))]
    names = [n for n in names if n not in ("DEF-chin.L", "DEF-chin.R", "DEF-nose.004")]
    answers["Rigify"] = examine(rig, names)
    face = lm.template()
    settings = tree.gioconda.rig
    # Its controls: jaw open, both lids of the left eye, a corner of the mouth.
    controls = {"jaw_master": ("rotation_euler", (0.35, 0, 0)), "lips.L": ("location", (0.02, 0, 0))}
    for name, (path, value) in controls.items():
        bone = rig.pose.bones[name]
        bone.rotation_mode = "XYZ"
        for frame, amount in ((1, 0), (5, 1)):
            setattr(bone, path, [amount * v for v in value])
            bone.keyframe_insert(path, frame=frame)
    motion = rigs.bake(tree, scene, [1, 5])
    moved = (motion.landmarks[2] - motion.landmarks[1]) / 220
    answers["Rigify"]["moved"] = {n: [float(v) for v in moved[i]] for n, i in (("chin", 152), ("corner", 291))}
    addon_utils.disable("rigify")
result(answers)  # noqa: F821
