"""Find the face in the portrait: its landmarks, what is person, and the other faces."""

import bpy
from bpy.props import BoolProperty, IntProperty

from .. import analysis, session
from ..landmark_editor import overlay
from ..landmark_editor.overlay_shapes import Editing, face_at, faces_of
from .background import Background
from .in_image_editor import InImageEditor
from .reporting import AT_WORK, LINKED, NO_PORTRAIT, SaysWhyNot


def portrait_for(context: bpy.types.Context) -> bpy.types.NodeTree | None:
    """The portrait whose picture the Image Editor shows, elsewhere the one the panels show."""
    return overlay.shown_portrait(context.space_data) or session.active_portrait(context)


class GIOCONDA_OT_analyse_portrait(Background, SaysWhyNot, bpy.types.Operator):
    bl_idname = "gioconda.analyse_portrait"
    bl_label = "Analyse Portrait"
    bl_description = "Find the face, its landmarks and what belongs to the person. Esc cancels"
    bl_options = {"UNDO"}

    complete: BoolProperty(
        name="From Placed Points",
        default=False,
        options={"SKIP_SAVE"},
        description="Complete the face from the points placed by hand, instead of searching for it",
    )

    REPORTS = {"failed": "ERROR", "nobody": "WARNING", "several": "WARNING"}
    FINISHED = ("found", "several")

    @classmethod
    def why_not(cls, context):
        tree = portrait_for(context)
        if tree is None:
            return NO_PORTRAIT
        if tree.gioconda.image is None:
            return "Choose a picture for the portrait first"
        if tree.library:
            return LINKED
        return AT_WORK if analysis.of(tree) or session.task_of(tree) else ""

    def chosen(self, context):
        return portrait_for(context)

    def start(self, context):
        return analysis.start(self.chosen(context), context, complete=self.complete)

    def modal(self, context, event):
        result = Background.modal(self, context, event)
        tree = None if self.work.outcome else session.tree_of(self.work.tree)
        text = f"Gioconda: {session.state(tree).stage} (Esc cancels)" if tree else None
        context.workspace.status_text_set(text)
        return result


class GIOCONDA_OT_cancel_analysis(SaysWhyNot, bpy.types.Operator):
    bl_idname = "gioconda.cancel_analysis"
    bl_label = "Cancel"
    bl_description = "Stop the analysis; what was found before stays"

    @classmethod
    def why_not(cls, context):
        tree = portrait_for(context)
        return "" if tree and analysis.of(tree) else "No analysis is running"

    def execute(self, context):
        analysis.of(portrait_for(context)).cancel()
        return {"FINISHED"}


class GIOCONDA_OT_choose_face(InImageEditor, bpy.types.Operator):
    bl_idname = "gioconda.choose_face"
    bl_label = "Choose Face"
    bl_description = "Choose which of the faces is animated, and analyse it. Without a number: click its box"
    bl_options = {"UNDO"}

    number: IntProperty(name="Face", default=0, min=0, description="1 is the leftmost; 0: click it in the picture")

    @classmethod
    def why_not(cls, context):
        tree = portrait_for(context)
        if tree is None or len(faces_of(tree.gioconda.faces)) < 2:
            return "The picture is not known to have several faces: analyse it first"
        if tree.library:
            return LINKED
        return "Finish what is being edited first" if overlay.editing else ""

    def invoke(self, context, event):
        tree = overlay.shown_portrait(context.space_data)
        if self.number or tree is None:
            return self.execute(context)
        return self.begin(context, Editing(tree.session_uid, picking=True))

    def execute(self, context):
        tree = portrait_for(context)
        if not 1 <= self.number <= len(faces_of(tree.gioconda.faces)):
            self.report({"ERROR"}, f"There is no face {self.number}: choose 1 to {len(faces_of(tree.gioconda.faces))}.")
            return {"CANCELLED"}
        tree.gioconda.face = self.number
        if bpy.ops.gioconda.analyse_portrait.poll():
            bpy.ops.gioconda.analyse_portrait("INVOKE_DEFAULT")
        return {"FINISHED"}

    def show(self, context):
        context.workspace.status_text_set("Click the face to animate · Esc: leave as it is")
        overlay.redraw()

    def handle(self, context, event, at, reach_px):
        if event.type == "ESC" or event.type == "RIGHTMOUSE" and at is not None:
            return "leave"
        if at is None:
            return False
        under = face_at(faces_of(session.tree_of(self.uid).gioconda.faces), *at)
        if event.type == "MOUSEMOVE" and overlay.editing.face != under:
            overlay.editing.face = under
            overlay.redraw()
        if event.type == "LEFTMOUSE" and event.value == "PRESS" and under:
            self.number = under
            return "done"
        return event.type == "LEFTMOUSE"

    def done(self, context):
        self.leave(context)
        return self.execute(context)


CLASSES = (GIOCONDA_OT_analyse_portrait, GIOCONDA_OT_cancel_analysis, GIOCONDA_OT_choose_face)
