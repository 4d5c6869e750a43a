"""Check the Python that the preferences name, without holding up Blender's window."""

import textwrap
import time

import bpy

from .. import check, interpreter
from ..panels.drawing import areas

PAUSE = 0.2  # seconds between two questions whether it is over
_current: check.Check | None = None
_running = False


class GIOCONDA_OT_check_interpreter(bpy.types.Operator):
    """See whether Gioconda can run as set here: its Python, libraries, devices, nets and disk space"""

    bl_idname = "gioconda.check_interpreter"
    bl_label = "Check"

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if _running:
            cls.poll_message_set("It is being checked right now")
        return not _running

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        if bpy.app.background:
            return self.execute(context)
        _begin()
        bpy.app.timers.register(_poll, first_interval=PAUSE)
        return {"FINISHED"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        _begin()
        while _poll() is not None:
            time.sleep(PAUSE)
        if _current and _current.error:
            self.report({"ERROR"}, _current.error)
            return {"CANCELLED"}
        return {"FINISHED"}


def _begin() -> None:
    global _current, _running
    _current, _running = check.Check(*interpreter.command(), log=interpreter.user_folder("work") / "check.log"), True


def _poll() -> float | None:
    """Seconds until the next time, None when it is over."""
    global _running
    if _current is not None and not _current.is_over():
        return PAUSE
    _running = False
    for area in areas("PREFERENCES"):
        area.tag_redraw()
    return None


def forget() -> None:
    """What was found holds no longer."""
    global _current, _running
    if _current is not None:
        _current.stop()
    _current, _running = None, False


def found() -> check.Check | None:
    """The last check, None before there was one."""
    return _current


def draw(layout: bpy.types.UILayout) -> None:
    """The button, and below it what was found."""
    layout.operator(
        GIOCONDA_OT_check_interpreter.bl_idname, text="Checking …" if _running else "Check", icon="CHECKMARK"
    )
    if _current is None or _running:
        return
    box = layout.box().column(align=True)
    for part in textwrap.wrap(_current.error or "All is well.", 100):
        row = box.row()
        row.alert = bool(_current.error)
        row.label(text=part)
    for line in _current.lines:
        for part in textwrap.wrap(line, 110):
            box.label(text=part)


CLASSES = (GIOCONDA_OT_check_interpreter,)
