"""What is read from the rig and what it drives: the mapping table, checked once, as names and numbers without bpy data.

Every mistake in the mapping is reported here, with the row's number and name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import bpy
import numpy as np

from ....core.gioconda.landmarks import ARKIT
from ..errors import RigError
from ..names import landmark_of
from .anatomy import LOOKS, Anatomy, axes_of, unscaled
from .evaluation_scene import ref_of
from .rig_inputs import RigInput, RigInputs, matrix
from .surface import Surface

TRANSFORMS = ("location", "rotation", "scale", "delta_")


@dataclass(frozen=True)
class MappedRow:
    """A row of the mapping table, checked. Exactly one of `channel` and `landmark` is set."""

    input: RigInput
    gain: float
    offset: float
    channel: str | None = None
    landmark: int | None = None
    row: int = -1


@dataclass(frozen=True)
class Plan:
    """All that sampling the rig needs to know.

    Attributes:
        channels, points: rows that drive channels, and rows that are landmarks; with landmarks, channels add to them.
        surface: the face on a mesh, which then gives all landmarks.
        head, eyes, gaze: matrices to read, or None; eyes are left and right.
    """

    channels: Sequence[MappedRow]
    points: Sequence[MappedRow]
    surface: Surface | None
    head: RigInput | None
    eyes: tuple[RigInput | None, RigInput | None]
    gaze: RigInput | None
    anatomy: Anatomy
    holder_moves: bool  # the object that holds the face is animated
    turn: bool  # the portrait follows the head's rotation
    move: bool  # … and its translation
    neutral_frame: float | None
    in_scene: bool
    from_bind_pose: bool  # translation counts from the bind pose, not from the scene's first frame

    @property
    def by_points(self) -> bool:
        return self.surface is not None or bool(self.points)

    @property
    def matrices(self) -> list[RigInput]:
        """In this order: head, left eye, right eye, gaze target, the anatomy's holder; those that are there."""
        holder = RigInput("OBJECT", self.anatomy.holder, "", "MATRIX") if self.anatomy.holder else None
        return [item for item in (self.head, *self.eyes, self.gaze, holder) if item is not None]

    def inputs(self) -> RigInputs:
        """What is read in each frame."""
        points = [] if self.surface else [row.input for row in self.points]
        mesh_points = self.surface.mesh_points if self.surface else ()
        values = [row.input for row in self.channels]
        return RigInputs(values=values, points=points, mesh_points=mesh_points, matrices=self.matrices)


def make_plan(tree: bpy.types.NodeTree) -> Plan:
    """Check the mapping and say what is to be read. Raises: RigError: names the row that cannot work."""
    rig = tree.gioconda.rig
    rows = [_checked(i, row, rig) for i, row in enumerate(rig.rows) if row.enabled]
    channels = [row for row in rows if row.channel is not None]
    points = [row for row in rows if row.landmark is not None]
    surface = None
    if chosen_kind(rig) == "MESH":
        if not rig.surface:
            raise RigError("The face on the mesh has not been found yet; press Auto-Map.")
        surface = Surface.from_json(rig.surface)
        points = []  # the surface gives them all
    elif points and len({row.landmark for row in points}) < 3:
        raise RigError(_too_few(points))
    if surface is None and not points and not channels:
        raise RigError("Nothing of the rig drives the portrait: press Auto-Map, or add rows to the mapping.")
    anatomy = _anatomy(rig)
    return Plan(
        channels,
        points,
        surface,
        _head(rig),
        _eyes(rig),
        _whole(rig.gaze_target),
        anatomy,
        holder_moves=_moves(anatomy),
        turn=rig.follow_turn,
        move=rig.follow_move,
        neutral_frame=float(rig.neutral_frame) if rig.neutral == "FRAME" else None,
        in_scene=rig.in_scene,
        from_bind_pose=rig.way_from_rest,
    )


def chosen_kind(rig: bpy.types.PropertyGroup) -> str:
    """What drives the portrait, one of `settings.KINDS`; AUTO only before the first auto-map."""
    if rig.kind != "AUTO":
        return rig.kind
    if rig.found:
        return rig.found
    return "FILE" if rig.file and rig.target is None and rig.collection is None else "AUTO"


def _too_few(points: Sequence[MappedRow]) -> str:
    """The sentence for too few landmarks to tell how the head moves."""
    rows = ", ".join(f"row {row.row + 1} “{row.input.source}”" for row in points[:4])
    return (
        f"The mapping has only {len({row.landmark for row in points})} landmarks ({rows}): add more, at least three "
        "that are not in a line are needed, or switch these rows off."
    )


def trouble(index: int, row: bpy.types.PropertyGroup, rig: bpy.types.PropertyGroup) -> str:
    """Why a row cannot work, one sentence; "" if it can."""
    label = f"Row {index + 1} of the mapping, “{row.source or '?'}”"
    holder = row.holder or rig.target
    if holder is None:
        return f"{label}: its object was deleted or never chosen; choose the rig again."
    if not holder.users_scene or (row.kind == "OBJECT" and row.holder is None and row.source != holder.name):
        return f"{label}: the object was deleted from the scene; remove the row or map again."
    if row.target not in ARKIT and landmark_of(row.target) is None:
        return f"{label}: “{row.target}” is neither an ARKit channel nor a landmark."
    if row.kind == "KEY":
        keys = getattr(holder.data, "shape_keys", None)
        if keys is None or row.source not in keys.key_blocks:
            return f"{label}: “{holder.name}” has no such shape key; was it renamed? Map again or correct the row."
    elif row.kind == "BONE":
        if holder.type != "ARMATURE" or row.source not in holder.pose.bones:
            return f"{label}: “{holder.name}” has no such bone; was it renamed? Map again or correct the row."
    elif row.kind == "VERTICES":
        if holder.type != "MESH":
            return f"{label}: “{holder.name}” is not a mesh."
        known = int(row.source) < len(holder.data.vertices) if row.source.isdigit() else False
        if not known and row.source not in holder.vertex_groups:
            return f"{label}: “{holder.name}” has no such vertex group; was it renamed? Map again or correct the row."
    elif row.kind == "PROPERTY":
        bone, slash, name = row.source.rpartition("/")
        owner = holder.pose.bones.get(bone) if slash and holder.pose else holder
        if owner is None or not isinstance(owner.get(name), (int, float)):
            return f"{label}: “{holder.name}” has no such custom property with a number in it."
    if row.target in ARKIT and row.kind in ("BONE", "OBJECT") and row.component in ("VALUE", "HEAD", "TAIL"):
        return f"{label}: for a channel choose one of the locations, rotations or scales as its part."
    if row.target not in ARKIT and row.kind in ("KEY", "PROPERTY"):
        return f"{label}: a single value cannot be a landmark; choose an ARKit channel as its target."
    return ""


def _checked(index: int, row: bpy.types.PropertyGroup, rig: bpy.types.PropertyGroup) -> MappedRow:
    row.trouble = trouble(index, row, rig)
    if row.trouble:
        raise RigError(row.trouble)
    part = "VALUE" if row.kind in ("KEY", "PROPERTY") else row.component
    item = RigInput(row.kind, ref_of(row.holder or rig.target), row.source, part)
    if row.target in ARKIT:
        return MappedRow(item, row.gain, row.offset, channel=row.target, row=index)
    return MappedRow(item, row.gain, row.offset, landmark=landmark_of(row.target), row=index)


def _anatomy(rig: bpy.types.PropertyGroup) -> Anatomy:
    """As auto-map found it, facing the way the artist says."""
    found = Anatomy.from_json(rig.anatomy) if rig.anatomy else None
    if found is None:
        head = rig.head_object or rig.target
        found = Anatomy(ref_of(head) if head else None, axes_of(np.array([0.0, -1.0, 0.0])), 0.1, np.zeros(3))
    if found.holder is not None and bpy.data.objects.get(found.holder) is None:
        raise RigError(f"The rig “{found.holder[0]}” was deleted or renamed; choose it again and press Auto-Map.")
    if rig.forward == "AUTO":
        return found
    axes = axes_of(np.array(LOOKS[rig.forward], np.float64))
    if found.holder:
        axes = axes @ unscaled(matrix(bpy.data.objects[found.holder].matrix_world))
    return Anatomy(found.holder, axes, found.unit, found.bridge)


def _moves(anatomy: Anatomy) -> bool:
    """Whether the object that holds the face may be animated, by itself or by a parent."""
    ob = bpy.data.objects.get(anatomy.holder) if anatomy.holder else None
    while ob is not None:
        if (
            ob.constraints
            or ob.parent_type == "BONE"
            or any(path.startswith(TRANSFORMS) for path in animated_paths(ob))
        ):
            return True
        ob = ob.parent
    return False


def animated_paths(ob: bpy.types.Object) -> list[str]:
    """The data paths of an object that its action, its NLA strips or its drivers move; bones' paths among them."""
    data = ob.animation_data
    if data is None:
        return []
    actions = [data.action] if data.action else []
    actions += [strip.action for track in data.nla_tracks for strip in track.strips if strip.action]
    paths = [curve.data_path for curve in data.drivers]
    for action in actions:
        if hasattr(action, "layers") and len(action.layers):  # Blender 4.4 and newer: a bag of curves for each slot
            bags = [bag for layer in action.layers for strip in layer.strips for bag in strip.channelbags]
            mine = data.action_slot if action == data.action else None
            paths += [c.data_path for bag in bags if mine is None or bag.slot == mine for c in bag.fcurves]
        elif hasattr(action, "fcurves"):
            paths += [curve.data_path for curve in action.fcurves]
    return paths


def _head(rig: bpy.types.PropertyGroup) -> RigInput | None:
    if rig.head_object is None:
        return None
    if rig.head_bone and rig.head_object.type == "ARMATURE":
        if rig.head_bone not in rig.head_object.pose.bones:
            raise RigError(f"“{rig.head_object.name}” has no head bone “{rig.head_bone}”; choose it again.")
        return RigInput("BONE", ref_of(rig.head_object), rig.head_bone, "MATRIX")
    return _whole(rig.head_object)


def _eyes(rig: bpy.types.PropertyGroup) -> tuple[RigInput | None, RigInput | None]:
    found = []
    for side in ("left", "right"):
        bone, ob = getattr(rig, f"eye_{side}"), getattr(rig, f"eye_{side}_object")
        armature = ob or (rig.head_object if rig.head_object and rig.head_object.type == "ARMATURE" else rig.target)
        if bone and armature is not None and armature.type == "ARMATURE":
            if bone not in armature.pose.bones:
                raise RigError(f"“{armature.name}” has no eye bone “{bone}”; choose it again.")
            found.append(RigInput("BONE", ref_of(armature), bone, "MATRIX"))
        else:
            found.append(_whole(ob))
    return (found[0], found[1])


def _whole(ob: bpy.types.Object | None) -> RigInput | None:
    return RigInput("OBJECT", ref_of(ob), "", "MATRIX") if ob else None
