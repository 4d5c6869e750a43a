"""Work that takes a while as an operator: in a window beside everything else, in background at once."""

import time

import bpy

from ...core.gioconda.errors import GiocondaError
from .. import session
from .reporting import failed


class Background:
    """For operators: `start(context)` begins the work and returns it, `session.Task` or alike.

    Attributes:
        work: has `outcome` ("" while it runs), `text` for people, and `cancel()`.
        REPORTS: outcome → kind of report; what is not named is told as INFO.
        FINISHED: outcomes with which the operator has done something.
    """

    REPORTS = {"failed": "ERROR"}
    FINISHED = ("done",)

    def invoke(self, context, _event):
        if bpy.app.background:
            return self.execute(context)
        if not self._begin(context):
            return {"CANCELLED"}
        self._timer = context.window_manager.event_timer_add(0.1, window=context.window)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context):
        if not self._begin(context):
            return {"CANCELLED"}
        while not self.work.outcome:
            session.pump()
            time.sleep(0.01)
        return self._end()

    def modal(self, context, event):
        if event.type == "ESC" and event.value == "PRESS":
            self.work.cancel()
            return {"RUNNING_MODAL"}
        if not self.work.outcome:
            return {"PASS_THROUGH"}
        context.window_manager.event_timer_remove(self._timer)
        return self._end()

    def _begin(self, context):
        try:
            self.work = self.start(context)
        except GiocondaError as error:
            failed(self, self.chosen(context), error)
            return False
        return True

    def _end(self):
        if self.work.text:
            self.report({self.REPORTS.get(self.work.outcome, "INFO")}, self.work.text)
        return {"FINISHED"} if self.work.outcome in self.FINISHED else {"CANCELLED"}
