"""Drag landmarks over the portrait in the Image Editor."""

import bpy

from ...core.gioconda.errors import GiocondaError
from .. import session
from ..landmark_editor import landmark_points as lp
from ..landmark_editor import overlay
from ..landmark_editor.overlay_shapes import Editing, View
from ..landmark_editor.point_editor import PointEditor
from ..panels.sentence import interface_scale

REACH = 14  # interface pixels around a point in which the mouse picks it
KEYS = (
    "Drag: move a point · Shift drag: a whole feature · G R S: move, turn, scale it · "
    "Wheel or + −: falloff {radius:.2f} · X: mirror {mirror} · Ctrl Z: undo · Esc: cancel the drag · Enter or Tab: done"
)
WIDER = {"WHEELUPMOUSE": 1, "NUMPAD_PLUS": 1, "PLUS": 1, "EQUAL": 1}
NARROWER = {"WHEELDOWNMOUSE": -1, "NUMPAD_MINUS": -1, "MINUS": -1}
ACTIONS = {"G": "move", "R": "turn", "S": "scale"}


def place_of(context: bpy.types.Context, event: bpy.types.Event, size: tuple[int, int]) -> tuple[View, tuple | None]:
    """How the Image Editor shows the picture, and where the mouse is in it; None when it is over something else."""
    region = next(region for region in context.area.regions if region.type == "WINDOW")
    view = overlay.view_of(region, size)
    covered = any(
        other.type != "WINDOW" and other.width > 1 and _inside(other, event.mouse_x, event.mouse_y)
        for other in context.area.regions
    )
    if covered or not _inside(region, event.mouse_x, event.mouse_y):
        return view, None
    return view, view.to_picture(event.mouse_x - region.x, event.mouse_y - region.y)


def _inside(region: bpy.types.Region, x: int, y: int) -> bool:
    return region.x <= x < region.x + region.width and region.y <= y < region.y + region.height


def reach_px(context: bpy.types.Context, view: View) -> float:
    """How near the mouse must come to a point, picture pixels."""
    return REACH * interface_scale(context) / max(view.scale[0], 1e-9)


class GIOCONDA_OT_edit_points(bpy.types.Operator):
    """Drag the landmarks where the face really is"""

    bl_idname = "gioconda.edit_points"
    bl_label = "Edit Points"
    bl_description = "Drag the landmarks where the face really is; neighbours follow"

    @classmethod
    def poll(cls, context):
        tree = overlay.shown_portrait(context.space_data)
        if tree is None:
            cls.poll_message_set("Show the portrait's picture in an Image Editor first")
            return False
        if tree.library or not tree.gioconda.landmarks:
            cls.poll_message_set(
                "This portrait is linked from another file" if tree.library else "Analyse the portrait first"
            )
            return False
        if overlay.editing is not None:
            cls.poll_message_set("Points are being edited: press Enter over the picture to finish")
            return False
        return True

    def invoke(self, context, event):
        tree = overlay.shown_portrait(context.space_data)
        try:
            points = lp.from_text(tree.gioconda.landmarks)
        except GiocondaError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if points is None or points.landmarks is None:
            return bpy.ops.gioconda.place_points("INVOKE_DEFAULT")
        show = tree.gioconda.overlay
        self.size = tuple(tree.gioconda.image.size)
        scale = self.size[0] / points.size[0]
        self.editor = PointEditor(points.landmarks * scale, show.radius, show.mirror)
        self.uid = tree.session_uid
        overlay.editing = Editing(self.uid, self.editor.landmarks)
        context.window_manager.modal_handler_add(self)
        self._show(context)
        return {"RUNNING_MODAL"}

    def execute(self, context):
        self.report({"ERROR"}, "Points are edited with the mouse in the Image Editor; there is none here.")
        return {"CANCELLED"}

    def modal(self, context, event):
        tree = session.tree_of(self.uid)
        if tree is None or context.area is None or overlay.shown_portrait(context.space_data) != tree:
            return self._leave(context)
        view, at = place_of(context, event, self.size)
        if at is None and not self.editor.action:
            return {"PASS_THROUGH"}
        handled = self._mouse(context, event, view, at) or self._key(context, event, view, at)
        if handled == "leave":
            return self._leave(context)
        if handled:
            self._show(context)
            return {"RUNNING_MODAL"}
        return {"PASS_THROUGH"}

    def cancel(self, context):
        """Blender ends the operator itself: the file or the window is being closed."""
        overlay.editing = None

    def _mouse(self, context, event, view, at):
        editor = self.editor
        if event.type == "MOUSEMOVE":
            if editor.action and at is not None:
                editor.move(at)
                return True
            return at is not None and editor.hover(at, reach_px(context, view), whole=event.shift)
        if event.type == "LEFTMOUSE":
            if event.value == "PRESS" and not editor.action:
                editor.hover(at, reach_px(context, view), whole=event.shift)
                return editor.begin(at)
            if editor.action:
                self._commit(context, editor.release(), "Move Landmarks")
                return True
        return event.type in {"RIGHTMOUSE", "ESC"} and event.value == "PRESS" and editor.cancel()

    def _key(self, context, event, view, at):
        editor = self.editor
        if event.type in {"LEFT_SHIFT", "RIGHT_SHIFT"} and at is not None and not editor.action:
            return editor.hover(at, reach_px(context, view), whole=event.value == "PRESS")
        if event.value != "PRESS":
            return False
        clicks = (WIDER | NARROWER).get(event.type, 0)
        if clicks and (editor.action or not event.type.startswith("WHEEL")):
            editor.widen(clicks)
        elif event.type == "Z" and (event.ctrl or event.oskey):
            self._commit(context, editor.redo() if event.shift else editor.undo(), "Undo Landmarks")
        elif event.type in ACTIONS and not (event.ctrl or event.alt) and at is not None:
            editor.begin(at, ACTIONS[event.type])
        elif event.type == "X" and not (event.ctrl or event.alt):
            editor.set_mirror(not editor.mirror)
        elif event.type in {"RET", "NUMPAD_ENTER", "TAB", "ESC"} and not editor.action:
            return "leave"
        else:
            return False
        return True

    def _commit(self, context, changed, message):
        """A change becomes part of the file, as one step of undo."""
        if not changed:
            return
        settings = session.tree_of(self.uid).gioconda
        settings.landmarks = lp.to_text(lp.Points(self.size, self.editor.landmarks))
        settings.hand_placed = True
        bpy.ops.ed.undo_push(message=message)

    def _show(self, context):
        editor = self.editor
        overlay.editing.landmarks, overlay.editing.hovered = editor.landmarks, editor.hovered
        mirror = "on" if editor.mirror else "off"
        context.workspace.status_text_set(KEYS.format(radius=editor.radius, mirror=mirror))
        context.area.tag_redraw()

    def _leave(self, context):
        self.editor.cancel()
        overlay.editing = None
        if (tree := session.tree_of(self.uid)) is not None and not tree.library:
            tree.gioconda.overlay.radius, tree.gioconda.overlay.mirror = self.editor.radius, self.editor.mirror
        context.workspace.status_text_set(None)
        overlay.redraw()
        return {"FINISHED"}


class GIOCONDA_OT_reset_points(bpy.types.Operator):
    """Take the landmarks as they were found"""

    bl_idname = "gioconda.reset_points"
    bl_label = "Reset to Detected"
    bl_description = "Forget what was moved by hand: take the landmarks as Analyse found them"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        tree = overlay.shown_portrait(context.space_data)
        if tree is None or not tree.gioconda.detected:
            cls.poll_message_set("Nothing was detected yet: analyse the portrait first")
            return False
        if not tree.gioconda.hand_placed or tree.library:
            cls.poll_message_set("The landmarks are as they were detected")
            return False
        return True

    def execute(self, context):
        settings = overlay.shown_portrait(context.space_data).gioconda
        settings.landmarks = settings.detected
        settings.hand_placed = False
        overlay.redraw()
        return {"FINISHED"}


CLASSES = (GIOCONDA_OT_edit_points, GIOCONDA_OT_reset_points)
