"""What a portrait points to is saved with it, whatever Blender's compositor did to the count of its users."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SCRIPT = """
from bl_ext.user_default.gioconda.addon.compositing import user_counts

bpy.ops.wm.read_homefile(use_empty=True)
bpy.ops.gioconda.add_portrait()
tree = next(t for t in bpy.data.node_groups if t.gioconda.is_portrait)
settings = tree.gioconda
image, matte = bpy.data.images.new("Face", 8, 8), bpy.data.images.new("Roto", 8, 8)
image.pack(), matte.pack()
head = bpy.data.objects.new("Head", None)
bpy.context.scene.collection.objects.link(head)
settings.matte, settings.rig.target, settings.rig.head_object = matte, head, head
settings.rig.rows.add().holder = head
said = {"held": sorted(item.name for item in user_counts.held(settings))}
for item in (head, matte):
    item.user_clear()  # as the compositor of a window leaves it
user_counts.keep_lost()
said["restored"] = [head.users, matte.users]
for item in (head, matte):
    item.use_fake_user = False
    item.user_clear()
bpy.ops.wm.save_as_mainfile(filepath=ARGS[0])
bpy.ops.wm.open_mainfile(filepath=ARGS[0])
settings = next(t for t in bpy.data.node_groups if t.gioconda.is_portrait).gioconda
head = settings.rig.target
said["opened"] = [head and head.name, settings.matte and settings.matte.name]
said["in the scene"] = head is not None and bool(head.users_scene)
result(said)
"""


def test_a_rig_without_users_is_saved(run_in_blender: Callable[..., Any], tmp_path: Any) -> None:
    said = run_in_blender(SCRIPT, tmp_path / "shot.blend")
    assert said["held"] == ["Head", "Head", "Head", "Roto"]
    assert min(said["restored"]) >= 1
    assert said["opened"] == ["Head", "Roto"]
    assert said["in the scene"]
