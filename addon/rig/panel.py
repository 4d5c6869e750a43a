"""Draws the rig's controls. No logic."""

import bpy

from ...core.gioconda.landmarks import ARKIT
from ...core.gioconda.motion.files import is_sound
from ..panels.drawing import draw_sentence, property_column
from .bake import has_rig
from .check.mapping_test import STILL

HINTS = {
    "AUTO": "Choose the armature or mesh that acts. Driven By offers empties and motion files, too.",
    "KEYS": "Choose the mesh that has the shape keys.",
    "BONES": "Choose the armature.",
    "OBJECTS": "Choose the collection that holds the empties, or one empty that is their parent.",
    "VERTICES": "Choose the mesh that has the vertex groups.",
    "MESH": "Choose the mesh of the face.",
}


class GIOCONDA_UL_mapping(bpy.types.UIList):
    """The mapping's rows: on or off, source, target, and whether it responded."""

    bl_idname = "GIOCONDA_UL_mapping"

    def draw_item(self, _context, layout, _data, item, _icon, _active, _property, _index=0, _flags=0):
        row = layout.row(align=True)
        row.prop(item, "enabled", text="")
        names = row.row(align=True)
        names.active = item.enabled
        icon = item.bl_rna.properties["kind"].enum_items[item.kind].icon
        if item.source == item.target:  # one name has room to be read
            names.label(text=item.source or "…", icon=icon)
        else:
            split = names.split(factor=0.5, align=True)
            split.label(text=item.source or "…", icon=icon)
            split.label(text=item.target or "…")
        side = row.row(align=True)
        if item.trouble:
            side.label(text="", icon="ERROR")
        elif item.response >= 0:
            side.label(text="", icon="CHECKMARK" if item.response > STILL else "DOT")


def draw_rig(layout: bpy.types.UILayout, context: bpy.types.Context, tree: bpy.types.NodeTree) -> None:
    """What drives the portrait, inside a panel of the node editor or the 3D view."""
    rig = tree.gioconda.rig
    column = property_column(layout)
    column.prop(rig, "kind")
    if rig.kind == "FILE":
        column.prop(rig, "file")
        column.prop(rig, "file_start")
        if is_sound(rig.file):
            column.prop(rig, "text")
            column.prop(rig, "language")
        layout.operator("gioconda.use_sound_strip", icon="SOUND")
        return
    column.prop(rig, "target")
    if rig.kind == "OBJECTS" or (rig.kind == "AUTO" and rig.collection is not None):
        column.prop(rig, "collection")
    if not has_rig(tree):
        draw_sentence(layout, context, HINTS[rig.kind])
        layout.operator("gioconda.create_landmark_rig", icon="ARMATURE_DATA")
        return
    button = layout.row()
    button.scale_y = 1.5
    button.operator("gioconda.map_rig", icon="VIEWZOOM")
    if rig.report:
        draw_sentence(layout.box(), context, rig.report)


def draw_head(layout: bpy.types.UILayout, _context: bpy.types.Context, tree: bpy.types.NodeTree) -> None:
    """Which parts of the rig are the head and the eyes, and what the head's movement is counted from."""
    rig = tree.gioconda.rig
    column = property_column(layout)
    column.prop(rig, "head_object")
    head = rig.head_object
    if head is not None and head.type == "ARMATURE":
        column.prop_search(rig, "head_bone", head.data, "bones")
        column.prop_search(rig, "eye_left", head.data, "bones")
        column.prop_search(rig, "eye_right", head.data, "bones")
    else:
        column.prop(rig, "eye_left_object")
        column.prop(rig, "eye_right_object")
    column.prop(rig, "gaze_target")
    row = column.row(heading="Head Follows", align=True)
    row.prop(rig, "follow_turn", toggle=True)
    row.prop(rig, "follow_move", toggle=True)
    column.prop(rig, "forward")
    column.prop(rig, "neutral")
    if rig.neutral == "FRAME":
        column.prop(rig, "neutral_frame")
    column.prop(rig, "way_from_rest")
    column.prop(rig, "in_scene")


def draw_mapping(layout: bpy.types.UILayout, context: bpy.types.Context, tree: bpy.types.NodeTree) -> None:
    """The table: what of the rig drives what of the face."""
    rig = tree.gioconda.rig
    if (rig.found if rig.kind == "AUTO" else rig.kind) == "MESH" and not rig.rows:
        draw_sentence(layout, context, "The face follows the mesh's surface; rows added here count on top.")
    layout.operator("gioconda.test_mapping", icon="PLAY")
    row = layout.row()
    row.template_list("GIOCONDA_UL_mapping", "", rig, "rows", rig, "active_row", rows=5)
    side = row.column(align=True)
    side.operator("gioconda.edit_mapping", text="", icon="ADD").action = "ADD"
    side.operator("gioconda.edit_mapping", text="", icon="REMOVE").action = "REMOVE"
    side.separator()
    side.operator("gioconda.load_mapping", text="", icon="FILEBROWSER")
    side.operator("gioconda.save_mapping", text="", icon="FILE_TICK")
    side.separator()
    side.operator("gioconda.edit_mapping", text="", icon="TRASH").action = "CLEAR"
    if rig.active_row < len(rig.rows):
        _draw_row(layout, context, rig, rig.rows[rig.active_row])


def _draw_row(
    layout: bpy.types.UILayout, context: bpy.types.Context, rig: bpy.types.PropertyGroup, row: bpy.types.PropertyGroup
) -> None:
    column = property_column(layout)
    column.prop(row, "kind")
    column.prop(row, "holder")
    holder = row.holder or rig.target
    if row.kind == "BONE" and holder is not None and holder.type == "ARMATURE":
        column.prop_search(row, "source", holder.data, "bones")
    elif row.kind == "KEY" and holder is not None and getattr(holder.data, "shape_keys", None):
        column.prop_search(row, "source", holder.data.shape_keys, "key_blocks")
    elif row.kind == "VERTICES" and holder is not None and holder.type == "MESH":
        column.prop_search(row, "source", holder, "vertex_groups")
    elif row.kind != "OBJECT":
        column.prop(row, "source")
    if row.kind in ("BONE", "OBJECT"):
        column.prop(row, "component")
    column.prop(row, "target")
    column.prop(row, "gain")
    if row.target in ARKIT:
        column.prop(row, "offset")
    if row.answer:
        draw_sentence(column, context, row.answer)
    if row.trouble:
        draw_sentence(column, context, row.trouble, icon="ERROR")


CLASSES = (GIOCONDA_UL_mapping,)
