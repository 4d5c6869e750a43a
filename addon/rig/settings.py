"""What is stored of the rig in the .blend: `tree.gioconda.rig`. Only fields and their choices, no logic."""

from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from ..paths import beside_blend

KINDS = (
    ("AUTO", "Automatic", "Look at the rig and choose"),
    ("KEYS", "Shape Keys", "Shape keys, named in any of the common spellings"),
    ("BONES", "Bones", "Bones of an armature, as landmarks or as controls"),
    ("OBJECTS", "Empties", "Objects that stand for landmarks, such as a collection of empties"),
    ("VERTICES", "Vertex Groups", "Vertex groups of a mesh that stand for landmarks"),
    ("MESH", "Follow the Face Mesh", "Find the face on the mesh and follow its surface, whatever moves it"),
    ("FILE", "Motion File", "A Live Link Face or ARKit CSV, a motion (.npz, .json), a .bvh or a video of a face"),
)
SOURCES = (
    ("KEY", "Shape Key", "The value of a shape key", "SHAPEKEY_DATA", 0),
    ("BONE", "Bone", "A bone's place or transform", "BONE_DATA", 1),
    ("OBJECT", "Object", "An object's place or transform", "OBJECT_DATA", 2),
    ("VERTICES", "Vertex Group", "The middle of a vertex group, or one vertex by its number", "GROUP_VERTEX", 3),
    ("PROPERTY", "Custom Property", "A custom property of the object or bone: “name”, or “bone/name”", "RNA", 4),
)
COMPONENTS = (
    ("VALUE", "Value", "The value itself"),
    ("HEAD", "Head", "Where the bone's head (or the object's origin, or the vertices' middle) is"),
    ("TAIL", "Tail", "Where the bone's tail is"),
    *((f"LOC_{a}", f"{a} Location", f"Local {a} location, as an unconstrained control moves") for a in "XYZ"),
    *((f"ROT_{a}", f"{a} Rotation", f"Local {a} rotation in radians") for a in "XYZ"),
    *((f"SCALE_{a}", f"{a} Scale", f"Local {a} scale, less 1") for a in "XYZ"),
)
FORWARD = (
    ("AUTO", "Automatic", "The way the rig's left and right, eyes and jaw say"),
    ("-Y", "−Y", "The character looks along −Y: towards Blender's front view"),
    ("+Y", "+Y", "The character looks along +Y"),
    ("+X", "+X", "The character looks along +X"),
    ("-X", "−X", "The character looks along −X"),
)


ACTORS = ("ARMATURE", "MESH", "EMPTY", "CURVE", "SURFACE", "LATTICE")  # what can act, or carry something that acts


def _object(name: str, text: str, types: tuple[str, ...] = ()) -> Any:
    """A pointer to an object; `types`: the kinds of object that its list offers, all of them where none is given."""

    def offered(_settings: Any, ob: bpy.types.Object) -> bool:
        return not types or ob.type in types

    return PointerProperty(name=name, type=bpy.types.Object, description=text, poll=offered)


class MappingRow(bpy.types.PropertyGroup):
    """One line of the mapping: a part of the rig drives one ARKit channel or is one landmark."""

    enabled: BoolProperty(name="Use", default=True, description="Let this row drive the portrait")
    kind: EnumProperty(name="Kind", items=SOURCES, default="KEY", description="What the source is")
    source: StringProperty(name="Source", description="Name of the shape key, bone, object, vertex group or property")
    holder: _object("Object", "The object that holds the source; empty: the rig")
    component: EnumProperty(name="Part", items=COMPONENTS, default="VALUE", description="Which part of the source")
    target: StringProperty(
        name="Target", description="An ARKit channel (jawOpen), a landmark's name (lip_upper) or number (0 to 477)"
    )
    gain: FloatProperty(
        name="Gain", default=1.0, soft_min=-5.0, soft_max=5.0, description="The source's value is multiplied by this"
    )
    offset: FloatProperty(name="Offset", default=0.0, description="Then this is added")
    response: FloatProperty(default=-1.0, options={"HIDDEN"})  # −1 not tested; else how far it went in the test
    answer: StringProperty(options={"HIDDEN"})  # what the test says of it: what it moves, or what moves it
    trouble: StringProperty(options={"HIDDEN"})  # why the row cannot work; "" it can


class RigSettings(bpy.types.PropertyGroup):
    """Where the motion comes from and which part of it drives what."""

    kind: EnumProperty(name="Driven By", items=KINDS, default="AUTO", description="What drives the portrait")
    found: StringProperty(options={"HIDDEN"})  # the kind that auto-map chose, one of KINDS
    target: _object("Rig", "The armature, mesh or empty that acts", ACTORS)
    collection: PointerProperty(
        name="Collection", type=bpy.types.Collection, description="The empties or objects that stand for landmarks"
    )
    file: StringProperty(
        name="File",
        subtype="FILE_PATH",
        options=beside_blend(),
        description="A motion: Live Link Face or ARKit CSV, .npz, .json, .bvh; a video of a face; or a recorded voice",
    )
    text: StringProperty(
        name="Spoken Text",
        subtype="FILE_PATH",
        options=beside_blend(),
        description="What the voice says, a plain text file: lips follow it far better than what is recognised",
    )
    language: StringProperty(
        name="Language",
        description="The text's language as espeak-ng calls it: de, fr-fr, es. Empty for English",
    )
    file_start: IntProperty(name="Starts At", default=1, description="Scene frame at which the file's motion starts")

    head_object: _object("Head", "What turns with the head: an object, or a bone's armature")
    head_bone: StringProperty(name="Head Bone", description="The bone that turns with the head")
    eye_left: StringProperty(name="Left Eye", description="Bone that turns with the person's own left eye")
    eye_right: StringProperty(name="Right Eye", description="Bone that turns with the person's own right eye")
    eye_left_object: _object("Left Eye", "Object that turns with the person's own left eye")
    eye_right_object: _object("Right Eye", "Object that turns with the person's own right eye")
    gaze_target: _object("Look At", "Both eyes look at this object, whatever the eye bones do")
    follow_turn: BoolProperty(name="Turn", default=True, description="The portrait's head turns with the rig's head")
    follow_move: BoolProperty(
        name="Move",
        default=True,
        description="The portrait's head moves with the rig's head; off for a character that walks through the scene",
    )
    forward: EnumProperty(name="Looks Along", items=FORWARD, default="AUTO", description="Where the rig's face looks")
    neutral: EnumProperty(
        name="Neutral",
        default="REST",
        description="The pose in which the portrait looks as it is",
        items=(("REST", "Rest Pose", "Bones at rest, keys at zero"), ("FRAME", "Frame", "The pose of one frame")),
    )
    neutral_frame: IntProperty(name="Neutral Frame", default=1, description="Frame of the neutral pose")
    way_from_rest: BoolProperty(
        name="Way from Rest",
        default=False,
        description="The head's way counts from its rest pose, not from where it is in the scene's first frame",
    )
    in_scene: BoolProperty(
        name="In the Scene",
        default=False,
        description="Play the whole scene, not the rig alone: slower; for physics and rigs that look at the scene",
    )

    rows: CollectionProperty(type=MappingRow)
    active_row: IntProperty(name="Row", default=0, description="The row shown below the list")
    preset: StringProperty(options={"HIDDEN"})  # title of the preset in use
    report: StringProperty(options={"HIDDEN"})  # what auto-map says: what it chose, what stayed unmapped
    anatomy: StringProperty(options={"HIDDEN"})  # JSON: where the face is and looks (anatomy.py)
    surface: StringProperty(options={"HIDDEN"})  # JSON: where the landmarks lie on the mesh (surface.py)


CLASSES = (MappingRow, RigSettings)
