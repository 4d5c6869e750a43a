"""What auto-mapping found in a rig: which of its parts drive what, its head and eyes, where its face is."""

from __future__ import annotations

from dataclasses import dataclass, field

import bpy

from ..read.anatomy import Anatomy
from .presets import Match


@dataclass
class Found:
    """What one way of reading the rig found. `kind` is one of `settings.KINDS`."""

    kind: str
    preset: str
    rows: list[tuple[str, bpy.types.Object, Match]] = field(default_factory=list)  # kind of source, holder, match
    missing: list[str] = field(default_factory=list)
    head: tuple[bpy.types.Object, str] | None = None
    eyes: tuple[str, str] = ("", "")
    anatomy: Anatomy | None = None
    surface: str = ""
    remark: str = ""
