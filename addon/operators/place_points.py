"""Place a few landmarks by hand in the Image Editor, guided, when no face was found."""

import bpy

from ...core.gioconda.errors import GiocondaError
from .. import session
from ..landmark_editor import landmark_points as lp
from ..landmark_editor import overlay
from ..landmark_editor.overlay_shapes import Editing
from ..landmark_editor.point_editor import MIN_POINTS, PointPlacer
from .in_image_editor import InImageEditor

KEYS = "Drag: correct a point · Space: skip · Backspace: back · Esc: give up · Enter or Tab: done"


class GIOCONDA_OT_place_points(InImageEditor, bpy.types.Operator):
    bl_idname = "gioconda.place_points"
    bl_label = "Place by Hand"
    bl_description = "Click the eyes, the nose, the mouth and the chin one after the other; Gioconda completes the face"

    def invoke(self, context, event):
        tree = overlay.shown_portrait(context.space_data)
        self.placer = PointPlacer(tuple(tree.gioconda.image.size), _placed_before(tree))
        return self.begin(context, Editing(tree.session_uid))

    def execute(self, context):
        self.report({"ERROR"}, "Points are placed with the mouse in the Image Editor; there is none here.")
        return {"CANCELLED"}

    def handle(self, context, event, at, reach_px):
        placer = self.placer
        if at is None and not placer.dragging:
            return False
        if event.type == "MOUSEMOVE":
            if placer.dragging and at is not None:
                placer.move(at)
            return bool(placer.dragging)
        if event.type == "LEFTMOUSE" and at is not None and event.value == "PRESS":
            placer.press(at, reach_px)
        elif event.type == "LEFTMOUSE":
            placer.release()
        elif event.value != "PRESS":
            return False
        elif event.type == "BACK_SPACE" or (event.type == "Z" and (event.ctrl or event.oskey)):
            placer.back()
        elif event.type == "SPACE":
            placer.skip()
        elif event.type in {"RET", "NUMPAD_ENTER", "TAB"}:
            return "done"
        elif event.type in {"ESC", "RIGHTMOUSE"}:
            return "leave"
        else:
            return False
        return True

    def show(self, context):
        placer, edit = self.placer, overlay.editing
        wanted = placer.wanted
        edit.named, edit.guess = dict(placer.named), placer.guess
        edit.wanted = wanted[0] if wanted else ""
        if wanted is None:
            text = "All points are placed"
        elif len(placer.named) >= lp.ENOUGH:
            text = f"Click {wanted[1]}, or press Enter: this is enough"
        else:
            text = f"Point {len(placer.named) + 1}: click {wanted[1]}"
        edit.text = text
        context.workspace.status_text_set(f"{text} · {KEYS}")
        context.area.tag_redraw()

    def done(self, context):
        if not self.placer.enough:
            count = len(self.placer.named)
            self.report({"WARNING"}, f"{count} points are placed, at least {MIN_POINTS} are needed: place more.")
            return {"RUNNING_MODAL"}
        settings = session.tree_of(self.uid).gioconda
        settings.landmarks = lp.to_text(lp.Points(self.size, None, self.placer.named))
        settings.hand_placed = True
        settings.analysed = settings.image.name
        bpy.ops.ed.undo_push(message="Place Landmarks")
        self.leave(context)
        if bpy.ops.gioconda.analyse_portrait.poll():
            bpy.ops.gioconda.analyse_portrait("INVOKE_DEFAULT", complete=True)
        return {"FINISHED"}


def _placed_before(tree: bpy.types.NodeTree) -> dict[str, tuple[float, float]]:
    """Points that were placed earlier and not completed yet."""
    try:
        points = lp.from_text(tree.gioconda.landmarks)
    except GiocondaError:
        return {}
    return dict(points.named) if points else {}


CLASSES = (GIOCONDA_OT_place_points,)
