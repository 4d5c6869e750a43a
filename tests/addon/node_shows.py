"""Run inside Blender: a portrait before, while and after it is rendered. ARGS: this folder, a folder for files."""

import sys

sys.path.insert(0, ARGS[0])  # noqa: F821 - given by the frame around this script

from pathlib import Path

import bpy
import numpy as np
import studio
from bl_ext.user_default.gioconda.addon import rendering, session
from bl_ext.user_default.gioconda.addon.compositing import compositor, nodes

OUT = Path(ARGS[1])  # noqa: F821
found, seen = {}, {}

tree = studio.portrait(OUT)
settings, node = tree.gioconda, studio.group_node(tree)
found["outputs"] = [socket.name for socket in node.outputs]
found["vector"] = node.outputs["Vector"].type
seen["before"] = studio.pixels(1)

# Passes and links.
scene_tree = compositor.scene_tree(bpy.context.scene)
blur = scene_tree.nodes.new("CompositorNodeViewer")
scene_tree.links.new(node.outputs["Vector"], blur.inputs[0])
settings.passes = {"Combined", "Vector", "Lips", "UV"}
found["fewer"] = [socket.name for socket in node.outputs]
settings.passes = {"Combined", "Lips"}
found["kept because linked"] = [socket.name for socket in node.outputs]
settings.passes = set(settings.bl_rna.properties["passes"].enum_items.keys())
found["all"] = [socket.name for socket in node.outputs]
found["links"] = [node.outputs["Image"].is_linked, node.outputs["Vector"].is_linked]

# Rendering, with a look at the node while frames are still to come.
settings.full_float = True
task = rendering.render(tree, bpy.context.scene)
picture = compositor.picture_node(tree)
found["early"] = studio.until(lambda: picture.image and picture.image.source == "SEQUENCE", 200)
seen["while"] = studio.pixels(4)
studio.until(lambda: task not in session._session.tasks, 300)
found["state"] = [task.outcome, task.text, session.state(tree).last_error]
found["files"] = sorted(path.name for path in (OUT / "out").iterdir())
for frame in (-20, 0, 5, 900):
    seen[f"beside {frame}"] = studio.pixels(frame)
for socket in node.outputs:
    studio.see(socket)
    for frame in (2, 4):
        seen[f"{socket.name} {frame}"] = studio.pixels(frame)
studio.see(node.outputs["Image"])

# Saved, opened, undone.
blend = OUT / "shot.blend"
bpy.ops.wm.save_as_mainfile(filepath=str(blend))
settings.output = "//out/####.exr"
found["next"] = nodes.expect(tree, 2, 3)  # the same folder in other words, and frames that are there already
nodes.refresh(tree)
bpy.ops.wm.save_as_mainfile(filepath=str(blend))
bpy.ops.wm.open_mainfile(filepath=str(blend))
tree = session.active_portrait(bpy.context)
found["after opening"] = [tree.name, tree.gioconda.image.name, sorted(tree.gioconda.passes)[:2]]
seen["opened"] = studio.pixels(4)
found["simple driver"] = [curve.driver.is_simple_expression for curve in tree.animation_data.drivers]
np.savez(OUT / "seen.npz", **seen)
result(found)  # noqa: F821
