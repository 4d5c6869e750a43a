"""The geometric engine: prepare a portrait once, render any frame of it in any order. Numbers in, numbers out.

portrait = prepare(picture, landmarks, matte)                # slow, once; render/cache.py keeps it on disk
frame = render(portrait, pose, passes=("Combined",)) # fast, stateless
"""

from __future__ import annotations

from .frame import Frame, PosedPortrait, pose_portrait, render, render_rows
from .portrait import Portrait, prepare

__all__ = ["Frame", "PosedPortrait", "Portrait", "pose_portrait", "prepare", "render", "render_rows"]
