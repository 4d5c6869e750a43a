"""References: add and remove pictures of the person, and learn them."""

from pathlib import Path

import bpy
from bpy.props import CollectionProperty, IntProperty, StringProperty

from ...core.gioconda.errors import SettingsError
from .. import references, session
from .background import Background
from .reporting import AT_WORK, LINKED, NamesPortrait, NeedsPicture


class _Changes(NeedsPicture):
    """An operator that changes what a portrait learns from."""

    @classmethod
    def why_not(cls, context):
        reason = super().why_not(context)
        tree = session.active_portrait(context)
        if not reason and tree.library is not None:
            return LINKED
        return reason or (AT_WORK if session.task_of(tree) else "")


class GIOCONDA_OT_add_references(_Changes, bpy.types.Operator):
    bl_idname = "gioconda.add_references"
    bl_label = "Add References"
    bl_description = "Choose pictures of the person, or a clip, that the networks learn them from"
    bl_options = {"REGISTER", "UNDO"}

    directory: StringProperty(subtype="DIR_PATH", options={"HIDDEN"})
    files: CollectionProperty(type=bpy.types.OperatorFileListElement, options={"HIDDEN", "SKIP_SAVE"})
    filter_glob: StringProperty(
        default="*.jpg;*.jpeg;*.png;*.tif;*.tiff;*.exr;*.webp;*.mp4;*.mov;*.mkv;*.webm;*.avi", options={"HIDDEN"}
    )

    def invoke(self, context, _event):
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context):
        tree = session.active_portrait(context)
        there = {one.path for one in tree.gioconda.references}
        for file in self.files:
            path = str(Path(self.directory) / file.name)
            if bpy.data.filepath and bpy.context.preferences.filepaths.use_relative_paths:
                path = bpy.path.relpath(path)
            if file.name and path not in there:
                tree.gioconda.references.add().path = path
        return {"FINISHED"}


class GIOCONDA_OT_remove_reference(_Changes, bpy.types.Operator):
    bl_idname = "gioconda.remove_reference"
    bl_label = "Remove Reference"
    bl_description = "Take this picture out of the list; the file stays"
    bl_options = {"REGISTER", "UNDO"}

    index: IntProperty(options={"HIDDEN"})

    def execute(self, context):
        session.active_portrait(context).gioconda.references.remove(self.index)
        return {"FINISHED"}


class GIOCONDA_OT_learn_person(Background, NamesPortrait, _Changes, bpy.types.Operator):
    bl_idname = "gioconda.learn_person"
    bl_label = "Learn Person"
    bl_description = (
        "Let the networks learn the person from the references, about a minute; what they learned is kept beside the "
        ".blend. It needs a Python with PyTorch, see the preferences. Esc stops"
    )

    REPORTS = {"failed": "ERROR", "cancelled": "WARNING"}

    def start(self, context):
        tree = self.chosen(context)
        if session.task_of(tree) is not None:
            raise SettingsError(f"{AT_WORK}.")
        task = references.Learning(tree)
        session.start(task)
        return task


CLASSES = (GIOCONDA_OT_add_references, GIOCONDA_OT_remove_reference, GIOCONDA_OT_learn_person)
