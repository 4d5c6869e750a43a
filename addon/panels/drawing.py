"""What panels draw with, and the areas they are in."""

import textwrap
from collections.abc import Iterator

import bpy

LETTER = 6.6  # pixels an average letter takes at a resolution scale of 1
MARGIN = 46  # pixels of a line that are not text: icon, borders


def draw_sentence(layout: bpy.types.UILayout, context: bpy.types.Context, text: str, *, icon: str = "INFO") -> None:
    """The whole text, over as many lines as the panel's width asks for; a long word (a path) is broken."""
    width = context.region.width if context.region else 260
    room = max(16, int((width / interface_scale(context) - MARGIN) / LETTER))
    column = layout.column(align=True)
    column.scale_y = 0.8
    for number, line in enumerate(textwrap.wrap(text, room, break_on_hyphens=False) or [""]):
        column.label(text=line, icon=icon if number == 0 else "BLANK1")


def property_column(layout: bpy.types.UILayout, *, align: bool = False, heading: str = "") -> bpy.types.UILayout:
    """A column of settings, their names to the left, without a dot for keyframes."""
    column = layout.column(align=align, heading=heading)
    column.use_property_split, column.use_property_decorate = True, False
    return column


def interface_scale(context: bpy.types.Context) -> float:
    """How much larger than usual the interface is; Blender says 0 without a window."""
    return context.preferences.system.ui_scale or 1.0


def areas(*kinds: str) -> Iterator[bpy.types.Area]:
    """All areas of these kinds, of every window."""
    for window in bpy.context.window_manager.windows if bpy.context.window_manager else ():
        yield from (area for area in window.screen.areas if area.type in kinds)
