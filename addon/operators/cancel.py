"""Stop a rendering; open its log; settle an error."""

import bpy
from bpy.props import StringProperty

from .. import session
from .render import PORTRAIT, chosen


class GIOCONDA_OT_cancel_render(bpy.types.Operator):
    """Stop rendering"""

    bl_idname = "gioconda.cancel_render"
    bl_label = "Cancel"
    bl_description = "Stop rendering; finished frames stay, and Render goes on from there"

    portrait: StringProperty(**PORTRAIT)

    @classmethod
    def poll(cls, context):
        tree = session.active_portrait(context)
        if tree is None or session.task_of(tree) is None:
            cls.poll_message_set("Nothing is being rendered")
            return False
        return True

    def execute(self, context):
        tree = chosen(self, context)
        task = tree and session.task_of(tree)
        if task:
            task.cancel()
        return {"FINISHED"}


class GIOCONDA_OT_open_log(bpy.types.Operator):
    """Open the log of the last work"""

    bl_idname = "gioconda.open_log"
    bl_label = "Open Log"
    bl_description = "Open what the last rendering or analysis wrote for people who look for a fault"

    @classmethod
    def poll(cls, context):
        tree = session.active_portrait(context)
        if tree is None or not session.has_log(tree):
            cls.poll_message_set("Nothing was logged yet")
            return False
        return True

    def execute(self, context):
        bpy.ops.wm.path_open(filepath=session.state(session.active_portrait(context)).log_path)
        return {"FINISHED"}


class GIOCONDA_OT_forget_error(bpy.types.Operator):
    """Take the error out of the panel"""

    bl_idname = "gioconda.forget_error"
    bl_label = "Dismiss"
    bl_description = "Take this error out of the panel"

    @classmethod
    def poll(cls, context):
        return session.active_portrait(context) is not None

    def execute(self, context):
        session.forget_error(session.active_portrait(context))
        return {"FINISHED"}


CLASSES = (GIOCONDA_OT_cancel_render, GIOCONDA_OT_open_log, GIOCONDA_OT_forget_error)
