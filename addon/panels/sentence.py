"""A sentence in a panel, over as many lines as the panel's width asks for."""

import bpy

LETTER = 6.6  # pixels an average letter takes at a resolution scale of 1
MARGIN = 46  # pixels of a line that are not text: icon, borders


def draw_sentence(layout: bpy.types.UILayout, context: bpy.types.Context, text: str, *, icon: str = "INFO") -> None:
    """The whole text, wrapped at words; a long word (a path) is broken."""
    scale = interface_scale(context)
    width = context.region.width if context.region else 260
    room = max(16, int((width / scale - MARGIN) / LETTER))
    column = layout.column(align=True)
    column.scale_y = 0.8
    for number, line in enumerate(wrapped(text, room)):
        column.label(text=line, icon=icon if number == 0 else "BLANK1")


def interface_scale(context: bpy.types.Context) -> float:
    """How much larger than usual the interface is; Blender says 0 without a window."""
    return context.preferences.system.ui_scale or 1.0


def wrapped(text: str, room: int) -> list[str]:
    """Lines of at most `room` letters."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= room:
            lines[-1] += f" {word}"
            continue
        pieces = [word[i : i + room] for i in range(0, len(word), room)]
        lines += pieces
    return lines or [""]
