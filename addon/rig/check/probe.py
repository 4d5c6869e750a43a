"""Pull at a rig's parts, one after the other, and see what of the face answers. On copies only (`understudy.py`)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import bpy
import numpy as np
import numpy.typing as npt
from mathutils import Euler, Matrix

from ..names import words
from ..read.assemble import LIMIT
from ..read.evaluation_scene import Holder, Stage, find
from ..read.plan import Line, Plan
from ..read.rig_inputs import Reading, Taps, matrix
from .rig_copy import Understudy

Float = npt.NDArray[np.float64]
TURN = 0.2  # radians: how far a bone is turned
PUSH = 0.15  # head units: how far it is pushed
STILL = 1e-3  # of a channel, or of the distance between the eyes: less is no answer
MANY = 400  # the most parts that are pulled at


class Part(NamedTuple):
    """One part of a rig that can be pulled at. `kind` and `source` as in a mapping row."""

    kind: str
    holder: Holder
    source: str


@dataclass
class Answers:
    """What moves what. Landmarks by number where there are such, else by the row's place in the plan.

    Attributes:
        rows: row number → how far its target goes (channels, or head units), by its own source or by another part.
        by: row number → the part that moves it: its own source, or what that one follows.
        moves: part → what it moves: landmarks' numbers and channels' names.
    """

    rows: dict[int, float] = field(default_factory=dict)
    by: dict[int, Part] = field(default_factory=dict)
    moves: dict[Part, set[int | str]] = field(default_factory=dict)
    head: bool = False
    eyes: bool = False


def stir(plan: Plan, taps: Taps, scene: bpy.types.Scene) -> Generator[tuple[int, int], None, Answers]:
    """Yields (done, total) after each part that was pulled at.

    First every row's own source; then, if some rows stay still, the other bones of the rig, for a source that follows
    others by constraints or drivers.

    Raises:
        RigError: a part has gone; an undo took the copies away.
    """
    own = {line.row: Part(line.tap.kind, line.tap.holder, line.tap.source) for line in (*plan.channels, *plan.points)}
    parts = list(dict.fromkeys(p for p in own.values() if p.kind != "VERTICES"))
    parts += [Part("BONE", tap.holder, tap.source) for tap in (plan.head, *plan.eyes) if tap and tap.kind == "BONE"]
    parts += _head_controls(plan)
    parts = list(dict.fromkeys(parts))
    answers, first = Answers(), float(scene.frame_start)
    with Understudy(taps) as double:
        stage = double.taps.stage(scene, in_scene=False)
        try:
            stage.open()
            rest = double.taps.read(stage, stage.frame(first))
            others: list[Part] | None = None
            done = 0
            while done < len(parts):
                part = parts[done]
                for change in _pulled(plan, part, double, stage, first, rest):
                    _note(plan, part, own, change, answers)
                done += 1
                if done == len(parts) and others is None:
                    silent = [row for row in own if row not in answers.rows] or plan.surface is not None
                    others = _others(plan, double, set(parts))[: MANY - len(parts)] if silent else []
                    parts += others
                yield done, len(parts)
        finally:
            stage.close()
    return answers


def _pulled(plan: Plan, part: Part, double: Understudy, stage: Stage, first: float, rest: Reading) -> Iterator[Reading]:
    """The readings' changes, for each way of pulling at a part; it is put back afterwards."""
    ob = double.object(part.holder)
    for put in _ways(part, ob, plan, matrix(find(part.holder).matrix_world)):
        before = put(None)
        seen = double.taps.read(stage, stage.frame(first))
        put(before)
        yield Reading(seen.values - rest.values, seen.points - rest.points, seen.matrices - rest.matrices)


def _ways(part: Part, ob: bpy.types.Object, plan: Plan, world: Float) -> Iterator[Callable[[Any], Any]]:
    """Functions that pull (given None) and return what to give them to put everything back."""
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
        push = PUSH * plan.anatomy.place(_holder_world(plan)).unit / scale
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
    """Both ends of a custom property, as far as they differ from its value."""
    value = owner[name]
    if isinstance(value, bool):
        return [not value]
    shown = owner.id_properties_ui(name).as_dict()
    ends = [shown.get("soft_min", shown.get("min", 0)), shown.get("soft_max", shown.get("max", 1))]
    ends = [min(max(end, value - 10), value + 10) for end in ends]  # without limits the ends are astronomical
    return [type(value)(end) for end in ends if end != value] or [value + 1]


def _head_controls(plan: Plan) -> list[Part]:
    """Bones that are called head: the one that deforms may follow one of them."""
    if plan.head is None or plan.head.kind != "BONE":
        return []
    bones = find(plan.head.holder).data.bones
    return [Part("BONE", plan.head.holder, bone.name) for bone in bones if words(bone.name) == ["head"]]


def _others(plan: Plan, double: Understudy, known: set[Part]) -> list[Part]:
    """More parts that may move the face: bones under the head, or all where no head is known; keys of its meshes."""
    found: list[Part] = []
    for holder in double.holders():
        ob = find(holder)
        if ob.pose is not None:
            head = ob.data.bones.get(plan.head.source) if plan.head and plan.head.holder == holder else None
            near = {b.name for b in head.children_recursive} if head else set()
            names = sorted((b.name for b in ob.pose.bones), key=lambda name: name not in near)
            if plan.surface is not None and near:
                names = [name for name in names if name in near]
            found += [Part("BONE", holder, name) for name in names]
        keys = getattr(ob.data, "shape_keys", None)
        if keys is not None and double.object(holder).data != ob.data:
            found += [Part("KEY", holder, block.name) for block in keys.key_blocks if block != keys.reference_key]
    return [part for part in found if part not in known]


def _note(plan: Plan, part: Part, own: dict[int, Part], change: Reading, answers: Answers) -> None:
    unit = plan.anatomy.place(_holder_world(plan)).unit
    head = Part("BONE", plan.head.holder, plan.head.source) if plan.head else None
    moved = answers.moves.setdefault(part, set())
    reach: dict[int, float] = {}
    for i, line in enumerate(plan.channels):
        reach[line.row] = _channel_reach(line, float(change.values[i]))
        if reach[line.row] > STILL:
            moved.add(line.channel)
    far = np.nan_to_num(np.linalg.norm(change.points, axis=1)) / unit
    if plan.surface is not None:
        moved.update(int(i) for i in np.flatnonzero(far > STILL))
    else:
        for i, line in enumerate(plan.points):
            reach[line.row] = abs(line.gain) * float(far[i])
            if reach[line.row] > STILL:
                moved.add(line.landmark)
    for row, value in reach.items():
        if value <= STILL or (part == head and own[row] != head):
            continue  # all of a face goes with the head: that says nothing of a row
        settled, most = answers.by.get(row) == own[row], answers.rows.get(row, 0.0)
        if own[row] == part and (not settled or value > most) or not settled and value > most:
            answers.rows[row], answers.by[row] = value, part
    turned = np.abs(change.matrices[:, :3, :3]).max(axis=(1, 2), initial=0.0)
    present = [tap for tap in (plan.head, *plan.eyes) if tap is not None]
    for tap, turn in zip(present, turned, strict=False):
        if turn > STILL:
            answers.head |= tap == plan.head
            answers.eyes |= tap in plan.eyes and part == Part("BONE", tap.holder, tap.source)


def _channel_reach(line: Line, change: float) -> float:
    """How far a channel goes: it is held between 0 and LIMIT."""
    return abs(float(np.clip(line.gain * change + line.offset, 0, LIMIT)) - float(np.clip(line.offset, 0, LIMIT)))
