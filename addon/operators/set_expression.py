"""Key all expression sliders, or set them back to 0."""

import bpy

from .. import session
from ..expression import SLIDERS
from .reporting import LINKED, NO_PORTRAIT, SaysWhyNot


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


CLASSES = (GIOCONDA_OT_key_expression, GIOCONDA_OT_reset_expression)
