"""What was found on a rig, before it fills the mapping table."""

from __future__ import annotations

from dataclasses import dataclass, field

import bpy

from ..read.anatomy import Anatomy
from .presets import Match


@dataclass
class Found:
    """What one way of reading the rig found."""

    kind: str
    preset: str
    rows: list[tuple[str, bpy.types.Object, Match]] = field(default_factory=list)  # kind of source, holder, match
    missing: list[str] = field(default_factory=list)
    head: tuple[bpy.types.Object, str] | None = None
    eyes: tuple[str, str] = ("", "")
    anatomy: Anatomy | None = None
    surface: str = ""
    remark: str = ""
