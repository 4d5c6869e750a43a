"""Pull at the parts of a rig's copy (`rig_copy.py`), one after the other, and measure what of the face responds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import bpy
import numpy as np
import numpy.typing as npt
from mathutils import Euler, Matrix

from ..names import words
from ..read.assemble import LIMIT
from ..read.evaluation_scene import EvaluationScene, ObjectRef, find
from ..read.plan import MappedRow, Plan
from ..read.rig_inputs import Reading, RigInputs, matrix
from ..steps import Progress, Steps
from .rig_copy import RigCopy

Float = npt.NDArray[np.float64]
TURN = 0.2  # radians: how far a bone is turned
PUSH = 0.15  # head units: how far it is pushed
STILL = 1e-3  # of a channel, or of the distance between the eyes: less is no response
MANY = 400  # the most parts that are pulled at


class Part(NamedTuple):
    """One part of a rig that can be pulled at. `kind` and `source` as in a mapping row."""

    kind: str
    holder: ObjectRef
    source: str


@dataclass
class Responses:
    """What moves what.

    Attributes:
        rows: row number → how far its target moves (channels, or head units), by its own source or by another part.
        by: row number → the part that moves it: its own source, or what that source follows.
        moves: part → what it moves: landmarks' numbers and channels' names.
    """

    rows: dict[int, float] = field(default_factory=dict)
    by: dict[int, Part] = field(default_factory=dict)
    moves: dict[Part, set[int | str]] = field(default_factory=dict)
    head: bool = False
    eyes: bool = False


def probe_steps(plan: Plan, inputs: RigInputs, scene: bpy.types.Scene) -> Steps[Responses]:
    """One step for each part that is pulled at.

    First every row's own source; then, if some rows stay still, the other bones of the rig, for a source that follows
    others by constraints or drivers.

    Raises: RigError: a part has gone; an undo took the copies away.
    """
    own = {row.row: Part(row.input.kind, row.input.holder, row.input.source) for row in (*plan.channels, *plan.points)}
    parts = list(dict.fromkeys(p for p in own.values() if p.kind != "VERTICES"))
    parts += [
        Part("BONE", item.holder, item.source) for item in (plan.head, *plan.eyes) if item and item.kind == "BONE"
    ]
    parts += _head_controls(plan)
    parts = list(dict.fromkeys(parts))
    responses, first = Responses(), float(scene.frame_start)
    with RigCopy(inputs) as copy, copy.inputs.evaluation_scene(scene) as evaluation:
        unpulled = copy.inputs.read(evaluation, first)
        others: list[Part] | None = None
        done = 0
        while done < len(parts):
            part = parts[done]
            for change in _changes(plan, part, copy, evaluation, first, unpulled):
                _record(plan, part, own, change, responses)
            done += 1
            if done == len(parts) and others is None:
                unmoved = [row for row in own if row not in responses.rows] or plan.surface is not None
                others = _others(plan, copy, set(parts))[: MANY - len(parts)] if unmoved else []
                parts += others
            yield Progress("Pulling at the rig", done / len(parts))
    return responses


def _changes(
    plan: Plan, part: Part, copy: RigCopy, evaluation: EvaluationScene, first: float, unpulled: Reading
) -> Iterator[Reading]:
    """How the readings change, for each way of pulling at a part; the part is restored afterwards."""
    ob = copy.object(part.holder)
    for put in _pulls(part, ob, plan, matrix(find(part.holder).matrix_world)):
        before = put(None)
        pulled = copy.inputs.read(evaluation, first)
        put(before)
        yield Reading(
            pulled.values - unpulled.values, pulled.points - unpulled.points, pulled.matrices - unpulled.matrices
        )


def _pulls(part: Part, ob: bpy.types.Object, plan: Plan, world: Float) -> Iterator[Callable[[Any], Any]]:
    """Functions that pull at a part (given None) and return what to give them to restore it."""
    if part.kind == "KEY":
        block = ob.data.shape_keys.key_blocks[part.source]
        most = block.slider_max
        yield lambda value: _set(block, "value", most if value is None else value)
    elif part.kind == "PROPERTY":
        bone, slash, name = part.source.rpartition("/")
        owner = ob.pose.bones[bone] if slash else ob
        for end in _range(owner, name):
            yield lambda value, end=end: _set_item(owner, name, end if value is None else value, ob)
    elif part.kind in ("BONE", "OBJECT"):
        owner = ob.pose.bones[part.source] if part.kind == "BONE" else ob
        scale = float(np.cbrt(abs(np.linalg.det(world[:3, :3])))) or 1.0
        push = PUSH * plan.anatomy.in_world(_holder_world(plan)).unit / scale
        for way in (1.0, -1.0):
            pull = Matrix.Translation([way * push] * 3) @ Euler([way * TURN] * 3).to_matrix().to_4x4()
            yield lambda value, m=pull: _set(owner, "matrix_basis", owner.matrix_basis @ m if value is None else value)


def _holder_world(plan: Plan) -> Float:
    return matrix(find(plan.anatomy.holder).matrix_world) if plan.anatomy.holder else np.eye(4)


def _set(owner: object, name: str, value: object) -> object:
    before = getattr(owner, name)
    before = before.copy() if isinstance(before, Matrix) else before
    setattr(owner, name, value)
    return before


def _set_item(owner: bpy.types.ID | bpy.types.PoseBone, name: str, value: object, ob: bpy.types.Object) -> object:
    before = owner[name]
    owner[name] = value
    ob.update_tag()
    return before


def _range(owner: bpy.types.ID | bpy.types.PoseBone, name: str) -> list[float | int | bool]:
    """Both ends of a custom property's range, as far as they differ from its value."""
    value = owner[name]
    if isinstance(value, bool):
        return [not value]
    shown = owner.id_properties_ui(name).as_dict()
    ends = [shown.get("soft_min", shown.get("min", 0)), shown.get("soft_max", shown.get("max", 1))]
    ends = [min(max(end, value - 10), value + 10) for end in ends]  # a property without limits has ends beyond any use
    return [type(value)(end) for end in ends if end != value] or [value + 1]


def _head_controls(plan: Plan) -> list[Part]:
    """Bones that are called head: the one that deforms may follow one of them."""
    if plan.head is None or plan.head.kind != "BONE":
        return []
    bones = find(plan.head.holder).data.bones
    return [Part("BONE", plan.head.holder, bone.name) for bone in bones if words(bone.name) == ["head"]]


def _others(plan: Plan, copy: RigCopy, known: set[Part]) -> list[Part]:
    """More parts that may move the face: bones under the head, or all where no head is known; keys of its meshes."""
    found: list[Part] = []
    for holder in copy.holders():
        ob = find(holder)
        if ob.pose is not None:
            head = ob.data.bones.get(plan.head.source) if plan.head and plan.head.holder == holder else None
            near = {b.name for b in head.children_recursive} if head else set()
            names = sorted((b.name for b in ob.pose.bones), key=lambda name: name not in near)
            if plan.surface is not None and near:
                names = [name for name in names if name in near]
            found += [Part("BONE", holder, name) for name in names]
        keys = getattr(ob.data, "shape_keys", None)
        if keys is not None and copy.object(holder).data != ob.data:
            found += [Part("KEY", holder, block.name) for block in keys.key_blocks if block != keys.reference_key]
    return [part for part in found if part not in known]


def _record(plan: Plan, part: Part, own: dict[int, Part], change: Reading, responses: Responses) -> None:
    unit = plan.anatomy.in_world(_holder_world(plan)).unit
    head = Part("BONE", plan.head.holder, plan.head.source) if plan.head else None
    moved = responses.moves.setdefault(part, set())
    reach: dict[int, float] = {}
    for i, row in enumerate(plan.channels):
        reach[row.row] = _channel_reach(row, float(change.values[i]))
        if reach[row.row] > STILL:
            moved.add(row.channel)
    far = np.nan_to_num(np.linalg.norm(change.points, axis=1)) / unit
    if plan.surface is not None:
        moved.update(int(i) for i in np.flatnonzero(far > STILL))
    else:
        for i, row in enumerate(plan.points):
            reach[row.row] = abs(row.gain) * float(far[i])
            if reach[row.row] > STILL:
                moved.add(row.landmark)
    for row, value in reach.items():
        if value <= STILL or (part == head and own[row] != head):
            continue  # the whole face moves with the head: that says nothing of a row
        settled, most = responses.by.get(row) == own[row], responses.rows.get(row, 0.0)
        if own[row] == part and (not settled or value > most) or not settled and value > most:
            responses.rows[row], responses.by[row] = value, part
    turned = np.abs(change.matrices[:, :3, :3]).max(axis=(1, 2), initial=0.0)
    present = [item for item in (plan.head, *plan.eyes) if item is not None]
    for item, turn in zip(present, turned, strict=False):
        if turn > STILL:
            responses.head |= item == plan.head
            responses.eyes |= item in plan.eyes and part == Part("BONE", item.holder, item.source)


def _channel_reach(row: MappedRow, change: float) -> float:
    """How far a channel goes: it is held between 0 and LIMIT."""
    return abs(float(np.clip(row.gain * change + row.offset, 0, LIMIT)) - float(np.clip(row.offset, 0, LIMIT)))
