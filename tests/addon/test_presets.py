"""Presets of Expression, Look, Output and Passes; the pie menu."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SCRIPT = """
PANELS = ("expression", "look", "output", "passes")
bpy.ops.wm.read_homefile(use_empty=True)
bpy.ops.gioconda.add_portrait()
settings = next(t for t in bpy.data.node_groups if t.gioconda.is_portrait).gioconda
settings.expression.smile = 0.75
settings.gains.jaw, settings.neural, settings.passes = 1.5, "off", {"Combined", "UV"}
for name in PANELS:
    getattr(bpy.ops.gioconda, f"preset_{name}")(name="Mine")
settings.expression.smile = 0.0
settings.gains.jaw, settings.neural, settings.passes = 1.0, "auto", {"Combined"}
for name in PANELS:
    path = bpy.utils.preset_find("Mine", f"gioconda/{name}")
    bpy.ops.script.execute_preset(filepath=path, menu_idname=f"GIOCONDA_MT_presets_{name}")
said = {"again": [settings.expression.smile, settings.gains.jaw, settings.neural, sorted(settings.passes)]}
for name in PANELS:
    getattr(bpy.ops.gioconda, f"preset_{name}")(name="Mine", remove_name=True)
said["left"] = [bpy.utils.preset_find("Mine", f"gioconda/{name}") for name in PANELS]
said["pie"] = hasattr(bpy.types, "GIOCONDA_MT_pie")
result(said)
"""


def test_presets_come_back_and_go(run_in_blender: Callable[..., Any]) -> None:
    said = run_in_blender(SCRIPT)
    assert said["again"] == [0.75, 1.5, "off", ["Combined", "UV"]]
    assert said["left"] == [None] * 4
    assert said["pie"]
