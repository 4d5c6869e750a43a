"""Make a triangle mesh coarser while keeping its shape.

Source: Garland and Heckbert, "Surface simplification using quadric error metrics", SIGGRAPH 1997.
"""

from __future__ import annotations

import heapq
from collections import Counter

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int32]
BORDER = 100.0  # how much more a border edge weighs than a face


def boundary_loops(triangles: Int) -> list[list[int]]:
    """The mesh's border as closed loops of vertex indices."""
    directed = {(int(t[k]), int(t[(k + 1) % 3])) for t in triangles for k in range(3)}
    after = {b: a for a, b in directed if (b, a) not in directed}
    loops = []
    while after:
        start, here = after.popitem()
        loop = [start]
        while here != start:
            loop.append(here)
            here = after.pop(here)
        loops.append(loop)
    return loops


def cap(vertices: Float, triangles: Int, loop: list[int]) -> tuple[Float, Int]:
    """Close a hole with a fan around its centre."""
    centre = len(vertices)
    fan = [[a, b, centre] for a, b in zip(loop, [*loop[1:], loop[0]], strict=True)]
    return np.vstack([vertices, vertices[loop].mean(0)]), np.vstack([triangles, np.array(fan, np.int32)])


def decimate(vertices: Float, triangles: Int, count: int) -> tuple[Float, Int]:
    """Collapse edges, cheapest first, until `count` vertices are left."""
    points = vertices.copy()
    faces: list[list[int] | None] = [list(map(int, t)) for t in triangles]
    around: list[set[int]] = [set() for _ in points]
    for i, face in enumerate(triangles):
        for v in face:
            around[v].add(i)
    quadrics = _quadrics(points, triangles)
    version = [0] * len(points)
    heap: list[tuple[float, int, int, int, int]] = []

    def push(a: int, b: int) -> None:
        heapq.heappush(heap, (_best(quadrics[a] + quadrics[b], points[a], points[b])[0], a, b, version[a], version[b]))

    for a, b in {tuple(sorted((int(t[k]), int(t[(k + 1) % 3])))) for t in triangles for k in range(3)}:
        push(a, b)
    left = sum(bool(s) for s in around)
    while left > count and heap:
        _, a, b, va, vb = heapq.heappop(heap)
        if version[a] != va or version[b] != vb or not around[a] or not around[b]:
            continue
        place = _best(quadrics[a] + quadrics[b], points[a], points[b])[1]
        if not _allowed(a, b, place, points, faces, around):
            continue
        for i in list(around[b]):
            face = faces[i]
            assert face is not None
            if a in face:
                for v in face:
                    around[v].discard(i)
                faces[i] = None
            else:
                face[face.index(b)] = a
                around[a].add(i)
        around[b].clear()
        points[a], quadrics[a] = place, quadrics[a] + quadrics[b]
        version[a] += 1
        left -= 1
        for v in {v for i in around[a] for v in faces[i] or ()} - {a}:
            push(*sorted((a, v)))
    kept = np.array([f for f in faces if f is not None], np.int32)
    used, inverse = np.unique(kept, return_inverse=True)
    return points[used], inverse.reshape(-1, 3).astype(np.int32)


def _allowed(
    a: int, b: int, place: Float, points: Float, faces: list[list[int] | None], around: list[set[int]]
) -> bool:
    """A collapse must keep the surface a surface (link condition) and turn no triangle over."""
    ring = [{v for i in around[x] for v in faces[i] or ()} - {a, b} for x in (a, b)]
    if len(ring[0] & ring[1]) != len(around[a] & around[b]):
        return False
    for x in (a, b):
        for i in around[x] - (around[a] & around[b]):
            face = faces[i]
            assert face is not None
            before = points[face]
            after = before.copy()
            after[face.index(x)] = place
            n0 = np.cross(before[1] - before[0], before[2] - before[0])
            n1 = np.cross(after[1] - after[0], after[2] - after[0])
            if n0 @ n1 <= 0.2 * np.linalg.norm(n0) * np.linalg.norm(n1):
                return False
    return True


def _best(quadric: Float, a: Float, b: Float) -> tuple[float, Float]:
    """Cost and place of a collapse: the better of both ends and the middle."""
    options = np.array([a, b, (a + b) / 2])
    homogeneous = np.column_stack([options, np.ones(3)])
    cost = np.einsum("ij,jk,ik->i", homogeneous, quadric, homogeneous)
    cost += 1e-5 * ((a - b) ** 2).sum()  # flat regions: shortest edges first, so that triangles stay even
    i = int(cost.argmin())
    return float(cost[i]), options[i]


def _quadrics(points: Float, triangles: Int) -> Float:
    result = np.zeros((len(points), 4, 4))
    corner = points[triangles]
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    area = np.linalg.norm(normal, axis=1, keepdims=True)
    normal /= np.maximum(area, 1e-15)
    plane = np.column_stack([normal, -(normal * corner[:, 0]).sum(1)])
    outer = area[:, :, None] * plane[:, :, None] * plane[:, None, :]
    for k in range(3):
        np.add.at(result, triangles[:, k], outer)
    edges = Counter(tuple(sorted((int(t[k]), int(t[(k + 1) % 3])))) for t in triangles for k in range(3))
    normals = {
        tuple(sorted((int(t[k]), int(t[(k + 1) % 3])))): n
        for t, n in zip(triangles, normal, strict=True)
        for k in range(3)
    }
    for (a, b), uses in edges.items():
        if uses == 1:
            edge = points[b] - points[a]
            wall = np.cross(edge, normals[a, b])
            wall /= max(float(np.linalg.norm(wall)), 1e-15)
            p = np.append(wall, -wall @ points[a])
            result[[a, b]] += BORDER * (edge @ edge) * np.outer(p, p)
    return result
