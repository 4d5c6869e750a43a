"""A full copy of a scene: its portrait becomes its own, with the copied rig and frames elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, ARGS[0])
import studio
from bl_ext.user_default.gioconda.addon import rig
from bl_ext.user_default.gioconda.addon.compositing import compositor, nodes
from bl_ext.user_default.gioconda.addon.operators import own_portrait

folder = Path(ARGS[1])
studio.empty_file()
tree = studio.portrait(folder, frames=3)
first = bpy.context.scene
found = {"alone": own_portrait.shared_with(tree, first) is None, "poll": bpy.ops.gioconda.own_portrait.poll()}
bpy.ops.scene.new(type="FULL_COPY")
second = bpy.context.scene
found["shared"] = own_portrait.shared_with(tree, second) == first
head = next(ob for ob in second.objects if ob.type == "MESH")
found["said"] = sorted(bpy.ops.gioconda.own_portrait())
(own,) = nodes.portraits(second)
found["other tree"] = own != tree and nodes.portraits(first) == [tree]
found["rigs"] = [tree.gioconda.rig.target.name, own.gioconda.rig.target.name, head.name]
found["outputs"] = [tree.gioconda.output, own.gioconda.output]
pictures = [compositor.frames_node(each).image for each in (tree, own)]
found["own frames"] = pictures[0] != pictures[1]
found["still shared"] = own_portrait.shared_with(own, second) is not None
motion = rig.bake(own, second, [1, 2, 3])
found["frames"] = len(motion)
result(found)
"""


def test_a_copied_scene_gets_a_portrait_of_its_own(run_in_blender: Any, tmp_path: Path) -> None:
    found = run_in_blender(SCRIPT, HERE, tmp_path)
    assert found["alone"] and not found["poll"]
    assert found["shared"] and found["said"] == ["FINISHED"]
    assert found["other tree"] and found["own frames"] and not found["still shared"]
    first, own, copied = found["rigs"]
    assert own == copied != first
    before, after = found["outputs"]
    assert Path(after).name == Path(before).name and Path(after).parent.parent == Path(before).parent
    assert found["frames"] == 4
