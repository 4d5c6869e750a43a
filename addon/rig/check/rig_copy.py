"""Copies of a rig to pull about, so that the artist's own is never touched: objects, their poses, their shape keys.

The copies hang on each other as the originals do (parents, constraints, modifiers, drivers); what is animated on the
originals is left out, what is driven or constrained stays. Actions and bones are shared: only poses are copied.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import bpy
from mathutils import Matrix

from ..read.evaluation_scene import Holder, find, holder_of
from ..read.rig_inputs import Skin, Tap, Taps


class Understudy:
    """Stands in for the objects that `taps` read, and for all that moves them.

    with Understudy(taps) as double:
        stage = double.taps.stage(scene, in_scene=False)
    """

    def __init__(self, taps: Taps) -> None:
        self._original = taps
        self._names: dict[Holder, str] = {}
        self._meshes: list[str] = []
        self.taps = taps

    def __enter__(self) -> Understudy:
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

    def object(self, holder: Holder) -> bpy.types.Object:
        """The copy of an object. Raises: RigError: an undo took it away."""
        return find((self._names[holder], None))

    def holders(self) -> list[Holder]:
        """The originals."""
        return list(self._names)

    def _build(self) -> None:
        read = (*self._original.values, *self._original.points, *self._original.matrices, *self._original.skins)
        family = _family([find(h) for h in dict.fromkeys(t.holder for t in read)])
        swaps: dict[bpy.types.ID, bpy.types.ID] = {}
        keyed = {t.holder for t in self._original.values if t.kind == "KEY"}
        keyed |= {skin.holder for skin in self._original.skins}
        for ob in family:
            copy = ob.copy()
            self._names[holder_of(ob)] = copy.name
            swaps[ob] = copy
            copy.hide_viewport = False
            _still(copy)
            if ob.type == "MESH" and ob.data.shape_keys and holder_of(ob) in keyed:
                copy.data = ob.data.copy()
                self._meshes.append(copy.data.name)
                swaps[ob.data], swaps[ob.data.shape_keys] = copy.data, copy.data.shape_keys
                _still(copy.data.shape_keys)
                for block in copy.data.shape_keys.key_blocks[1:]:
                    block.value = 0.0
        for copy in [c for c in swaps.values() if isinstance(c, bpy.types.Object)]:
            _rehang(copy, swaps)
        self.taps = self._moved(self._original)

    def _moved(self, taps: Taps) -> Taps:
        def tap(old: Tap) -> Tap:
            return old._replace(holder=(self._names[old.holder], None))

        def skin(old: Skin) -> Skin:
            return replace(old, holder=(self._names[old.holder], None))

        return Taps(
            values=[tap(t) for t in taps.values],
            points=[tap(t) for t in taps.points],
            skins=[skin(s) for s in taps.skins],
            matrices=[tap(t) for t in taps.matrices],
        )


def _family(start: list[bpy.types.Object]) -> list[bpy.types.Object]:
    """These objects and all that they hang on: parents, targets of constraints, modifiers and drivers."""
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


_FIELDS: dict[type, tuple[str, ...]] = {}


def _object_fields(kind: type) -> tuple[str, ...]:
    """The fields of a constraint or modifier that hold an object."""
    if kind not in _FIELDS:
        _FIELDS[kind] = tuple(
            p.identifier
            for p in kind.bl_rna.properties
            if p.type == "POINTER" and p.fixed_type.identifier == "Object" and not p.is_readonly
        )
    return _FIELDS[kind]


def _driver_targets(data: bpy.types.ID | None) -> Iterator[bpy.types.DriverTarget]:
    animation = data.animation_data if data is not None else None
    for curve in animation.drivers if animation else ():
        for variable in curve.driver.variables:
            yield from variable.targets


def _still(data: bpy.types.ID) -> None:
    """Without its animation; drivers stay."""
    animation = data.animation_data
    if animation is None:
        return
    animation.action = None
    for track in list(animation.nla_tracks):
        animation.nla_tracks.remove(track)


def _rehang(copy: bpy.types.Object, swaps: dict[bpy.types.ID, bpy.types.ID]) -> None:
    """Let a copy hang on copies."""
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
