"""Stop a rendering; open its log; settle an error."""

import bpy

from .. import session
from .reporting import NamesPortrait, SaysWhyNot


class GIOCONDA_OT_cancel_render(NamesPortrait, SaysWhyNot, bpy.types.Operator):
    bl_idname = "gioconda.cancel_render"
    bl_label = "Cancel"
    bl_description = "Stop rendering; finished frames stay, and Render goes on from there"

    @classmethod
    def why_not(cls, context):
        tree = session.active_portrait(context)
        return "" if tree and session.task_of(tree) else "Nothing is being rendered"

    def execute(self, context):
        tree = self.chosen(context)
        task = tree and session.task_of(tree)
        if task:
            task.cancel()
        return {"FINISHED"}


class GIOCONDA_OT_open_log(SaysWhyNot, bpy.types.Operator):
    bl_idname = "gioconda.open_log"
    bl_label = "Open Log"
    bl_description = "Open what the last rendering or analysis wrote for people who look for a fault"

    @classmethod
    def why_not(cls, context):
        tree = session.active_portrait(context)
        return "" if tree and session.has_log(tree) else "Nothing was logged yet"

    def execute(self, context):
        bpy.ops.wm.path_open(filepath=session.state(session.active_portrait(context)).log_path)
        return {"FINISHED"}


class GIOCONDA_OT_forget_error(SaysWhyNot, bpy.types.Operator):
    bl_idname = "gioconda.forget_error"
    bl_label = "Dismiss"
    bl_description = "Take this error out of the panel"

    def execute(self, context):
        session.forget_error(session.active_portrait(context))
        return {"FINISHED"}


CLASSES = (GIOCONDA_OT_cancel_render, GIOCONDA_OT_open_log, GIOCONDA_OT_forget_error)
