"""A ready-to-animate rig of bones on top of the portrait: the picture in the XZ plane, controls at its landmarks.

The picture is two units high and faces −Y, like a character. A control's local X is to the picture's right, its local Y
up, along the face where the head is tilted; its local Z points at the viewer and is locked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
import numpy.typing as npt
from mathutils import Quaternion, Vector

from ....core.gioconda import landmarks as lm
from ....core.gioconda.errors import InputError
from ....core.gioconda.pose import head_pose
from ...landmark_editor import landmark_points as lp
from ..read.anatomy import NECK, Anatomy
from . import controls as lc
from . import shapes

Float = npt.NDArray[np.float64]

NAME = "Gioconda Landmark Rig"
HEIGHT = 2.0  # scene units that the picture is high
BONE = 0.06  # length of a control's bone, head units: only its place and axes matter
PRESET = "Gioconda landmark rig"


@dataclass(frozen=True, eq=False)
class Layout:
    """The portrait's landmarks in the armature's space.

    Attributes:
        positions: (478, 3) float64, x right, y away from the viewer, z up; the picture's centre is the origin.
        unit: scene units per head unit.
        up: (3,) the direction from the chin to the forehead, in the picture's plane.
        neck: (3,) what the head turns about.
        landmarks: (478, 3) picture pixels divided by the head unit, for `controls.travels`.
        width: of the picture, scene units.
    """

    positions: Float
    unit: float
    up: Float
    neck: Float
    landmarks: Float
    width: float


def layout(points: lp.Points) -> Layout:
    """Where everything goes. Raises: InputError: there is no whole face yet."""
    if points.landmarks is None:
        raise InputError("The face is not complete: analyse the portrait, then create the rig.")
    width, height = points.size
    pose = head_pose(points.landmarks)
    factor = HEIGHT / height
    middle = float(points.landmarks[:, 2].mean())

    def place(picture: Float) -> Float:
        """Picture pixels → armature space."""
        x, y, z = np.moveaxis(np.asarray(picture, np.float64), -1, 0)
        return np.stack([(x - width / 2) * factor, (z - middle) * factor, (height / 2 - y) * factor], -1)

    down = pose.rotation[:2, 1]
    up = np.array([-down[0], 0.0, down[1]]) / max(float(np.hypot(*down)), 1e-9)
    return Layout(
        place(points.landmarks),
        pose.scale * factor,
        up,
        place(pose.to_picture(NECK)),
        points.landmarks / pose.scale,
        width * factor,
    )


def create(tree: bpy.types.NodeTree, context: bpy.types.Context, *, picture: bpy.types.Image | None = None) -> Any:
    """Build the rig at the 3D cursor, in a collection of its own, selected and in pose mode. Returns the armature.

    Args:
        picture: what the plane shows instead of the portrait, such as the live preview.

    Raises: InputError: the portrait has no landmarks.
    """
    settings = tree.gioconda
    points = lp.from_text(settings.landmarks)
    if points is None:
        raise InputError("The portrait has no landmarks yet: analyse it first.")
    plan = layout(points)
    collection = bpy.data.collections.new(NAME)
    context.scene.collection.children.link(collection)
    data = bpy.data.armatures.new(NAME)
    rig = bpy.data.objects.new(NAME, data)
    collection.objects.link(rig)
    rig.location = context.scene.cursor.location
    rig.show_in_front = True
    plane = _plane(rig, picture or settings.image, plan)
    collection.objects.link(plane)
    _activate(context, rig)
    bpy.ops.object.mode_set(mode="EDIT")
    _add_bones(data, plan)
    bpy.ops.object.mode_set(mode="POSE")
    reach = lc.travels(plan.landmarks, plan.unit)
    _style_bones(rig, plan)
    for control in lc.CONTROLS[1:]:
        _limit(rig.pose.bones[control.name], control, reach)
    _limit_head(rig.pose.bones["head"])
    rig["gioconda_unit"] = plan.unit
    return rig


def is_landmark_rig(ob: bpy.types.Object | None) -> bool:
    """Whether an object is a rig that `create` has made."""
    return ob is not None and ob.type == "ARMATURE" and isinstance(ob.get("gioconda_unit"), float)


def bind(tree: bpy.types.NodeTree, rig: bpy.types.Object) -> None:
    """Let the rig drive the portrait: its mapping replaces the one that is there.

    Raises: InputError: the portrait has no landmarks.
    """
    points = lp.from_text(tree.gioconda.landmarks)
    if points is None:
        raise InputError("The portrait has no landmarks yet: analyse it first.")
    settings, plan = tree.gioconda.rig, layout(points)
    settings.kind = "BONES"
    settings.target = rig
    settings.head_object, settings.head_bone = rig, "head"
    settings.gaze_target = settings.eye_left_object = settings.eye_right_object = None
    settings.eye_left = settings.eye_right = ""
    settings.follow_turn = settings.follow_move = settings.way_from_rest = True
    settings.forward, settings.neutral = "-Y", "REST"
    settings.rows.clear()
    for line in lc.rows(lc.travels(plan.landmarks, plan.unit)):
        row = settings.rows.add()
        row.kind = "PROPERTY" if line.component == "VALUE" else "BONE"
        row.source, row.component, row.target, row.gain = line.source, line.component, line.target, line.gain
    settings.preset, settings.found = PRESET, "BONES"
    settings.report = f"{PRESET}: {len(settings.rows)} rows."
    # The face looks along −Y and hangs straight: turns are about the picture's axes, however the portrait is turned.
    axes = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    settings.anatomy = Anatomy((rig.name, None), axes, plan.unit, plan.neck - plan.unit * NECK @ axes).to_json()


# Bones ---------------------------------------------------------------------------------------------------------------


def _activate(context: bpy.types.Context, rig: bpy.types.Object) -> None:
    """Only the rig is selected, and active, in object mode."""
    layer = context.view_layer
    if layer.objects.active is not None and layer.objects.active.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    for other in context.selected_objects:
        other.select_set(False)
    rig.select_set(True)
    layer.objects.active = rig


def _add_bones(data: bpy.types.Armature, plan: Layout) -> None:
    """In edit mode."""
    toward_viewer = Vector((0, -1, 0))
    for control in lc.CONTROLS:
        bone = data.edit_bones.new(control.name)
        place = plan.neck if control is lc.HEAD else plan.positions[list(control.points)].mean(0)
        bone.head = place
        bone.tail = place + plan.up * plan.unit * (0.5 if control is lc.HEAD else BONE)
        bone.align_roll(toward_viewer)
        bone.parent = data.edit_bones[control.parent] if control.parent else None
        bone.use_deform = False


def _style_bones(rig: bpy.types.Object, plan: Layout) -> None:
    """Shapes, colours, collections, locks."""
    groups = {name: rig.data.collections.new(name) for name in lc.GROUPS}
    for control in lc.CONTROLS:
        bone = rig.pose.bones[control.name]
        groups[control.group].assign(bone.bone)
        _paint(bone, lc.GROUPS[control.group])
        bone.rotation_mode = "XYZ"
        bone.lock_scale = (True, True, True)
        bone.use_custom_shape_bone_size = False
        bone.custom_shape_wire_width = 2.0
        if control is lc.HEAD:
            bone.custom_shape = _widget("head", _outline(rig, plan))
            bone.lock_location = (False, False, True)
        else:
            bone.custom_shape = _widget(control.shape, shapes.SHAPES[control.shape])
            size = _mouth_size(plan) if control.shape == "mouth" else control.size
            bone.custom_shape_scale_xyz = (size * plan.unit,) * 3
            bone.lock_rotation = (True, True, True)
    for slider in lc.SLIDERS:
        head = rig.pose.bones["head"]
        head[slider] = 0.0
        head.id_properties_ui(slider).update(min=0.0, max=1.0, default=0.0, description=f"ARKit {lc.SLIDERS[slider]}")


def _paint(bone: bpy.types.PoseBone, colour: tuple[float, float, float]) -> None:
    """Its colour, white when it is selected."""
    for place in (bone.color, bone.bone.color):
        place.palette = "CUSTOM"
        place.custom.normal = colour
        place.custom.select = tuple(0.4 * part + 0.6 for part in colour)
        place.custom.active = (1.0, 1.0, 1.0)


def _mouth_size(plan: Layout) -> float:
    """A bit wider than the mouth, head units."""
    across = plan.positions[lm.MOUTH_LEFT] - plan.positions[lm.MOUTH_RIGHT]
    return 1.5 * float(np.linalg.norm(across)) / plan.unit


def _outline(rig: bpy.types.Object, plan: Layout) -> shapes.Strokes:
    """The face's own oval, a little larger, in the head bone's space, scene units."""
    oval = plan.positions[list(lm.OVAL)]
    oval = oval.mean(0) + 1.18 * (oval - oval.mean(0))
    rest = np.array(rig.data.bones["head"].matrix_local)
    local = (oval - rest[:3, 3]) @ rest[:3, :3]
    return [(local[:, :2], True)]


def _limit(bone: bpy.types.PoseBone, control: lc.Control, reach: Mapping[tuple[str, str], float]) -> None:
    """It goes as far as its directions say and nowhere else."""
    limits = _new_limits(bone, "LIMIT_LOCATION")
    lock = [True, True, True]
    for axis, letter in enumerate("xy"):
        low, high = (reach.get((control.name, f"{sign}{letter}"), 0.0) for sign in "-+")
        setattr(limits, f"min_{letter}", -low)
        setattr(limits, f"max_{letter}", high)
        setattr(limits, f"use_min_{letter}", True)
        setattr(limits, f"use_max_{letter}", True)
        lock[axis] = low == high == 0
    limits.use_min_z = limits.use_max_z = True
    bone.lock_location = lock


def _limit_head(bone: bpy.types.PoseBone) -> None:
    limits = _new_limits(bone, "LIMIT_ROTATION")
    for letter, degrees in lc.TURNS.items():
        setattr(limits, f"use_limit_{letter}", True)
        setattr(limits, f"min_{letter}", -math.radians(degrees))
        setattr(limits, f"max_{letter}", math.radians(degrees))


def _new_limits(bone: bpy.types.PoseBone, kind: str) -> bpy.types.Constraint:
    limits = bone.constraints.new(kind)
    limits.name, limits.owner_space, limits.use_transform_limit = "Reach", "LOCAL", True
    return limits


def _widget(name: str, parts: shapes.Strokes) -> bpy.types.Object:
    """The object whose wires a bone shows; lies in no scene. All but the head's are shared among rigs."""
    title = f"Gioconda {name}"
    found = bpy.data.objects.get(title)
    if found is not None and name != "head" and found.get("gioconda_widget") and not found.library:
        return found
    mesh = bpy.data.meshes.new(title)
    vertices, edges = shapes.wire(parts)
    mesh.from_pydata(vertices, edges, [])
    widget = bpy.data.objects.new(title, mesh)
    widget["gioconda_widget"] = True
    return widget


# The picture ---------------------------------------------------------------------------------------------------------


def _plane(rig: bpy.types.Object, image: bpy.types.Image, plan: Layout) -> bpy.types.Object:
    """The picture as an image empty: seen in every view, never rendered, not picked by accident."""
    plane = bpy.data.objects.new(f"{NAME} Picture", None)
    plane.empty_display_type = "IMAGE"
    plane.data = image
    plane.empty_display_size = max(plan.width, HEIGHT)
    plane.empty_image_offset = (-0.5, -0.5)
    plane.rotation_euler = (math.pi / 2, 0, 0)
    plane.parent = rig
    plane.hide_select = True
    plane["gioconda_picture"] = True  # shows the live preview while there is one
    return plane


def look_at(context: bpy.types.Context, area: bpy.types.Area, rig: bpy.types.Object, *, alone: bool) -> None:
    """Turn a 3D view to the picture, from the front. `alone`: in local view, where nothing else covers it."""
    space = area.spaces.active
    view = space.region_3d
    view.view_perspective = "ORTHO"
    view.view_rotation = Quaternion((math.sqrt(0.5), math.sqrt(0.5), 0, 0))
    view.view_location = rig.location
    view.view_distance = 1.3 * HEIGHT
    region = next((region for region in area.regions if region.type == "WINDOW"), None)
    if not alone or bpy.app.background or region is None or space.local_view:
        return
    with context.temp_override(area=area, region=region, space_data=space):
        bpy.ops.view3d.localview(frame_selected=False)
    for child in rig.children:
        child.local_view_set(space, True)
