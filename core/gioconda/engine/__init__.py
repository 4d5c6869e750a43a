"""The geometric engine: prepare a portrait once, render any frame of it in any order. Numbers in, numbers out.

    portrait = prepare(picture, analysis)                # slow, once; see cache.py for keeping it on disk
    frame = render(portrait, pose, passes=("Combined",)) # fast, stateless

The only folder that imports numba.
"""

from __future__ import annotations

from .frame import ALL_PASSES, CHANNELS, DEFAULT_PASSES, Frame, Placed, place, render, render_rows
from .portrait import Portrait, prepare

__all__ = [
    "ALL_PASSES",
    "CHANNELS",
    "DEFAULT_PASSES",
    "Frame",
    "Placed",
    "Portrait",
    "place",
    "prepare",
    "render",
    "render_rows",
]
