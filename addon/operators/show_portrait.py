"""Show the portrait's picture in the Image Editor."""

import bpy

from .. import session
from ..landmark_editor import overlay


class GIOCONDA_OT_show_portrait(bpy.types.Operator):
    """Show the portrait's picture in this Image Editor"""

    bl_idname = "gioconda.show_portrait"
    bl_label = "Show Portrait"
    bl_description = "Show the portrait's picture in this Image Editor, with its landmarks"

    @classmethod
    def poll(cls, context):
        if context.space_data is None or context.space_data.type != "IMAGE_EDITOR":
            cls.poll_message_set("This works in an Image Editor")
            return False
        tree = session.active_portrait(context)
        if tree is None or tree.gioconda.image is None:
            cls.poll_message_set("There is no portrait: add one in the compositor, and choose its picture")
            return False
        return True

    def execute(self, context):
        context.space_data.image = session.active_portrait(context).gioconda.image
        overlay.redraw()
        return {"FINISHED"}


CLASSES = (GIOCONDA_OT_show_portrait,)
