"""Bind a rig to the portrait: auto-map, edit the mapping, test it, keep it in a file."""

from pathlib import Path
from typing import Any

import bpy
from bpy.props import EnumProperty, StringProperty
from bpy_extras.io_utils import ExportHelper, ImportHelper

from ...core.gioconda.errors import GiocondaError
from .. import session
from ..rig.check import mapping_test
from ..rig.map import automap, mapping_file
from ..rig.steps import RigTask, Steps, finish
from .reporting import failed, portrait


class _Stepped:
    """An operator whose work comes in steps: in the window beside everything else, in background at once."""

    def _steps(self, tree: Any, scene: Any) -> Steps[str]:
        raise NotImplementedError

    def invoke(self, context, _event):
        if bpy.app.background:
            return self.execute(context)
        tree = session.active_portrait(context)
        self.task = RigTask(tree, self._steps(tree, context.scene))
        session.start(self.task, first=True)
        self._timer = context.window_manager.event_timer_add(0.1, window=context.window)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context):
        tree = session.active_portrait(context)
        try:
            text = finish(self._steps(tree, context.scene))
        except GiocondaError as error:
            return failed(self, tree, error)
        session.forget_error(tree)
        session.tell(tree, text)
        self.report({"INFO"}, text)
        return {"FINISHED"}

    def modal(self, context, event):
        if event.type == "ESC" and event.value == "PRESS":
            self.task.cancel()
        if not self.task.outcome:
            return {"PASS_THROUGH"}
        context.window_manager.event_timer_remove(self._timer)
        if self.task.text:
            self.report({"ERROR" if self.task.outcome == "failed" else "INFO"}, self.task.text)
        return {"FINISHED"} if self.task.outcome == "done" else {"CANCELLED"}

    def cancel(self, _context):
        """Blender ends the operator itself: the file or the window is being closed."""
        self.task.cancel()


def _is_busy(cls: Any, tree: Any) -> bool:
    """Whether something is being done for a portrait; says so."""
    if session.task_of(tree) is None:
        return False
    cls.poll_message_set("Gioconda is at work on this portrait: wait, or cancel it")
    return True


class GIOCONDA_OT_map_rig(_Stepped, bpy.types.Operator):
    bl_idname = "gioconda.map_rig"
    bl_label = "Auto-Map"
    bl_description = "Look at the rig, choose how to read it and fill the mapping; tells what it saw. Esc cancels"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        tree = portrait(cls, context)
        if tree is None or _is_busy(cls, tree):
            return False
        rig = tree.gioconda.rig
        if rig.target is None and rig.collection is None and not rig.file:
            cls.poll_message_set("Choose a rig first: an armature, a mesh or a collection of empties")
            return False
        return True

    def _steps(self, tree, scene):
        return automap.auto_map_steps(tree, scene)


class GIOCONDA_OT_test_mapping(_Stepped, bpy.types.Operator):
    bl_idname = "gioconda.test_mapping"
    bl_label = "Test Mapping"
    bl_description = (
        "Play the scene's frame range unseen and pull at a copy of the rig, to show which rows move the face and how "
        "far. Nothing of the rig is changed. Esc cancels"
    )

    @classmethod
    def poll(cls, context):
        tree = portrait(cls, context)
        return tree is not None and not _is_busy(cls, tree)

    def _steps(self, tree, scene):
        return mapping_test.test_steps(tree, scene)


class GIOCONDA_OT_edit_mapping(bpy.types.Operator):
    bl_idname = "gioconda.edit_mapping"
    bl_label = "Edit Mapping"
    bl_description = "Change the rows of the mapping"
    bl_options = {"REGISTER", "UNDO"}

    action: EnumProperty(
        items=(
            ("ADD", "Add Row", "Add a row to the mapping"),
            ("REMOVE", "Remove Row", "Remove the row that is selected"),
            ("CLEAR", "Clear", "Remove all rows and forget what auto-map found"),
        ),
        options={"HIDDEN"},
    )

    @classmethod
    def poll(cls, context):
        return portrait(cls, context) is not None

    @classmethod
    def description(cls, _context, properties):
        return {
            "ADD": "Add a row to the mapping",
            "REMOVE": "Remove the row that is selected",
            "CLEAR": "Remove all rows and forget what auto-map found",
        }[properties.action]

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


class GIOCONDA_OT_save_mapping(bpy.types.Operator, ExportHelper):
    bl_idname = "gioconda.save_mapping"
    bl_label = "Save Mapping"
    bl_description = "Write the mapping to a YAML file, to use it again or to read it"

    filename_ext = ".yaml"
    filter_glob: StringProperty(default="*.yaml;*.yml", options={"HIDDEN"})

    @classmethod
    def poll(cls, context):
        tree = portrait(cls, context)
        if tree is not None and not len(tree.gioconda.rig.rows):
            cls.poll_message_set("The mapping has no rows yet")
            return False
        return tree is not None

    def execute(self, context):
        tree = session.active_portrait(context)
        try:
            mapping_file.save(tree.gioconda.rig, Path(bpy.path.abspath(self.filepath)))
        except GiocondaError as error:
            return failed(self, tree, error)
        return {"FINISHED"}


class GIOCONDA_OT_load_mapping(bpy.types.Operator, ImportHelper):
    bl_idname = "gioconda.load_mapping"
    bl_label = "Load Mapping"
    bl_description = "Replace the mapping with one from a YAML file"
    bl_options = {"REGISTER", "UNDO"}

    filter_glob: StringProperty(default="*.yaml;*.yml", options={"HIDDEN"})

    @classmethod
    def poll(cls, context):
        return portrait(cls, context) is not None

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
