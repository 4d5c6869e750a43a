"""Frames that are missing on disk are named, and the others shown; undo touches nothing while a compositor works."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

SCRIPT = """
from pathlib import Path
import bl_ext.user_default.gioconda.addon.compositing.nodes as nodes
from bl_ext.user_default.gioconda.addon.compositing import compositor
from bl_ext.user_default.gioconda.addon.operators import suits_scene

OUT = Path(ARGS[0])
bpy.ops.wm.read_homefile(use_empty=True)
bpy.ops.gioconda.add_portrait()
tree = next(t for t in bpy.data.node_groups if t.gioconda.is_portrait)
image = bpy.data.images.new("Face", 8, 6)
image.pack()
tree.gioconda.image = image
tree.gioconda.output = str(OUT / "####.exr")
frames = compositor.frames_node(tree).image
said = {"made with the portrait": frames is not None and frames.source}
rest = nodes.expect(tree, 1, 9)
nodes.refresh(tree)
said["nothing there"] = [compositor.picture_node(tree).image.name, nodes.missing(tree)]
for number in (rest, 1, 2, 3, 6, 8, 9):
    (OUT / f"{number:04d}.exr").write_bytes(b"")
nodes.refresh(tree)
picture = compositor.picture_node(tree)
said["same image"] = picture.image == frames
said["gaps"] = nodes.missing(tree)
drivers = tree.animation_data.drivers
expression = drivers[0].driver.expression
shown = {frame: eval(expression, {"frame": frame}) + frame - compositor.FIRST_FRAME + 1 for frame in range(-3, 14)}
said["files"] = {frame: number for frame, number in shown.items()}
said["rest"] = rest
said["simple"] = drivers[0].driver.is_simple_expression

# A range with more holes than a driver's expression holds: the longest runs are kept, the rest is named.
nodes.expect(tree, 1, 200)
for number in range(10, 201, 2):
    (OUT / f"{number:04d}.exr").write_bytes(b"")
nodes.refresh(tree)
said["length"] = len(drivers[0].driver.expression)
said["many"] = nodes.missing(tree)

# While a compositor works nothing is touched; afterwards the node shows what is there.
said["before"] = image_before = compositor.picture_node(tree).image.name
nodes._busy = lambda: True
tree.gioconda.shown.output = ""  # an undo forgot the rendering
compositor.show_still(tree, image)
nodes._undone()
said["undone"] = [compositor.picture_node(tree).image.name, nodes._refresh_waiting()]
nodes._busy = lambda: False
said["later"] = [nodes._refresh_waiting(), compositor.picture_node(tree).image.name, tree.gioconda.shown.last]

# A copy of the portrait has frames of its own.
copy = tree.copy()
nodes.refresh(copy)
said["copy"] = compositor.frames_node(copy).image != compositor.frames_node(tree).image

# The scene suits the portrait.
scene = bpy.context.scene
scene.view_settings.view_transform = "AgX"
said["agx"] = suits_scene.changes_colours(scene.view_settings)
bpy.ops.gioconda.use_standard_view()
said["standard"] = [suits_scene.changes_colours(scene.view_settings), scene.view_settings.view_transform]
said["size"] = list(suits_scene.wanted_size(scene, tree))
bpy.ops.gioconda.use_portrait_size()
said["fits"] = suits_scene.wanted_size(scene, tree)

# A file opened where its folder of frames is gone shows the portrait.
bpy.ops.wm.save_as_mainfile(filepath=str(OUT / "shot.blend"))
for path in OUT.glob("*.exr"):
    path.unlink()
bpy.ops.wm.open_mainfile(filepath=str(OUT / "shot.blend"))
tree = next(t for t in bpy.data.node_groups if t.gioconda.is_portrait and t.gioconda.shown.output)
said["gone"] = compositor.picture_node(tree).image.name

# A portrait is rendered by its name although the active one has no picture.
scene = bpy.context.scene
bpy.ops.gioconda.add_portrait()
said["poll"] = bpy.ops.gioconda.render_portrait.poll()
try:
    bpy.ops.gioconda.render_portrait(portrait=scene.gioconda_portrait.name)
except RuntimeError as error:
    said["no picture"] = str(error)
result(said)
"""


def test_what_is_there_is_shown_and_what_is_missing_named(run_in_blender: Callable[..., Any], tmp_path: Path) -> None:
    said = run_in_blender(SCRIPT, tmp_path)
    assert said["made with the portrait"] == "SEQUENCE"
    assert said["nothing there"][0] == "Face"
    assert said["nothing there"][1].startswith("Frames 1–9 cannot be found at")
    assert said["same image"]
    assert said["gaps"].startswith("Frames 4–5, 7 cannot be found")
    idle = said["rest"]
    assert said["files"] == {str(frame): frame if frame in (1, 2, 3, 6, 8, 9) else idle for frame in range(-3, 14)}
    assert said["simple"]
    assert said["length"] <= 255
    assert "more gaps" in said["many"]
    assert said["undone"][0] == "Face" and said["undone"][1] > 0
    assert said["later"] == [None, said["before"], 200]
    assert said["copy"]
    assert said["agx"] and said["standard"] == [False, "Standard"]
    assert said["size"] == [8, 6] and said["fits"] is None
    assert said["gone"] == "Face"
    assert said["poll"]
    assert "Choose the portrait's picture first" in said["no picture"]
