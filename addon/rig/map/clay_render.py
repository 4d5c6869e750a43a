"""A clay render of meshes from the front, by ray casting: good enough for the face nets, without a GPU or a renderer.

The mesh is in picture axes; the picture is orthographic.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from mathutils import Vector
from mathutils.bvhtree import BVHTree

from ..steps import Progress, Steps

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
LIGHT = np.array([-0.30, -0.43, -0.85])  # from above left, in picture axes
BACKDROP = 0.35
RAYS, SLICE = 256, 0.03  # rays between two looks at the clock, seconds between two yields


@dataclass(frozen=True)
class TriangleMesh:
    """A character's triangles.

    Attributes:
        points: (V, 3) picture axes (or others), any unit.
        triangles: (T, 3) vertex numbers.
        colors: (T, 3) linear, 0 to 1.
        pieces: (V,) which connected piece a vertex belongs to.
    """

    points: Float
    triangles: Int
    colors: Float
    pieces: Int

    @cached_property
    def whole(self) -> BVHTree:
        """A tree of all triangles, for rays; its faces are numbered as they are."""
        return BVHTree.FromPolygons(self.points.tolist(), self.triangles.tolist())

    def tree(self, piece: int) -> tuple[BVHTree, Int]:
        """A tree of one connected piece, and the triangle number of each of its faces."""
        chosen = np.flatnonzero(self.pieces[self.triangles[:, 0]] == piece)
        used, corners = np.unique(self.triangles[chosen], return_inverse=True)
        return BVHTree.FromPolygons(self.points[used].tolist(), corners.reshape(-1, 3).tolist()), chosen


@dataclass(frozen=True)
class OrthoView:
    """A square orthographic window: its middle (x, y) and side in the mesh's units, and its pixels along a side."""

    middle: Float
    side: float
    pixels: int

    def to_world(self, picture: Float) -> Float:
        """(N, 2) pixels → (N, 2) in the mesh's units."""
        return self.middle + (picture - self.pixels / 2) * (self.side / self.pixels)


def render_clay(mesh: TriangleMesh, view: OrthoView) -> Steps[npt.NDArray[np.uint8]]:
    """(pixels, pixels, 3) uint8, ready to show. Yields every few hundredths of a second."""
    looking = Progress("Looking at the mesh", 0.0)
    tree = mesh.whole
    yield looking
    normals = _normals(mesh)
    yield looking
    picture = np.full((view.pixels * view.pixels, 3), BACKDROP)
    grid = np.stack(np.meshgrid(np.arange(view.pixels), np.arange(view.pixels)), -1).reshape(-1, 2) + 0.5
    positions, hits, faces = view.to_world(grid), [], []
    start, ahead = float(mesh.points[:, 2].min()) - 1.0, Vector((0.0, 0.0, 1.0))
    since = time.perf_counter()
    for i, (x, y) in enumerate(positions.tolist()):
        if i % RAYS == 0 and time.perf_counter() - since > SLICE:
            yield looking
            since = time.perf_counter()
        _, _, face, _ = tree.ray_cast(Vector((x, y, start)), ahead)
        if face is not None:
            hits.append(i)
            faces.append(face)
    if hits:
        corners = mesh.triangles[faces]
        weights = barycentric_weights(mesh.points[corners][..., :2], positions[hits])
        normal = np.einsum("nk,nkd->nd", weights, normals[corners])
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
        normal *= np.where(normal[:, 2:] > 0, -1, 1)
        shade = 0.25 + 0.75 * np.maximum(normal @ LIGHT, 0)
        picture[hits] = mesh.colors[faces] * shade[:, None]
    encoded = np.clip(picture, 0, 1) ** (1 / 2.2) * 255
    return encoded.astype(np.uint8).reshape(view.pixels, view.pixels, 3)


def barycentric_weights(corners: Float, positions: Float) -> Float:
    """Barycentric weights (N, 3) of positions (N, 2) in triangles (N, 3, 2), kept inside."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    e, f, p = b - a, c - a, positions - a
    area = e[:, 0] * f[:, 1] - e[:, 1] * f[:, 0]
    area = np.where(np.abs(area) < 1e-20, 1e-20, area)
    v = (p[:, 0] * f[:, 1] - p[:, 1] * f[:, 0]) / area
    w = (e[:, 0] * p[:, 1] - e[:, 1] * p[:, 0]) / area
    weights = np.clip(np.stack([1 - v - w, v, w], 1), 0, 1)
    return weights / np.maximum(weights.sum(1, keepdims=True), 1e-9)


def _normals(mesh: TriangleMesh) -> Float:
    corners = mesh.points[mesh.triangles]
    face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    count = len(mesh.points)
    normals = np.zeros_like(mesh.points)
    for k in range(3):
        for d in range(3):
            normals[:, d] += np.bincount(mesh.triangles[:, k], face[:, d], count)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-20)


def connected_pieces(count: int, triangles: Int) -> Int:
    """The piece each vertex belongs to, (count,), by the lowest vertex number in it."""
    piece = np.arange(count)
    while True:
        low = piece[triangles].min(1)
        before = piece.copy()
        for k in range(3):
            np.minimum.at(piece, triangles[:, k], low)
        piece = piece[piece]
        if (piece == before).all():
            return piece
