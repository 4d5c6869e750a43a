"""Copies of a rig to experiment on, so that the artist's own is never touched: objects, their poses, their shape keys.

The copies depend on each other as the originals do (parents, constraints, modifiers, drivers). Animation is left out,
drivers and constraints stay. Armature data is shared: only poses are copied.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import bpy
from mathutils import Matrix

from ..read.evaluation_scene import ObjectRef, find, ref_of
from ..read.rig_inputs import RigInput, RigInputs


class RigCopy:
    """Copies the objects that `inputs` reads, and all that moves them. A context manager.

    with RigCopy(inputs) as copy, copy.inputs.evaluation_scene(scene) as evaluation:
        copy.inputs.read(evaluation, frame)
    """

    def __init__(self, inputs: RigInputs) -> None:
        self._original = inputs
        self._names: dict[ObjectRef, str] = {}
        self._meshes: list[str] = []
        self.inputs = inputs

    def __enter__(self) -> RigCopy:
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for name in self._names.values():
            ob = bpy.data.objects.get((name, None))
            if ob is not None:
                bpy.data.objects.remove(ob)
        for name in self._meshes:
            mesh = bpy.data.meshes.get((name, None))
            if mesh is not None:
                bpy.data.meshes.remove(mesh)
        self._names, self._meshes = {}, []

    def object(self, holder: ObjectRef) -> bpy.types.Object:
        """The copy of an object. Raises: RigError: an undo took it away."""
        return find((self._names[holder], None))

    def holders(self) -> list[ObjectRef]:
        """The originals."""
        return list(self._names)

    def _build(self) -> None:
        read = (*self._original.values, *self._original.points, *self._original.matrices, *self._original.mesh_points)
        family = _family([find(h) for h in dict.fromkeys(t.holder for t in read)])
        swaps: dict[bpy.types.ID, bpy.types.ID] = {}
        keyed = {t.holder for t in self._original.values if t.kind == "KEY"}
        keyed |= {skin.holder for skin in self._original.mesh_points}
        for ob in family:
            copy = ob.copy()
            self._names[ref_of(ob)] = copy.name
            swaps[ob] = copy
            copy.hide_viewport = False
            _remove_animation(copy)
            if ob.type == "MESH" and ob.data.shape_keys and ref_of(ob) in keyed:
                copy.data = ob.data.copy()
                self._meshes.append(copy.data.name)
                swaps[ob.data], swaps[ob.data.shape_keys] = copy.data, copy.data.shape_keys
                _remove_animation(copy.data.shape_keys)
                for block in copy.data.shape_keys.key_blocks[1:]:
                    block.value = 0.0
        for copy in [c for c in swaps.values() if isinstance(c, bpy.types.Object)]:
            _relink(copy, swaps)
        self.inputs = self._on_copies(self._original)

    def _on_copies(self, inputs: RigInputs) -> RigInputs:
        def copied(item: RigInput) -> RigInput:
            return item._replace(holder=(self._names[item.holder], None))

        return RigInputs(
            values=[copied(item) for item in inputs.values],
            points=[copied(item) for item in inputs.points],
            mesh_points=[replace(p, holder=(self._names[p.holder], None)) for p in inputs.mesh_points],
            matrices=[copied(item) for item in inputs.matrices],
        )


def _family(start: list[bpy.types.Object]) -> list[bpy.types.Object]:
    """These objects and all that they depend on: parents, targets of constraints, modifiers and drivers."""
    found = dict.fromkeys(start)
    queue = list(start)
    while queue:
        ob = queue.pop()
        for other in (ob.parent, *_targets(ob)):
            if isinstance(other, bpy.types.Object) and other not in found:
                found[other] = None
                queue.append(other)
    return list(found)


def _targets(ob: bpy.types.Object) -> Iterator[bpy.types.ID | None]:
    for owner, name in _pointers(ob):
        yield getattr(owner, name)
    for data in (ob, getattr(ob.data, "shape_keys", None)):
        for target in _driver_targets(data):
            yield target.id


def _pointers(ob: bpy.types.Object) -> Iterator[tuple[Any, str]]:
    """(owner, field) of everything on an object that points at another object."""
    stacks = [ob.constraints, ob.modifiers, *(bone.constraints for bone in (ob.pose.bones if ob.pose else ()))]
    for stack in stacks:
        for entry in stack:
            for field in _object_fields(type(entry)):
                yield entry, field
            for target in getattr(entry, "targets", ()):
                yield target, "target"


@cache
def _object_fields(kind: type) -> tuple[str, ...]:
    """The fields of a constraint or modifier that hold an object."""
    return tuple(
        p.identifier
        for p in kind.bl_rna.properties
        if p.type == "POINTER" and p.fixed_type.identifier == "Object" and not p.is_readonly
    )


def _driver_targets(data: bpy.types.ID | None) -> Iterator[bpy.types.DriverTarget]:
    animation = data.animation_data if data is not None else None
    for curve in animation.drivers if animation else ():
        for variable in curve.driver.variables:
            yield from variable.targets


def _remove_animation(data: bpy.types.ID) -> None:
    """Take its animation away; drivers stay."""
    animation = data.animation_data
    if animation is None:
        return
    animation.action = None
    for track in list(animation.nla_tracks):
        animation.nla_tracks.remove(track)


def _relink(copy: bpy.types.Object, swaps: dict[bpy.types.ID, bpy.types.ID]) -> None:
    """Let a copy depend on copies."""
    for owner, name in _pointers(copy):
        other = getattr(owner, name)
        if other in swaps:
            setattr(owner, name, swaps[other])
    for data in (copy, getattr(copy.data, "shape_keys", None) if copy.data in swaps.values() else None):
        for target in _driver_targets(data):
            if target.id in swaps:
                target.id = swaps[target.id]
    if copy.parent in swaps:
        inverse: Matrix = copy.matrix_parent_inverse.copy()
        copy.parent = swaps[copy.parent]
        copy.matrix_parent_inverse = inverse
