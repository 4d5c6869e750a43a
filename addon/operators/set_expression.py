"""Key all expression sliders, set them back to 0, or to the face of a picture."""

from pathlib import Path

import bpy
from bpy.props import StringProperty

from ...core.gioconda.errors import InputError
from .. import session
from ..expression import SLIDERS
from ..pictured_pose import PicturedPose
from .background import Background
from .reporting import LINKED, NO_PORTRAIT, NamesPortrait, SaysWhyNot


class _ForSliders(SaysWhyNot):
    """An operator for a portrait whose sliders can be changed."""

    @classmethod
    def why_not(cls, context):
        tree = session.active_portrait(context)
        if tree is None:
            return NO_PORTRAIT
        return LINKED if tree.library is not None else ""


class GIOCONDA_OT_key_expression(_ForSliders, bpy.types.Operator):
    bl_idname = "gioconda.key_expression"
    bl_label = "Key All"
    bl_description = "Insert a keyframe for every expression slider at the current frame"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context):
        tree = session.active_portrait(context)
        for name in SLIDERS:
            tree.keyframe_insert(f"gioconda.expression.{name}", frame=context.scene.frame_current)
        return {"FINISHED"}


class GIOCONDA_OT_reset_expression(_ForSliders, bpy.types.Operator):
    bl_idname = "gioconda.reset_expression"
    bl_label = "Reset"
    bl_description = "Set every expression slider to 0; keyframes stay"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context):
        settings = session.active_portrait(context).gioconda.expression
        for name in SLIDERS:
            settings.property_unset(name)
        return {"FINISHED"}


class GIOCONDA_OT_pose_from_picture(Background, NamesPortrait, _ForSliders, bpy.types.Operator):
    bl_idname = "gioconda.pose_from_picture"
    bl_label = "From Picture"
    bl_description = (
        "Set the sliders to the face of any picture: its expression and the turn of its head, as it differs from the "
        "portrait's own. Keyframes stay"
    )
    bl_options = {"REGISTER", "UNDO"}

    REPORTS = {"failed": "ERROR", "cancelled": "WARNING"}

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.jpg;*.jpeg;*.png;*.tif;*.tiff;*.exr;*.webp", options={"HIDDEN"})

    def invoke(self, context, event):
        if not self.filepath:
            context.window_manager.fileselect_add(self)
            return {"RUNNING_MODAL"}
        return super().invoke(context, event)

    def execute(self, context):
        if bpy.app.background:
            return super().execute(context)
        return {"FINISHED"} if self._begin(context) else {"CANCELLED"}  # the panel tells how it ends

    def start(self, context):
        path = bpy.path.abspath(self.filepath)
        if not Path(path).is_file():
            raise InputError(f"There is no picture {path}.")
        return PicturedPose(self.chosen(context), path)


CLASSES = (GIOCONDA_OT_key_expression, GIOCONDA_OT_reset_expression, GIOCONDA_OT_pose_from_picture)
