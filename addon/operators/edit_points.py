"""Drag landmarks over the portrait in the Image Editor."""

import bpy

from ...core.gioconda.errors import GiocondaError
from .. import session
from ..landmark_editor import landmark_points as lp
from ..landmark_editor import overlay
from ..landmark_editor.overlay_shapes import Editing
from ..landmark_editor.point_editor import PointEditor
from .in_image_editor import InImageEditor
from .reporting import SaysWhyNot

KEYS = (
    "Drag: move a point · Shift drag: a whole feature · G R S: move, turn, scale it · "
    "Wheel or + −: falloff {radius:.2f} · X: mirror {mirror} · Ctrl Z: undo · Esc: cancel the drag · Enter or Tab: done"
)
WIDER = dict.fromkeys(("WHEELUPMOUSE", "NUMPAD_PLUS", "PLUS", "EQUAL"), 1)
NARROWER = dict.fromkeys(("WHEELDOWNMOUSE", "NUMPAD_MINUS", "MINUS"), -1)
ACTIONS = {"G": "move", "R": "turn", "S": "scale"}


class GIOCONDA_OT_edit_points(InImageEditor, bpy.types.Operator):
    bl_idname = "gioconda.edit_points"
    bl_label = "Edit Points"
    bl_description = "Drag the landmarks where the face really is; neighbours follow"

    @classmethod
    def why_not(cls, context):
        tree = overlay.shown_portrait(context.space_data)
        if tree and not tree.library and not tree.gioconda.landmarks:
            return "Analyse the portrait first"
        return InImageEditor.why_not(context)

    def invoke(self, context, event):
        tree = overlay.shown_portrait(context.space_data)
        try:
            points = lp.from_text(tree.gioconda.landmarks)
        except GiocondaError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if points is None or points.landmarks is None:
            return bpy.ops.gioconda.place_points("INVOKE_DEFAULT")
        shown = tree.gioconda.overlay
        scale = tree.gioconda.image.size[0] / points.size[0]
        self.editor = PointEditor(points.landmarks * scale, shown.radius, shown.mirror)
        return self.begin(context, Editing(tree.session_uid, self.editor.landmarks))

    def execute(self, context):
        self.report({"ERROR"}, "Points are edited with the mouse in the Image Editor; there is none here.")
        return {"CANCELLED"}

    def handle(self, context, event, at, reach_px):
        if at is None and not self.editor.action:
            return False
        return self._mouse(event, at, reach_px) or self._key(event, at, reach_px)

    def _mouse(self, event, at, reach_px):
        editor = self.editor
        if event.type == "MOUSEMOVE":
            if editor.action and at is not None:
                editor.move(at)
                return True
            return at is not None and editor.hover(at, reach_px, whole=event.shift)
        if event.type == "LEFTMOUSE":
            if event.value == "PRESS" and not editor.action:
                editor.hover(at, reach_px, whole=event.shift)
                return editor.begin(at)
            if editor.action:
                self._commit(editor.release(), "Move Landmarks")
                return True
        return event.type in {"RIGHTMOUSE", "ESC"} and event.value == "PRESS" and editor.cancel()

    def _key(self, event, at, reach_px):
        editor = self.editor
        if event.type in {"LEFT_SHIFT", "RIGHT_SHIFT"} and at is not None and not editor.action:
            return editor.hover(at, reach_px, whole=event.value == "PRESS")
        if event.value != "PRESS":
            return False
        clicks = (WIDER | NARROWER).get(event.type, 0)
        if clicks and (editor.action or not event.type.startswith("WHEEL")):
            editor.widen(clicks)
        elif event.type == "Z" and (event.ctrl or event.oskey):
            self._commit(editor.redo() if event.shift else editor.undo(), "Undo Landmarks")
        elif event.type in ACTIONS and not (event.ctrl or event.alt) and at is not None:
            editor.begin(at, ACTIONS[event.type])
        elif event.type == "X" and not (event.ctrl or event.alt):
            editor.set_mirror(not editor.mirror)
        elif event.type in {"RET", "NUMPAD_ENTER", "TAB", "ESC"} and not editor.action:
            return "leave"
        else:
            return False
        return True

    def _commit(self, changed, message):
        """A change becomes part of the file, as one step of undo."""
        if not changed:
            return
        settings = session.tree_of(self.uid).gioconda
        settings.landmarks = lp.to_text(lp.Points(self.size, self.editor.landmarks))
        settings.hand_placed = True
        bpy.ops.ed.undo_push(message=message)

    def show(self, context):
        editor = self.editor
        overlay.editing.landmarks, overlay.editing.hovered = editor.landmarks, editor.hovered
        mirror = "on" if editor.mirror else "off"
        context.workspace.status_text_set(KEYS.format(radius=editor.radius, mirror=mirror))
        context.area.tag_redraw()

    def leave(self, context):
        self.editor.cancel()
        if (tree := session.tree_of(self.uid)) is not None and not tree.library:
            tree.gioconda.overlay.radius, tree.gioconda.overlay.mirror = self.editor.radius, self.editor.mirror
        InImageEditor.leave(self, context)
        return {"FINISHED"}


class GIOCONDA_OT_reset_points(SaysWhyNot, bpy.types.Operator):
    bl_idname = "gioconda.reset_points"
    bl_label = "Reset to Detected"
    bl_description = "Forget what was moved by hand: take the landmarks as Analyse found them"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def why_not(cls, context):
        tree = overlay.shown_portrait(context.space_data)
        if tree is None or not tree.gioconda.detected:
            return "Nothing was detected yet: analyse the portrait first"
        if not tree.gioconda.hand_placed or tree.library:
            return "The landmarks are as they were detected"
        return ""

    def execute(self, context):
        settings = overlay.shown_portrait(context.space_data).gioconda
        settings.landmarks = settings.detected
        settings.hand_placed = False
        overlay.redraw()
        return {"FINISHED"}


CLASSES = (GIOCONDA_OT_edit_points, GIOCONDA_OT_reset_points)
