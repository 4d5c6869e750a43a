"""What is read from the rig in each frame: values, points and matrices of evaluated objects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import bpy
import numpy as np
import numpy.typing as npt
from mathutils import Matrix

from ..errors import RigError
from .evaluation_scene import EvaluationScene, ObjectRef, find

Float = npt.NDArray[np.float64]
AXES = {"X": 0, "Y": 1, "Z": 2}


class RigInput(NamedTuple):
    """One thing to read. `kind` and `part` as in `settings.SOURCES` and `COMPONENTS`; part MATRIX reads all of it."""

    kind: str
    holder: ObjectRef
    source: str
    part: str


@dataclass(frozen=True)
class MeshPoints:
    """Points on one mesh, each a weighted sum of some of its vertices.

    Attributes:
        vertices: (K, m) int vertex numbers.
        weights: (K, m) float, rows sum to 1.
        indices: (K,) numbers of the points among all the points.
    """

    holder: ObjectRef
    vertices: npt.NDArray[np.int64]
    weights: Float
    indices: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Reading:
    """One frame: values (N,), points (P, 3) in world space, matrices (M, 4, 4) in world space."""

    values: Float
    points: Float
    matrices: Float


@dataclass
class RigInputs:
    """All that is read in a frame; `mesh_points` are points, too."""

    values: Sequence[RigInput] = ()
    points: Sequence[RigInput] = ()
    mesh_points: Sequence[MeshPoints] = ()
    matrices: Sequence[RigInput] = ()
    point_count: int = 0
    _by_object: dict[ObjectRef, list[tuple[str, int, RigInput]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        groups: dict[ObjectRef, list[tuple[str, int, RigInput]]] = defaultdict(list)
        vertices = []
        for what, inputs in (("values", self.values), ("points", self.points), ("matrices", self.matrices)):
            for i, item in enumerate(inputs):
                if item.kind == "VERTICES":
                    vertices.append(_vertex_point(item, i))
                else:
                    groups[item.holder].append((what, i, item))
        self.mesh_points = [*self.mesh_points, *vertices]
        self._by_object = dict(groups)
        counts = [int(points.indices.max()) + 1 for points in self.mesh_points if len(points.indices)]
        self.point_count = max([len(self.points), *counts])

    def evaluation_scene(self, scene: bpy.types.Scene, *, in_scene: bool = False) -> EvaluationScene:
        """A scene in which everything can be read."""
        inputs = (*self.values, *self.points, *self.matrices)
        return EvaluationScene(
            scene,
            transforms={t.holder for t in inputs if t.kind not in ("KEY", "VERTICES")},
            meshes={points.holder for points in self.mesh_points},
            shape_keys={t.holder for t in inputs if t.kind == "KEY"},
            in_scene=in_scene,
        )

    def read(self, evaluation: EvaluationScene, frame: float) -> Reading:
        """Everything in one frame. Raises: RigError: a bone, key or object has gone."""
        depsgraph = evaluation.frame(frame)
        result = Reading(
            np.zeros(len(self.values)),
            np.full((self.point_count, 3), np.nan),
            np.tile(np.eye(4), (len(self.matrices), 1, 1)),
        )
        for holder, group in self._by_object.items():
            keyed = [entry for entry in group if entry[2].kind == "KEY"]
            if keyed:
                _read_keys(find(holder), depsgraph, keyed, result.values)
            others = [entry for entry in group if entry[2].kind != "KEY"]
            if others:
                _read_object(evaluation.object(holder).evaluated_get(depsgraph), others, result)
        for points in self.mesh_points:
            _read_mesh_points(evaluation.object(points.holder).evaluated_get(depsgraph), points, result.points)
        return result


def matrix(value: Matrix) -> Float:
    """(4, 4) float64."""
    return np.array(value, np.float64)


def _read_keys(
    ob: bpy.types.Object, depsgraph: bpy.types.Depsgraph, group: list[tuple[str, int, RigInput]], out: Float
) -> None:
    blocks = ob.data.shape_keys.evaluated_get(depsgraph).key_blocks
    values = np.empty(len(blocks), np.float32)
    blocks.foreach_get("value", values)
    for _, i, item in group:
        index = blocks.find(item.source)
        if index < 0:
            raise RigError(f"The shape key “{item.source}” of “{ob.name}” is not there any more; map again.")
        out[i] = values[index]


def _read_object(ob: bpy.types.Object, group: list[tuple[str, int, RigInput]], result: Reading) -> None:
    world = matrix(ob.matrix_world)
    poses: Float | None = None
    for what, i, item in group:
        if item.kind == "PROPERTY":
            result.values[i] = _property(ob, item.source)
            continue
        if item.kind == "OBJECT":
            own, local, tail = world, matrix(ob.matrix_basis), world[:3, 3]
        else:
            if poses is None:
                poses = _poses(ob)
            index = ob.pose.bones.find(item.source)
            if index < 0:
                raise RigError(f"The bone “{item.source}” of “{ob.name}” is not there any more; map again.")
            own = world @ poses[index]
            bone = ob.pose.bones[index]
            tail = (own @ [0.0, bone.length, 0.0, 1.0])[:3]
            local = _local(ob, bone, poses) if what == "values" else own
        if what == "matrices":
            result.matrices[i] = own
        elif what == "points":
            result.points[i] = tail if item.part == "TAIL" else own[:3, 3]
        else:
            result.values[i] = _component(local, item.part)


def _poses(ob: bpy.types.Object) -> Float:
    """Every bone's matrix in the armature's space, (bones, 4, 4)."""
    flat = np.empty(len(ob.pose.bones) * 16, np.float32)
    ob.pose.bones.foreach_get("matrix", flat)
    return flat.reshape(-1, 4, 4).transpose(0, 2, 1).astype(np.float64)


def _local(ob: bpy.types.Object, bone: bpy.types.PoseBone, poses: Float) -> Float:
    """A bone's motion relative to its parent, constraints and drivers included, as its own channels would hold it."""
    rest, own = matrix(bone.bone.matrix_local), poses[ob.pose.bones.find(bone.name)]
    if bone.parent is None:
        return np.linalg.solve(rest, own)
    parent = poses[ob.pose.bones.find(bone.parent.name)]
    before = np.linalg.solve(matrix(bone.parent.bone.matrix_local), rest)
    return np.linalg.solve(before, np.linalg.solve(parent, own))


def _component(local: Float, part: str) -> float:
    name, _, axis = part.partition("_")
    if name == "LOC":
        return float(local[AXES[axis], 3])
    if name == "SCALE":
        return float(np.linalg.norm(local[:3, AXES[axis]])) - 1.0
    if name == "ROT":
        return float(Matrix(local.tolist()).to_euler("XYZ")[AXES[axis]])
    return float(np.linalg.norm(local[:3, 3]))


def _property(ob: bpy.types.Object, path: str) -> float:
    """The value of `name` or `bone/name`."""
    bone, slash, name = path.rpartition("/")
    owner = ob.pose.bones.get(bone) if slash and ob.pose else ob
    value = owner.get(name) if owner is not None else None
    if not isinstance(value, (int, float)):
        raise RigError(f"“{ob.name}” has no custom property “{path}” with a number in it; map again.")
    return float(value)


def _read_mesh_points(ob: bpy.types.Object, chosen: MeshPoints, points: Float) -> None:
    mesh = ob.data
    count = len(mesh.vertices)
    if not len(chosen.vertices) or chosen.vertices.max() >= count:
        raise RigError(f"The mesh “{ob.name}” is not the one that was mapped: its vertices have changed; map again.")
    flat = np.empty(count * 3, np.float32)
    mesh.vertices.foreach_get("co", flat)
    world = matrix(ob.matrix_world)
    local = np.einsum("kmd,km->kd", flat.reshape(-1, 3)[chosen.vertices], chosen.weights)
    points[chosen.indices] = local @ world[:3, :3].T + world[:3, 3]


def _vertex_point(item: RigInput, index: int) -> MeshPoints:
    """A vertex group (its weighted middle) or one vertex, as point number `index`."""
    ob = find(item.holder)
    if item.source.isdigit():
        vertices, weights = [int(item.source)], [1.0]
    else:
        group = ob.vertex_groups.get(item.source)
        if group is None:
            raise RigError(f"The vertex group “{item.source}” of “{ob.name}” is not there any more; map again.")
        pairs = [(v.index, g.weight) for v in ob.data.vertices for g in v.groups if g.group == group.index and g.weight]
        if not pairs:
            raise RigError(f"The vertex group “{item.source}” of “{ob.name}” has no vertices.")
        vertices, weights = [p[0] for p in pairs], [p[1] for p in pairs]
    total = sum(weights)
    return MeshPoints(item.holder, np.array([vertices]), np.array([[w / total for w in weights]]), np.array([index]))
