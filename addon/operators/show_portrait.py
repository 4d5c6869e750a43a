"""Show the portrait's picture in the Image Editor."""

import bpy

from .. import session
from ..landmark_editor import overlay
from .reporting import NeedsPicture


class GIOCONDA_OT_show_portrait(NeedsPicture, bpy.types.Operator):
    bl_idname = "gioconda.show_portrait"
    bl_label = "Show Portrait"
    bl_description = "Show the portrait's picture in this Image Editor, with its landmarks"

    @classmethod
    def why_not(cls, context):
        if context.space_data is None or context.space_data.type != "IMAGE_EDITOR":
            return "This works in an Image Editor"
        return super().why_not(context)

    def execute(self, context):
        context.space_data.image = session.active_portrait(context).gioconda.image
        overlay.redraw()
        return {"FINISHED"}


CLASSES = (GIOCONDA_OT_show_portrait,)
