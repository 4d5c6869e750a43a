"""Bind landmarks that were detected in a picture of a mesh to the mesh: for each its triangle and weights.

Picture axes throughout: x right, y down, z away from the viewer; rays go along +z.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from mathutils import Vector
from mathutils.bvhtree import BVHTree

from ....core.gioconda import landmarks
from ..errors import RigError
from ..read.anatomy import Anatomy
from ..read.evaluation_scene import ObjectRef
from ..read.rig_inputs import MeshPoints
from ..read.surface import Surface
from ..steps import Progress, Steps
from .clay_render import OrthoView, TriangleMesh

Float = npt.NDArray[np.float64]
AHEAD = Vector((0.0, 0.0, 1.0))
CLOSE = 0.2  # head units: skin this far before or behind the nets' depth is another part of the head
INNER_LIPS = 0.3  # inner lips are bound this share of the way to the outer ones: never to the other lip
LID_EDGE = 0.02  # head units: lids are bound this far from the edge of the eye's opening
COLUMN = 64  # rays down an eye to find where it opens
CHEEKS = (50, 280, 205, 425, 151, 9, 199, 101, 330)
LIDS = (
    (landmarks.UPPER_LID_RIGHT, landmarks.LOWER_LID_RIGHT, landmarks.CREASE_RIGHT, landmarks.POUCH_RIGHT),
    (landmarks.UPPER_LID_LEFT, landmarks.LOWER_LID_LEFT, landmarks.CREASE_LEFT, landmarks.POUCH_LEFT),
)
IRISES = ((landmarks.IRIS_RIGHT, 33, 133), (landmarks.IRIS_LEFT, 263, 362))
RELIEF = 0.02  # head units: nose, sockets and lips stand out by 0.04 and more, a ball or an egg by 0.01
SMOOTH = (
    "What looked like a face on the mesh is a smooth surface, without nose or eyes; choose another mesh or map by hand."
)
BESIDE = "The face found on the mesh lies beside it; choose another mesh or map by hand."


def bind_landmarks(
    mesh: TriangleMesh, owners: Sequence[tuple[ObjectRef, int]], axes: Float, view: OrthoView, detected: Float
) -> Steps[tuple[Surface, Anatomy]]:
    """Bind every landmark to the surface.

    Args:
        mesh: the character's meshes in picture axes.
        owners: which object holds which vertices: (reference, number of its first vertex), ascending.
        axes: (3, 3) world → picture axes.
        view: the window in which the landmarks were detected.
        detected: (478, 3) landmarks, pixels of the view.

    Returns:
        The surface; and the anatomy in world space.

    Raises: RigError: the landmarks lie beside the mesh, or on a surface as smooth as a ball's.
    """
    ready = Progress("Binding landmarks to the mesh", 0.9)
    unit = view.side / view.pixels * float(np.linalg.norm(detected[33, :2] - detected[263, :2]))
    xy = view.to_world(detected[:, :2])
    ray_z = float(mesh.points[:, 2].min()) - 1.0
    face_piece = _face_piece(mesh, xy, ray_z)
    tree, faces = mesh.tree(face_piece)
    yield ready
    depth = _depth(tree, xy, detected[:, 2] * view.side / view.pixels, ray_z)
    eyeballs = [_eyeball(mesh, face_piece, (*xy[iris[0]], ray_z), unit) for iris, _, _ in IRISES]
    bind_xy = xy.copy()
    inner, outer = list(landmarks.LIPS_INNER), list(landmarks.LIPS_OUTER)
    bind_xy[inner] += INNER_LIPS * (xy[outer] - xy[inner])
    for eyeball, lids in zip(eyeballs, LIDS, strict=True):
        yield ready
        eye = None if eyeball is None else mesh.tree(eyeball)[0]
        _fit_lids(tree, eye, lids, xy, bind_xy, depth, ray_z, unit)
    corners = np.zeros((landmarks.COUNT, 3), np.int64)
    weights = np.zeros((landmarks.COUNT, 3))
    for i in range(landmarks.FACE_POINTS):
        face, point = _on_skin(tree, bind_xy[i], depth[i], ray_z, CLOSE * unit)
        corners[i] = mesh.triangles[faces[face]]
        weights[i] = _barycentric(mesh.points[corners[i]], point)
    yield ready
    has_eyeballs = [
        _bind_iris(mesh, eyeball, xy, ray_z, list(iris), ends, corners, weights)
        for eyeball, (iris, *ends) in zip(eyeballs, IRISES, strict=True)
    ]
    bound = np.einsum("ikd,ik->id", mesh.points[corners], weights)
    points = np.concatenate([xy, bound[:, 2:]], 1)
    if _relief(points[: landmarks.FACE_POINTS]) < RELIEF * unit:
        raise RigError(SMOOTH)
    anatomy = Anatomy(None, axes, unit, points[landmarks.NOSE_BRIDGE] @ axes)
    offsets = (points - bound) / unit
    mesh_points = []
    owner = np.searchsorted([first for _, first in owners], corners[:, 0], side="right") - 1
    for m, (holder, first) in enumerate(owners):
        mine = np.flatnonzero(owner == m)
        if len(mine):
            mesh_points.append(MeshPoints(holder, corners[mine] - first, weights[mine], mine))
    return Surface(tuple(mesh_points), offsets, has_eyeballs=all(has_eyeballs)), anatomy


def _relief(points: Float) -> float:
    """How far the points (N, 3) stand out from a smooth surface: the standard deviation of what the best paraboloid
    z = a + bx + cy + dx² + exy + fy² through them leaves."""
    x, y, z = (points - points.mean(0)).T
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], 1)
    left = z - terms @ np.linalg.lstsq(terms, z, rcond=None)[0]
    return float(left.std())


def _face_piece(mesh: TriangleMesh, xy: Float, ray_z: float) -> int:
    """The connected piece that cheeks, forehead and chin are on."""
    pieces = []
    for i in CHEEKS:
        _, _, face, _ = mesh.whole.ray_cast(Vector((*xy[i], ray_z)), AHEAD)
        if face is not None:
            pieces.append(int(mesh.pieces[mesh.triangles[face, 0]]))
    if not pieces:
        raise RigError(BESIDE)
    return max(set(pieces), key=pieces.count)


def _depth(tree: BVHTree, xy: Float, estimate: Float, ray_z: float) -> Float:
    """Each landmark's depth, (478,): the nets' estimate, scaled and shifted to agree with the skin that rays hit."""
    hits = {}
    for i in landmarks.STABLE + CHEEKS:
        point, _, _, _ = tree.ray_cast(Vector((*xy[i], ray_z)), AHEAD)
        if point is not None:
            hits[i] = point.z
    index = np.array(list(hits), int)
    if len(index) < 4:
        raise RigError(BESIDE)
    depths = np.array(list(hits.values()))
    design = np.column_stack([estimate[index], np.ones(len(index))])
    keep = np.ones(len(index), bool)
    for _ in range(3):
        line, *_ = np.linalg.lstsq(design[keep], depths[keep], rcond=None)
        error = np.abs(design @ line - depths)
        keep = error <= max(2.5 * float(np.median(error)), 1e-9)
    return np.column_stack([estimate, np.ones(len(estimate))]) @ line


def _fit_lids(
    skin: BVHTree,
    eyeball: BVHTree | None,
    lids: tuple[tuple[int, ...], ...],
    xy: Float,
    bind_xy: Float,
    depth: Float,
    ray_z: float,
    unit: float,
) -> None:
    """Move lid landmarks to the edge of the eye's opening, in place, and bind them to the lids just beside it.

    Nets place lids around plain eyeballs badly; rays tell exactly where skin ends and the eyeball (or a hole) begins.
    """
    for upper, lower, crease, pouch in zip(*lids, strict=True):
        for own, top in ((upper, True), (lower, False)):
            x, high, low = xy[own, 0], xy[crease, 1] - 0.05 * unit, xy[pouch, 1] + 0.05 * unit
            rows = np.linspace(high, low, COLUMN)
            run = _longest_run([not _is_skin(skin, eyeball, (x, y, ray_z), depth[own] + CLOSE * unit) for y in rows])
            if run is None:
                bind_xy[own] = xy[own] + 0.3 * (xy[crease if top else pouch] - xy[own])
                continue
            edge = rows[run[0]] if top else rows[run[1]]
            xy[own, 1] = edge
            bind_xy[own, 1] = edge - LID_EDGE * unit if top else edge + LID_EDGE * unit


def _is_skin(skin: BVHTree, eyeball: BVHTree | None, point: tuple[float, float, float], far: float) -> bool:
    """Whether a ray from a point first hits skin, and not the eyeball or the inside of the head."""
    hit, _, _, _ = skin.ray_cast(Vector(point), AHEAD)
    if hit is None or hit.z > far:
        return False
    eye = eyeball.ray_cast(Vector(point), AHEAD)[0] if eyeball is not None else None
    return eye is None or hit.z < eye.z


def _longest_run(marks: Sequence[bool]) -> tuple[int, int] | None:
    """First and last index of the longest run of marks that does not touch the ends; None if there is none."""
    best, begin = None, None
    for i, mark in enumerate(marks):
        if mark and begin is None:
            begin = i
        if not mark and begin is not None:
            if begin > 0 and (best is None or i - begin > best[1] - best[0] + 1):
                best = (begin, i - 1)
            begin = None
    return best


def _on_skin(tree: BVHTree, point: Float, depth: float, ray_z: float, close: float) -> tuple[int, Float]:
    """The triangle and the point (3,) of skin in front of a landmark, or the nearest skin where there is a gap."""
    hit, _, face, _ = tree.ray_cast(Vector((point[0], point[1], ray_z)), AHEAD)
    if face is None or hit.z > depth + close:
        hit, _, face, _ = tree.find_nearest(Vector((point[0], point[1], depth)))
    return face, np.array(hit)


def _barycentric(corners: Float, point: Float) -> Float:
    """Barycentric weights (3,) of a point in a triangle (3, 3), kept inside."""
    a, e, f = corners[0], corners[1] - corners[0], corners[2] - corners[0]
    p = point - a
    ee, ef, ff = e @ e, e @ f, f @ f
    area = ee * ff - ef * ef
    if area < 1e-30:
        return np.array([1.0, 0.0, 0.0])
    v, w = (ff * (p @ e) - ef * (p @ f)) / area, (ee * (p @ f) - ef * (p @ e)) / area
    weights = np.clip([1 - v - w, v, w], 0, 1)
    return weights / weights.sum()


def _bind_iris(
    mesh: TriangleMesh,
    eyeball: int | None,
    xy: Float,
    ray_z: float,
    iris: list[int],
    eye: Sequence[int],
    corners: npt.NDArray[np.int64],
    weights: Float,
) -> bool:
    """Bind an iris to the eyeball behind it; where there is none, to the corners of the eye: it then does not move."""
    if eyeball is None:
        ends = [int(corners[i][weights[i].argmax()]) for i in eye]
        corners[iris], weights[iris] = [*ends, ends[0]], [0.5, 0.5, 0.0]
        return False
    own, faces = mesh.tree(eyeball)
    for i in iris:
        hit, _, face, _ = own.ray_cast(Vector((*xy[i], ray_z)), AHEAD)
        if face is None:
            hit, _, face, _ = own.ray_cast(Vector((*xy[iris[0]], ray_z)), AHEAD)
        corners[i] = mesh.triangles[faces[face]]
        weights[i] = _barycentric(mesh.points[corners[i]], np.array(hit))
    return True


def _eyeball(mesh: TriangleMesh, skin: int, ray_start: tuple[float, float, float], unit: float) -> int | None:
    """The roundest piece that a ray through the iris hits; lashes, tear meniscus and cornea shells are not round."""
    here, nearest = Vector(ray_start), None
    best: tuple[float, int] | None = None
    for _ in range(12):
        hit, _, face, _ = mesh.whole.ray_cast(here, AHEAD)
        if face is None or (nearest is not None and hit.z - nearest > unit):
            break
        nearest = hit.z if nearest is None else nearest
        piece = int(mesh.pieces[mesh.triangles[face, 0]])
        if piece != skin:
            size = np.ptp(mesh.points[mesh.pieces == piece], axis=0)
            roundness = float(size.min() / max(size.max(), 1e-12))
            if size.max() < unit and (best is None or roundness > best[0] + 0.05):
                best = (roundness, piece)
        here = hit + AHEAD * (1e-4 * unit)
    return best[1] if best and best[0] > 0.4 else None
