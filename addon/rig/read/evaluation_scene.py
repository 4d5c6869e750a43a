"""The scene in which a rig is evaluated: a temporary one that holds only the rig, or the user's own.

A temporary scene leaves the user's frame alone and evaluates nothing else; the dependency graph pulls in parents,
constraint targets and driver sources by itself. Vertices are read from copies of the meshes, without modifiers that
change the number of vertices; shape-key values without their mesh, through a driver that depends on them. Objects are
looked up by name at each use, so that an undo between two steps raises an error instead of crashing Blender.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import bpy

from ..errors import GONE, RigError

ObjectRef = tuple[str, str | None]  # an object's name and its library's path: a key of bpy.data.objects

# Modifiers that move vertices and keep their number and order.
DEFORMS = {
    *("ARMATURE", "CAST", "CORRECTIVE_SMOOTH", "CURVE", "DISPLACE", "HOOK", "LAPLACIANDEFORM", "LAPLACIANSMOOTH"),
    *("LATTICE", "MESH_CACHE", "MESH_DEFORM", "MESH_SEQUENCE_CACHE", "SHRINKWRAP", "SIMPLE_DEFORM", "SMOOTH"),
    *("SURFACE_DEFORM", "VOLUME_DISPLACE", "WARP", "WAVE"),
}
NAME = "Gioconda Rig"


def ref_of(ob: bpy.types.Object) -> ObjectRef:
    return (ob.name, ob.library.filepath if ob.library else None)


def find(ref: ObjectRef) -> bpy.types.Object:
    """Raises: RigError: the object is gone."""
    found = bpy.data.objects.get(ref)
    if found is None:
        raise RigError(f"The object “{ref[0]}” is not in this file any more; choose the rig again.")
    return found


class EvaluationScene:
    """Evaluates frames of `scene` with only these objects in it. A context manager that leaves no trace.

    Args:
        transforms: objects whose transforms, bones or properties are read.
        meshes: meshes whose vertices are read.
        shape_keys: meshes whose shape keys' values are read.
        in_scene: evaluate the user's scene itself; its frame is restored at the end.
    """

    def __init__(
        self,
        scene: bpy.types.Scene,
        *,
        transforms: Iterable[ObjectRef] = (),
        meshes: Iterable[ObjectRef] = (),
        shape_keys: Iterable[ObjectRef] = (),
        in_scene: bool = False,
    ) -> None:
        self.user_scene = scene.name
        self.in_scene = in_scene
        self.transforms = sorted({*transforms}, key=str)
        self.meshes = sorted({*meshes}, key=str)
        self.shape_keys = sorted({*shape_keys}, key=str)
        self.copies: dict[ObjectRef, str] = {}  # of meshes
        self.helpers: list[str] = []  # empties that depend on shape keys
        self.unhidden: list[ObjectRef] = []
        self.name = scene.name
        self.before = (scene.frame_current, scene.frame_subframe)

    def __enter__(self) -> EvaluationScene:
        try:
            if not self.in_scene:
                self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _build(self) -> None:
        user = bpy.data.scenes[self.user_scene]
        scene = bpy.data.scenes.new(NAME)
        self.name = scene.name
        for field in ("fps", "fps_base", "frame_map_old", "frame_map_new", "use_simplify"):
            setattr(scene.render, field, getattr(user.render, field))
        for ref in self.transforms:
            ob = find(ref)
            if ob.hide_viewport:
                ob.hide_viewport = False
                self.unhidden.append(ref)
            scene.collection.objects.link(ob)
        for ref in self.meshes:
            scene.collection.objects.link(self._copy(ref))
        for ref in self.shape_keys:
            scene.collection.objects.link(self._key_dependent(find(ref).data.shape_keys))

    def _copy(self, ref: ObjectRef) -> bpy.types.Object:
        """A copy of a mesh object with only those modifiers that keep its vertices' number and order."""
        copy = find(ref).copy()
        self.copies[ref] = copy.name
        copy.hide_viewport = False
        for modifier in list(copy.modifiers):
            if modifier.type not in DEFORMS or not modifier.show_viewport:
                copy.modifiers.remove(modifier)
        return copy

    def _key_dependent(self, keys: bpy.types.Key) -> bpy.types.Object:
        """An empty with a driver that reads the keys: the graph then evaluates their animation, without the mesh."""
        empty = bpy.data.objects.new(NAME, None)
        self.helpers.append(empty.name)
        empty["key_value"] = 0.0
        driver = empty.driver_add('["key_value"]').driver
        driver.type = "SUM"
        target = driver.variables.new().targets[0]
        target.id_type, target.id = "KEY", keys
        target.data_path = "key_blocks[0].value"
        return empty

    def frame(self, frame: float) -> bpy.types.Depsgraph:
        """Go to a frame, fractions allowed, and evaluate it.

        Raises: RigError: an undo or another file removed the temporary scene.
        """
        scene = bpy.data.scenes.get(self.name)
        if scene is None:
            raise RigError(GONE)
        whole = math.floor(frame)
        scene.frame_set(whole, subframe=min(frame - whole, 0.999999))
        layer = bpy.context.view_layer if bpy.context.scene == scene else scene.view_layers[0]
        if layer.depsgraph is None:
            layer.update()
        return layer.depsgraph

    def object(self, ref: ObjectRef) -> bpy.types.Object:
        """The object to read: the copy where there is one."""
        return find((self.copies[ref], None) if ref in self.copies else ref)

    @contextmanager
    def in_bind_pose(self) -> Iterator[None]:
        """Armatures in their rest position and shape keys at zero; restored afterwards."""
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
        """Armatures in the scene, and those its objects depend on."""
        found: set[bpy.types.Object] = set()
        queue = [find(h) for h in (*self.transforms, *self.meshes)]
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

    def __exit__(self, *_: object) -> None:
        if self.in_scene:
            scene = bpy.data.scenes.get(self.user_scene)
            if scene is not None:
                scene.frame_set(self.before[0], subframe=self.before[1])
            return
        for name in (*self.copies.values(), *self.helpers):
            ob = bpy.data.objects.get((name, None))
            if ob is not None:
                bpy.data.objects.remove(ob)
        for ref in self.unhidden:
            ob = bpy.data.objects.get(ref)
            if ob is not None:
                ob.hide_viewport = True
        scene = bpy.data.scenes.get(self.name)
        if scene is not None and self.name != self.user_scene:
            bpy.data.scenes.remove(scene)
        self.copies, self.helpers, self.unhidden = {}, [], []
