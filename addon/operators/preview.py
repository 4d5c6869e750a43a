"""Show the preview in an Image Editor: the open one, or a window of its own."""

import bpy

from .. import preview, session
from ..panels.drawing import areas
from .reporting import NeedsOwnPicture


class GIOCONDA_OT_show_preview(NeedsOwnPicture, bpy.types.Operator):
    bl_idname = "gioconda.show_preview"
    bl_label = "Show Preview"
    bl_description = "Switch the live preview on and show it in an Image Editor, in a new window if none is open"

    def execute(self, context):
        tree = session.active_portrait(context)
        editors = [area.spaces.active for area in areas("IMAGE_EDITOR")]
        if not editors and not bpy.app.background:
            bpy.ops.wm.window_new()
            area = context.window_manager.windows[-1].screen.areas[0]
            area.ui_type = "IMAGE_EDITOR"
            editors = [area.spaces.active]
        if editors:
            editors[0].image = preview.image_of(tree) or tree.gioconda.image
        if not tree.gioconda.live:  # setting it again would ask for the picture again
            tree.gioconda.live = True
        return {"FINISHED"}


CLASSES = (GIOCONDA_OT_show_preview,)
