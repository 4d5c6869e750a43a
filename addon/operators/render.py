"""Render the portrait's frames: in the background with a progress bar, or at once where there is no window."""

import bpy
from bpy.props import StringProperty

from ...core.gioconda.errors import GiocondaError
from .. import rendering, session
from ..compositing import nodes

PORTRAIT = {
    "name": "Portrait",
    "options": {"HIDDEN", "SKIP_SAVE"},
    "description": "Name of the node group; empty: the one the panels show",
}


def chosen(operator, context):
    """The portrait that an operator's `portrait` names, else the active one."""
    return bpy.data.node_groups.get(operator.portrait) if operator.portrait else session.active_portrait(context)


class GIOCONDA_OT_render_portrait(bpy.types.Operator):
    """Render the portrait's frames"""

    bl_idname = "gioconda.render_portrait"
    bl_label = "Render"
    bl_description = "Render the frames that are missing or out of date, while you go on working. Esc stops"

    portrait: StringProperty(**PORTRAIT)

    @classmethod
    def poll(cls, context):
        return is_ready(cls, session.active_portrait(context))

    def invoke(self, context, event):
        if bpy.app.background:
            return self.execute(context)
        if not self._start(context):
            return {"CANCELLED"}
        self._timer = context.window_manager.event_timer_add(0.2, window=context.window)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context):
        if not self._start(context):
            return {"CANCELLED"}
        rendering.wait(self._task)
        return self._report()

    def modal(self, context, event):
        if event.type == "ESC" and event.value == "PRESS":
            self._task.cancel()
            return {"RUNNING_MODAL"}
        if session.is_running(self._task):
            return {"PASS_THROUGH"}
        context.window_manager.event_timer_remove(self._timer)
        return self._report()

    def _start(self, context):
        tree = chosen(self, context)
        if not nodes.is_portrait(tree):
            self.report({"ERROR"}, f"There is no portrait “{self.portrait}”: give the name of its node group.")
            return False
        try:
            self._task = rendering.render(tree, nodes.scene_of(tree, context))
        except GiocondaError as error:
            session.fail(tree, error)
            self.report({"ERROR"}, str(error))
            return False
        return True

    def _report(self):
        kind = {"failed": "ERROR", "cancelled": "WARNING"}.get(self._task.state, "INFO")
        self.report({kind}, self._task.text or "Rendering has ended.")
        return {"FINISHED"} if self._task.state == "done" else {"CANCELLED"}


def is_ready(cls, tree):
    """Whether a portrait can be rendered; tells why not."""
    if tree is None:
        cls.poll_message_set("There is no Gioconda Portrait: add one in the compositor")
    elif tree.library is not None:
        cls.poll_message_set("This portrait is linked from another file: render it there, or make it local")
    elif tree.gioconda.image is None:
        cls.poll_message_set("Choose the portrait's picture first")
    elif session.task_of(tree) is not None:
        cls.poll_message_set("This portrait is being rendered: wait, or cancel that first")
    else:
        return True
    return False


CLASSES = (GIOCONDA_OT_render_portrait,)
