"""Bind a rig to the portrait: auto-map, edit the mapping, test it, keep it in a file."""

from pathlib import Path

import bpy
from bpy.props import EnumProperty, StringProperty
from bpy_extras.io_utils import ExportHelper, ImportHelper

from ...core.gioconda.errors import GiocondaError
from .. import session
from ..rig.check import mapping_test
from ..rig.map import mapping_file
from ..rig.steps import StepsTask
from .background import Background
from .reporting import AT_WORK, SaysWhyNot, failed

ACTIONS = (
    ("ADD", "Add Row", "Add a row to the mapping"),
    ("REMOVE", "Remove Row", "Remove the row that is selected"),
    ("CLEAR", "Clear", "Remove all rows and forget what auto-map found"),
)


class _OnRig(Background, SaysWhyNot):
    """An operator that does `steps` on a portrait's rig, a function of `rig.map` or `rig.check`."""

    @classmethod
    def why_not(cls, context):
        return SaysWhyNot.why_not(context) or (AT_WORK if session.task_of(session.active_portrait(context)) else "")

    def chosen(self, context):
        return session.active_portrait(context)

    def start(self, context):
        tree = self.chosen(context)
        task = StepsTask(tree, self.steps(tree, context.scene))
        session.start(task, first=True)
        return task

    def cancel(self, _context):
        """Blender ends the operator itself: the file or the window is being closed."""
        self.work.cancel()


class GIOCONDA_OT_map_rig(_OnRig, bpy.types.Operator):
    bl_idname = "gioconda.map_rig"
    bl_label = "Auto-Map"
    bl_description = (
        "Look at the rig, choose how to read it, fill the mapping and test it once; tells what it saw. Esc cancels"
    )
    bl_options = {"REGISTER", "UNDO"}

    steps = staticmethod(mapping_test.map_and_test_steps)

    @classmethod
    def why_not(cls, context):
        if reason := _OnRig.why_not(context):
            return reason
        rig = session.active_portrait(context).gioconda.rig
        if rig.target or rig.collection or rig.file:
            return ""
        return "Choose a rig first: an armature, a mesh or a collection of empties"


class GIOCONDA_OT_test_mapping(_OnRig, bpy.types.Operator):
    bl_idname = "gioconda.test_mapping"
    bl_label = "Test Mapping"
    bl_description = (
        "Play the scene's frame range unseen and pull at a copy of the rig, to show which rows move the face and how "
        "far. Nothing of the rig is changed. Esc cancels"
    )
    steps = staticmethod(mapping_test.test_steps)


class GIOCONDA_OT_edit_mapping(SaysWhyNot, bpy.types.Operator):
    bl_idname = "gioconda.edit_mapping"
    bl_label = "Edit Mapping"
    bl_description = "Change the rows of the mapping"
    bl_options = {"REGISTER", "UNDO"}

    action: EnumProperty(items=ACTIONS, options={"HIDDEN"})

    @classmethod
    def description(cls, _context, properties):
        return next(text for action, _, text in ACTIONS if action == properties.action)

    def execute(self, context):
        rig = session.active_portrait(context).gioconda.rig
        if self.action == "ADD":
            like = rig.rows[rig.active_row].kind if rig.active_row < len(rig.rows) else "BONE"
            row = rig.rows.add()
            row.kind = like
            row.component = "VALUE" if like in ("KEY", "PROPERTY") else "HEAD"
            rig.active_row = len(rig.rows) - 1
        elif self.action == "REMOVE" and rig.active_row < len(rig.rows):
            rig.rows.remove(rig.active_row)
            rig.active_row = max(0, min(rig.active_row, len(rig.rows) - 1))
        elif self.action == "CLEAR":
            rig.rows.clear()
            rig.found = rig.preset = rig.report = rig.surface = rig.anatomy = ""
        return {"FINISHED"}


class GIOCONDA_OT_save_mapping(SaysWhyNot, bpy.types.Operator, ExportHelper):
    bl_idname = "gioconda.save_mapping"
    bl_label = "Save Mapping"
    bl_description = "Write the mapping to a YAML file, to use it again or to read it"

    filename_ext = ".yaml"
    filter_glob: StringProperty(default="*.yaml;*.yml", options={"HIDDEN"})

    @classmethod
    def why_not(cls, context):
        if reason := SaysWhyNot.why_not(context):
            return reason
        return "" if len(session.active_portrait(context).gioconda.rig.rows) else "The mapping has no rows yet"

    def execute(self, context):
        tree = session.active_portrait(context)
        try:
            mapping_file.save(tree.gioconda.rig, Path(bpy.path.abspath(self.filepath)))
        except GiocondaError as error:
            return failed(self, tree, error)
        return {"FINISHED"}


class GIOCONDA_OT_load_mapping(SaysWhyNot, bpy.types.Operator, ImportHelper):
    bl_idname = "gioconda.load_mapping"
    bl_label = "Load Mapping"
    bl_description = "Replace the mapping with one from a YAML file"
    bl_options = {"REGISTER", "UNDO"}

    filter_glob: StringProperty(default="*.yaml;*.yml", options={"HIDDEN"})

    def execute(self, context):
        tree = session.active_portrait(context)
        try:
            count = mapping_file.load(tree.gioconda.rig, Path(bpy.path.abspath(self.filepath)))
        except GiocondaError as error:
            return failed(self, tree, error)
        self.report({"INFO"}, f"{count} rows loaded.")
        return {"FINISHED"}


CLASSES = (
    GIOCONDA_OT_map_rig,
    GIOCONDA_OT_test_mapping,
    GIOCONDA_OT_edit_mapping,
    GIOCONDA_OT_save_mapping,
    GIOCONDA_OT_load_mapping,
)
