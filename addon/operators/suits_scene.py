"""Make the scene suit the portrait: its size, and a view that leaves the photo's colours as they are."""

import bpy

from .. import session
from .reporting import NeedsPicture

PLAIN_VIEWS = {"Standard", "Raw", "Un-tone-mapped", "False Color"}  # the last is a tool: whoever chose it knows


def changes_colours(view: bpy.types.ColorManagedViewSettings) -> bool:
    """Whether the scene's view shows a photo in other colours than its file has. Rendered EXR files are not touched."""
    return view.view_transform not in PLAIN_VIEWS


def wanted_size(scene: bpy.types.Scene, tree: bpy.types.NodeTree) -> tuple[int, int] | None:
    """The portrait's size in pixels where the scene has another; None where they agree or it is unknown."""
    image, render = tree.gioconda.image, scene.render
    if image is None or not all(image.size):
        return None
    size = (image.size[0], image.size[1])
    return None if size == (render.resolution_x, render.resolution_y) else size


class GIOCONDA_OT_use_standard_view(bpy.types.Operator):
    bl_idname = "gioconda.use_standard_view"
    bl_label = "Use Standard View"
    bl_description = (
        "Show colours as the photo's file has them: the scene's view transform becomes Standard. "
        "A 3D render in the same scene is then shown by Standard, too"
    )
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context):
        view = context.scene.view_settings
        view.view_transform, view.look = "Standard", "None"
        return {"FINISHED"}


class GIOCONDA_OT_use_portrait_size(NeedsPicture, bpy.types.Operator):
    bl_idname = "gioconda.use_portrait_size"
    bl_label = "Use the Portrait's Size"
    bl_description = "Give the scene's resolution the portrait's width and height at 100 %, with square pixels"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context):
        size, render = wanted_size(context.scene, session.active_portrait(context)), context.scene.render
        if size is not None:
            render.resolution_x, render.resolution_y = size
            render.resolution_percentage = 100
            render.pixel_aspect_x = render.pixel_aspect_y = 1.0
        return {"FINISHED"}


CLASSES = (GIOCONDA_OT_use_standard_view, GIOCONDA_OT_use_portrait_size)
