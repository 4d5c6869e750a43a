"""No triangle of the face folds over: what an expression would turn inside out is laid flat instead.

Each triangle keeps a little of its area, signed, as seen in the portrait. Where an expression leaves it less, its
corners are moved apart by the least that gives it back (a unilateral area constraint: Müller et al., "Position based
dynamics", 2007). Where nothing folds, nothing changes; every step is continuous in the expression.
"""

from __future__ import annotations

import ctypes
from functools import cache

import numpy as np

from .. import landmarks as lm
from .. import native
from ..arrays import Float, Int, UInt8
from .anatomy import vertex_normals
from .kernels import smoothstep
from .patch import area
from .refinement import FACE, face_triangles, refinement

KEPT = 0.08  # of its area in the portrait, a triangle of skin keeps so much
_TURNED = -1.0  # the sign of the area of a triangle that faces the camera
_ROUNDS = 150
_SHUT, _OPEN = 0.006, 0.02  # between the lips, squared inter-ocular distances
_BULGE = 0.8  # of a motion out of a turned head's outline: left out
# How readily vertices move: the face's outline not at all, since hair follows it; lids and lips hardly.
_OVAL, _LIDS, _LIPS = 0.0, 0.05, 0.3


def displaced_face(head: Float, rotation: Float, displacement: Float) -> Float:
    """A face with an expression, in head space: the 478 points, then the K vertices that refine it. (478 + K, 3)

    Args:
        head: (478, 3) the portrait's landmarks, head space.
        rotation: (3, 3) from head space to the portrait's view.
        displacement: (478, 3) of the points, head space.
    """
    face, points = refinement(), lm.FACE_POINTS
    view, moved = head @ rotation.T, displacement @ rotation.T
    moved[:points] -= _bulge(view[:points], displacement[:points, 2], rotation[:, 2])
    coarse = _untangled(view[:points], moved[:points], *_coarse())
    rest = np.concatenate([view[:points], face.at_rest @ view[:points]])
    finer = face.moved @ coarse + _creased(view) * (face.corners @ coarse)
    skin = rest + _untangled(rest, finer, face.triangles, face.region)
    return np.asarray(np.concatenate([skin[:points], (view + moved)[points:], skin[points:]]) @ rotation)


def _bulge(view: Float, depth: Float, forward: Float) -> Float:
    """What is left out of an expression's motion towards the front where a turned head shows it from the side.

    There it moves the outline, or lifts a cheek into the nose's place, and a template tells too little of this face's
    depth for that. view: (N, 3), the face in its view, head units; depth: (N,), the motion along the head's own depth,
    whose direction in the view is `forward` (3,). -> (N, 3), 0 on heads that look at the camera.
    """
    turned = _BULGE * np.clip((np.hypot(*forward[:2]) - 0.2) / 0.25, 0, 1)
    if turned == 0:
        return np.zeros_like(view)
    normals = vertex_normals(view, lm.triangles())
    outwards = normals[:, :2] / np.maximum(np.linalg.norm(normals[:, :2], axis=1, keepdims=True), 1e-9)
    from_the_side = 1 - np.clip((-normals[:, 2] - 0.1) / 0.5, 0, 1)
    away = turned * from_the_side * np.maximum(depth * (outwards @ forward[:2]), 0)
    return np.column_stack([away[:, None] * outwards, np.zeros(len(view))])


def _creased(view: Float) -> float:
    """How much the skin beside the corners of the mouth follows them, 0..1: not where the portrait's lips are open, for
    what is seen there is no crease of the corners. view: (478, 3), the portrait's face in its view, head units."""
    apart = area(view[list(lm.LIPS_INNER), :2]) / lm.interocular(view) ** 2
    return float(1 - smoothstep((apart - _SHUT) / (_OPEN - _SHUT)))


def _untangled(rest: Float, moved: Float, triangles: Int, region: UInt8) -> Float:
    """Displacements (N, 3) of the vertices `rest`, both as the portrait shows them, without folds."""
    there = np.ascontiguousarray((rest + moved)[:, :2])
    if not untangle(there, triangles, _least_areas(rest, triangles, region), _mobility(len(rest))):
        return moved
    return np.column_stack([there - rest[:, :2], moved[:, 2]])


@cache
def _coarse() -> tuple[Int, UInt8]:
    return face_triangles()


@cache
def _mobility(count: int) -> Float:
    """How readily each vertex is moved, (count,)."""
    result = np.ones(count)
    result[list(lm.LIPS_INNER)] = _LIPS
    result[[*lm.EYE_RIGHT, *lm.EYE_LEFT]] = _LIDS
    result[list(lm.OVAL)] = _OVAL
    return result


def _least_areas(points: Float, triangles: Int, region: UInt8) -> Float:
    """Twice the signed area that every triangle keeps, (T,); -inf where it does not matter: between lips or lids, and
    on skin that faces away in the portrait. points: (N, 3), the face at rest, as the portrait shows it."""
    a, b, c = (points[triangles[:, k], :2] for k in range(3))
    area = _TURNED * ((b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0]))
    return np.where((region == FACE) & (area > 0), KEPT * area, -np.inf)


_untangle = native.kernel(
    "untangle",
    *(native.Array.of(np.float64), ctypes.c_int64, native.Array.of(np.int32), ctypes.c_int64),
    *(native.Array.of(np.float64), native.Array.of(np.float64), ctypes.c_int64),
    *(native.Array.of(np.int32), native.Array.of(np.int32), native.Array.of(np.uint64)),
    result=ctypes.c_int64,
)


def untangle(points: Float, triangles: Int, least: Float, mobile: Float) -> int:
    """Move points (N, 2) float64, in place, until every triangle has its least area; → how many times one was moved.

    Args:
        triangles: (T, 3) int32; least: (T,), see `_least_areas`; mobile: (N,), see `_mobility`.
    """
    n, count = len(points), len(triangles)
    memory = np.empty(n + 1, np.int32), np.empty(3 * count, np.int32), np.empty(count // 64 + 1, np.uint64)
    moved: int = _untangle(points, n, triangles, count, least, mobile, _ROUNDS, *memory)
    return moved
