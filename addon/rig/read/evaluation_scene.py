"""Where a rig plays while it is read: a temporary scene that holds only the rig, or the scene itself.

A temporary scene leaves the user's frame alone and evaluates nothing else; parents, constraint targets and driver
sources come along by themselves. Meshes are read on copies without modifiers that change the number of vertices;
shape-key values without their mesh, through a driver that looks at them. Everything is found by name at each use, so
that an undo between two steps is noticed instead of crashing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import bpy

from ..errors import RigError

Holder = tuple[str, str | None]  # an object's name and its library's path

# Modifiers that move vertices and keep their number and order.
DEFORMS = {
    "ARMATURE",
    "CAST",
    "CORRECTIVE_SMOOTH",
    "CURVE",
    "DISPLACE",
    "HOOK",
    "LAPLACIANDEFORM",
    "LAPLACIANSMOOTH",
    "LATTICE",
    "MESH_CACHE",
    "MESH_DEFORM",
    "MESH_SEQUENCE_CACHE",
    "SHRINKWRAP",
    "SIMPLE_DEFORM",
    "SMOOTH",
    "SURFACE_DEFORM",
    "VOLUME_DISPLACE",
    "WARP",
    "WAVE",
}
NAME = "Gioconda Rig"
GONE = "The scene was changed or closed while the rig was read; try again."


def holder_of(ob: bpy.types.Object) -> Holder:
    return (ob.name, ob.library.filepath if ob.library else None)


def find(holder: Holder) -> bpy.types.Object:
    """Raises: RigError: the object is gone."""
    found = bpy.data.objects.get(holder)
    if found is None:
        raise RigError(f"The object “{holder[0]}” is not in this file any more; choose the rig again.")
    return found


class Stage:
    """Play `scene` frame by frame with only these objects in it.

    Args:
        plain: objects whose transforms or bones are read.
        surfaces: meshes whose vertices are read.
        keyed: meshes whose shape keys' values are read.
        in_scene: play the scene itself; its frame is put back at the end.
    """

    def __init__(
        self,
        scene: bpy.types.Scene,
        *,
        plain: Iterable[Holder] = (),
        surfaces: Iterable[Holder] = (),
        keyed: Iterable[Holder] = (),
        in_scene: bool = False,
    ) -> None:
        self.user_scene = scene.name
        self.in_scene = in_scene
        self.plain = sorted({*plain}, key=str)
        self.surfaces = sorted({*surfaces}, key=str)
        self.keyed = sorted({*keyed}, key=str)
        self.copies: dict[Holder, str] = {}
        self.helpers: list[str] = []
        self.shown: list[Holder] = []
        self.name = scene.name
        self.before = (scene.frame_current, scene.frame_subframe)

    def open(self) -> None:
        """Build the temporary scene."""
        if self.in_scene:
            return
        user = bpy.data.scenes[self.user_scene]
        scene = bpy.data.scenes.new(NAME)
        self.name = scene.name
        for field in ("fps", "fps_base", "frame_map_old", "frame_map_new", "use_simplify"):
            setattr(scene.render, field, getattr(user.render, field))
        for holder in self.plain:
            ob = find(holder)
            if ob.hide_viewport:
                ob.hide_viewport = False
                self.shown.append(holder)
            scene.collection.objects.link(ob)
        for holder in self.surfaces:
            scene.collection.objects.link(self._copy(holder))
        for holder in self.keyed:
            scene.collection.objects.link(self._looker(find(holder).data.shape_keys))

    def _copy(self, holder: Holder) -> bpy.types.Object:
        """The mesh object again, with only what moves its vertices."""
        copy = find(holder).copy()
        self.copies[holder] = copy.name
        copy.hide_viewport = False
        for modifier in list(copy.modifiers):
            if modifier.type not in DEFORMS or not modifier.show_viewport:
                copy.modifiers.remove(modifier)
        return copy

    def _looker(self, keys: bpy.types.Key) -> bpy.types.Object:
        """An empty with a driver that looks at the keys: it brings their animation along, and not the mesh."""
        looker = bpy.data.objects.new(NAME, None)
        self.helpers.append(looker.name)
        looker["seen"] = 0.0
        driver = looker.driver_add('["seen"]').driver
        driver.type = "SUM"
        target = driver.variables.new().targets[0]
        target.id_type, target.id = "KEY", keys
        target.data_path = "key_blocks[0].value"
        return looker

    def frame(self, frame: float) -> bpy.types.Depsgraph:
        """Go to a frame, fractions allowed, and evaluate it.

        Raises:
            RigError: the stage was taken away by an undo or another file.
        """
        scene = bpy.data.scenes.get(self.name)
        if scene is None:
            raise RigError(GONE)
        whole = math.floor(frame)
        scene.frame_set(whole, subframe=min(frame - whole, 0.999999))
        return self._layer(scene).depsgraph

    def now(self) -> bpy.types.Depsgraph:
        """Evaluate the user's scene as it stands, without going anywhere."""
        layer = self._layer(bpy.data.scenes[self.user_scene])
        layer.update()
        return layer.depsgraph

    @staticmethod
    def _layer(scene: bpy.types.Scene) -> bpy.types.ViewLayer:
        """The view layer that is shown, or the first; one without a dependency graph gets one."""
        layer = bpy.context.view_layer if bpy.context.scene == scene else scene.view_layers[0]
        if layer.depsgraph is None:
            layer.update()
        return layer

    def object(self, holder: Holder) -> bpy.types.Object:
        """What stands for an object on the stage."""
        if holder in self.copies:
            return find((self.copies[holder], None))
        return find(holder)

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """Armatures in their rest position and shape keys at zero; put back afterwards."""
        armatures = {ob.data for ob in self._armatures()}
        before = {armature: armature.pose_position for armature in armatures}
        copies = [find((name, None)) for name in self.copies.values()]
        try:
            for armature in armatures:
                armature.pose_position = "REST"
            for copy in copies:
                copy.show_only_shape_key, copy.active_shape_key_index = True, 0
            yield
        finally:
            for armature, position in before.items():
                armature.pose_position = position
            for copy in copies:
                copy.show_only_shape_key = False

    def _armatures(self) -> set[bpy.types.Object]:
        """Armatures on the stage, and those its objects hang on."""
        found: set[bpy.types.Object] = set()
        queue = [find(h) for h in (*self.plain, *self.surfaces)]
        seen = set(queue)
        while queue:
            ob = queue.pop()
            if ob.type == "ARMATURE":
                found.add(ob)
            targets = [ob.parent, *(getattr(c, "target", None) for c in ob.constraints)]
            targets += [m.object for m in ob.modifiers if m.type == "ARMATURE"]
            for target in targets:
                if target is not None and target not in seen:
                    seen.add(target)
                    queue.append(target)
        return found

    def close(self) -> None:
        """Leave no trace."""
        if self.in_scene:
            scene = bpy.data.scenes.get(self.user_scene)
            if scene is not None:
                scene.frame_set(self.before[0], subframe=self.before[1])
            return
        for name in (*self.copies.values(), *self.helpers):
            ob = bpy.data.objects.get((name, None))
            if ob is not None:
                bpy.data.objects.remove(ob)
        for holder in self.shown:
            ob = bpy.data.objects.get(holder)
            if ob is not None:
                ob.hide_viewport = True
        scene = bpy.data.scenes.get(self.name)
        if scene is not None and self.name != self.user_scene:
            bpy.data.scenes.remove(scene)
        self.copies, self.helpers, self.shown = {}, [], []
