"""Operators that work with the mouse over the portrait's picture, in the Image Editor."""

import bpy

from .. import session
from ..landmark_editor import overlay
from ..landmark_editor.overlay_shapes import Editing, View
from ..panels.drawing import interface_scale
from .reporting import LINKED, SaysWhyNot

REACH = 14  # interface pixels around a point in which the mouse picks it


class InImageEditor(SaysWhyNot):
    """`handle(context, event, at, reach_px)` gets every event over the picture.

    It returns "leave" or "done" to end, else whether the event was for it.
    """

    @classmethod
    def why_not(cls, context):
        tree = overlay.shown_portrait(context.space_data)
        if tree is None:
            return "Show the portrait's picture in an Image Editor first"
        if tree.library:
            return LINKED
        return "Points are being edited: press Enter over the picture to finish" if overlay.editing else ""

    def begin(self, context, editing: Editing) -> set[str]:
        """Take over the Image Editor; `editing` is what it shows on top."""
        tree = session.tree_of(editing.tree)
        self.uid, self.size = editing.tree, tuple(tree.gioconda.image.size)
        overlay.editing = editing
        context.window_manager.modal_handler_add(self)
        self.show(context)
        return {"RUNNING_MODAL"}

    def modal(self, context, event):
        tree = session.tree_of(self.uid)
        if tree is None or context.area is None or overlay.shown_portrait(context.space_data) != tree:
            return self.leave(context)
        view, at = _mouse(context, event, self.size)
        handled = self.handle(context, event, at, REACH * interface_scale(context) / max(view.scale[0], 1e-9))
        if handled in ("leave", "done"):
            return self.leave(context) if handled == "leave" else self.done(context)
        if not handled:
            return {"PASS_THROUGH"}
        self.show(context)
        return {"RUNNING_MODAL"}

    def cancel(self, _context):
        """Blender ends the operator itself: the file or the window is being closed."""
        overlay.editing = None

    def leave(self, context):
        overlay.editing = None
        context.workspace.status_text_set(None)
        overlay.redraw()
        return {"CANCELLED"}


def _mouse(context: bpy.types.Context, event: bpy.types.Event, size: tuple[int, int]) -> tuple[View, tuple | None]:
    """How the Image Editor shows the picture, and where the mouse is in it; None when it is over something else."""
    region = next(region for region in context.area.regions if region.type == "WINDOW")
    view = overlay.view_of(region, size)
    covered = any(
        other.type != "WINDOW" and other.width > 1 and _is_inside(other, event) for other in context.area.regions
    )
    if covered or not _is_inside(region, event):
        return view, None
    return view, view.to_picture(event.mouse_x - region.x, event.mouse_y - region.y)


def _is_inside(region: bpy.types.Region, event: bpy.types.Event) -> bool:
    x, y = event.mouse_x - region.x, event.mouse_y - region.y
    return 0 <= x < region.width and 0 <= y < region.height
