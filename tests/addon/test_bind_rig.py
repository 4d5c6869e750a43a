"""The rig panel's buttons, pressed in a real Blender, and the panel drawn with every kind of source."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SCRIPT = """
from unittest.mock import MagicMock
from bl_ext.user_default.gioconda.addon.rig import panel

bpy.ops.wm.read_homefile(use_empty=True)
scene = bpy.context.scene
scene.frame_end = 10
said = {"without": bpy.ops.gioconda.map_rig.poll()}
bpy.ops.gioconda.add_portrait()
tree = next(t for t in bpy.data.node_groups if t.gioconda.is_portrait)
rig = tree.gioconda.rig
said["without a rig"] = bpy.ops.gioconda.map_rig.poll()
mesh = bpy.data.meshes.new("Head")
mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
ob = bpy.data.objects.new("Head", mesh)
scene.collection.objects.link(ob)
ob.shape_key_add(name="Basis")
for name in ("jawOpen", "eyeBlink_L", "eyeBlink_R"):
    block = ob.shape_key_add(name=name)
    for frame, value in ((1, 0.0), (10, 1.0)):
        block.value = value
        block.keyframe_insert("value", frame=frame)
rig.target = ob
said["map"] = list(bpy.ops.gioconda.map_rig())
said["test"] = list(bpy.ops.gioconda.test_mapping())
said["responses"] = [row.response > 0 for row in rig.rows]
bpy.ops.gioconda.save_mapping(filepath=ARGS[0])
bpy.ops.gioconda.edit_mapping(action="ADD")
said["added"] = len(rig.rows)
try:
    bpy.ops.gioconda.test_mapping()
except RuntimeError as error:
    said["fault"] = str(error)
for kind in ("AUTO", "KEYS", "BONES", "OBJECTS", "VERTICES", "MESH", "FILE"):
    rig.kind = kind
    for drawn in (panel.draw_rig, panel.draw_head, panel.draw_mapping):
        drawn(MagicMock(), bpy.context, tree)
rig.kind = "AUTO"
for row in rig.rows:
    panel.GIOCONDA_UL_mapping.draw_item(None, bpy.context, MagicMock(), rig, row, 0, rig, "active_row")
bpy.ops.gioconda.edit_mapping(action="REMOVE")
said["removed"] = len(rig.rows)
bpy.ops.gioconda.edit_mapping(action="CLEAR")
said["cleared"] = len(rig.rows)
bpy.ops.gioconda.load_mapping(filepath=ARGS[0])
said["loaded"] = len(rig.rows)
result(said)
"""


def test_the_buttons_bind_a_rig(run_in_blender: Callable[..., Any], tmp_path: Any) -> None:
    said = run_in_blender(SCRIPT, tmp_path / "mapping.yaml")
    assert not said["without"] and not said["without a rig"]
    assert said["map"] == said["test"] == ["FINISHED"]
    assert said["responses"] == [True, True, True]
    assert (said["added"], said["removed"], said["cleared"], said["loaded"]) == (4, 3, 0, 3)
    assert "Row 4" in said["fault"]
