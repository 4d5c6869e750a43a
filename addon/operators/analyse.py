"""Find the face in the portrait: its landmarks, what is person, and the other faces."""

import time

import bpy
from bpy.props import BoolProperty, IntProperty

from ...core.gioconda.errors import GiocondaError
from .. import analysis, session
from ..landmark_editor import overlay
from ..landmark_editor.overlay_shapes import Editing, face_at, faces_of
from .edit_points import place_of


def portrait_for(context: bpy.types.Context) -> bpy.types.NodeTree | None:
    """The portrait whose picture the Image Editor shows, elsewhere the one the panels show."""
    return overlay.shown_portrait(context.space_data) or session.active_portrait(context)


class GIOCONDA_OT_analyse_portrait(bpy.types.Operator):
    """Find the face, its landmarks and what belongs to the person"""

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

    @classmethod
    def poll(cls, context):
        tree = portrait_for(context)
        if tree is None:
            cls.poll_message_set("There is no Gioconda Portrait in this scene: add one in the compositor")
            return False
        if tree.gioconda.image is None:
            cls.poll_message_set("Choose a picture for the portrait first")
            return False
        if tree.library:
            cls.poll_message_set("This portrait is linked from another file")
            return False
        if analysis.of(tree) is not None or session.task_of(tree) is not None:
            cls.poll_message_set("Gioconda is at work on this portrait: wait, or cancel it")
            return False
        return True

    def invoke(self, context, event):
        if bpy.app.background:
            return self.execute(context)
        if not self._start(context):
            return {"CANCELLED"}
        self._timer = context.window_manager.event_timer_add(0.1, window=context.window)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context):
        if not self._start(context):
            return {"CANCELLED"}
        while not self.analysis.outcome:
            session.pump()
            time.sleep(0.02)
        return self._report()

    def modal(self, context, event):
        if event.type == "ESC" and event.value == "PRESS":
            analysis.cancel(self.analysis)
        if not self.analysis.outcome:
            if event.type == "TIMER":
                tree = session.tree_of(self.analysis.tree)
                stage = session.state(tree).stage if tree else ""
                context.workspace.status_text_set(f"Gioconda: {stage} (Esc cancels)")
            return {"PASS_THROUGH"}
        context.window_manager.event_timer_remove(self._timer)
        context.workspace.status_text_set(None)
        return self._report()

    def _start(self, context):
        tree = portrait_for(context)
        try:
            self.analysis = analysis.start(tree, context, complete=self.complete)
        except GiocondaError as error:
            session.fail(tree, error)
            self.report({"ERROR"}, str(error))
            return False
        return True

    def _report(self):
        outcome, text = self.analysis.outcome, self.analysis.text
        kind = {"failed": "ERROR", "nobody": "WARNING", "several": "WARNING"}.get(outcome, "INFO")
        if text:
            self.report({kind}, text)
        return {"FINISHED"} if outcome in ("found", "several") else {"CANCELLED"}


class GIOCONDA_OT_cancel_analysis(bpy.types.Operator):
    """Stop the analysis"""

    bl_idname = "gioconda.cancel_analysis"
    bl_label = "Cancel"
    bl_description = "Stop the analysis; what was found before stays"

    @classmethod
    def poll(cls, context):
        tree = portrait_for(context)
        if tree is None or analysis.of(tree) is None:
            cls.poll_message_set("No analysis is running")
            return False
        return True

    def execute(self, context):
        analysis.cancel(analysis.of(portrait_for(context)))
        return {"FINISHED"}


class GIOCONDA_OT_choose_face(bpy.types.Operator):
    """Choose which of several faces is animated"""

    bl_idname = "gioconda.choose_face"
    bl_label = "Choose Face"
    bl_description = "Choose which of the faces is animated, and analyse it. Without a number: click its box"
    bl_options = {"UNDO"}

    number: IntProperty(name="Face", default=0, min=0, description="1 is the leftmost; 0: click it in the picture")

    @classmethod
    def poll(cls, context):
        tree = portrait_for(context)
        if tree is None or len(faces_of(tree.gioconda.faces)) < 2:
            cls.poll_message_set("The picture is not known to have several faces: analyse it first")
            return False
        if tree.library or overlay.editing is not None:
            cls.poll_message_set(
                "This portrait is linked from another file" if tree.library else "Finish what is being edited first"
            )
            return False
        return True

    def invoke(self, context, event):
        tree = overlay.shown_portrait(context.space_data)
        if self.number or tree is None:
            return self.execute(context)
        self.uid, self.size = tree.session_uid, tuple(tree.gioconda.image.size)
        overlay.editing = Editing(self.uid, picking=True)
        context.workspace.status_text_set("Click the face to animate · Esc: leave as it is")
        context.window_manager.modal_handler_add(self)
        overlay.redraw()
        return {"RUNNING_MODAL"}

    def execute(self, context):
        tree = portrait_for(context)
        if not 1 <= self.number <= len(faces_of(tree.gioconda.faces)):
            self.report({"ERROR"}, f"There is no face {self.number}: choose 1 to {len(faces_of(tree.gioconda.faces))}.")
            return {"CANCELLED"}
        tree.gioconda.face = self.number
        if bpy.ops.gioconda.analyse_portrait.poll():
            bpy.ops.gioconda.analyse_portrait("INVOKE_DEFAULT")
        return {"FINISHED"}

    def modal(self, context, event):
        tree = session.tree_of(self.uid)
        if tree is None or context.area is None or overlay.shown_portrait(context.space_data) != tree:
            return self._leave(context)
        _, at = place_of(context, event, self.size)
        if event.type == "ESC" or event.type == "RIGHTMOUSE" and at is not None:
            return self._leave(context)
        if at is None:
            return {"PASS_THROUGH"}
        under = face_at(faces_of(tree.gioconda.faces), *at)
        if event.type == "MOUSEMOVE" and overlay.editing.face != under:
            overlay.editing.face = under
            overlay.redraw()
        if event.type == "LEFTMOUSE" and event.value == "PRESS" and under:
            self._leave(context)
            self.number = under
            return self.execute(context)
        return {"RUNNING_MODAL"} if event.type == "LEFTMOUSE" else {"PASS_THROUGH"}

    def cancel(self, context):
        """Blender ends the operator itself: the file or the window is being closed."""
        overlay.editing = None

    def _leave(self, context):
        overlay.editing = None
        context.workspace.status_text_set(None)
        overlay.redraw()
        return {"CANCELLED"}


CLASSES = (GIOCONDA_OT_analyse_portrait, GIOCONDA_OT_cancel_analysis, GIOCONDA_OT_choose_face)
