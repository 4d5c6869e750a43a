"""The face's triangles, finer around the mouth: 468 points are too few for lips that purse and folds beside a smile.

In the portrait the new vertices lie on the coarse triangles' edges, so the still picture is what it was. Their
displacement is interpolated smoothly, so that a moving face has no facets.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from .. import landmarks as lm
from ..arrays import Float, Int, UInt8
from ..maths.sparse import Sparse
from .kernels import smoothstep

# What a triangle shows.
FACE, OUTER, MOUTH_HOLE, EYE_HOLE = 1, 2, 3, 4

_ROUNDS = (0.26, 0.06)  # head units from the lips within which edges are halved, once and again
_CORNER_REACH = 0.14  # head units beside a mouth corner over which skin follows it
_CORNER_TOP = 0.06  # … fully up to here: the crease beside the corner
_TENSION = 1e-3  # of a membrane against a thin plate: keeps the interpolation from swinging


@dataclass(frozen=True)
class Refinement:
    """
    Attributes:
        triangles: (T, 3) int32 over the 468 points and, from lm.FACE_POINTS on, the K new vertices.
        region: (T,) uint8: FACE, MOUTH_HOLE, EYE_HOLE.
        at_rest: (K, 468) sparse: where the new vertices lie in the portrait.
        moved: (468 + K, 468) sparse: every vertex's displacement from the points'.
        corners: (468 + K, 468) sparse, to be added: skin beside the corners of the mouth follows them, and with it the
            crease that shut lips show there.
    """

    triangles: Int
    region: UInt8
    at_rest: Sparse
    moved: Sparse
    corners: Sparse


@cache
def refinement() -> Refinement:
    """The same for every portrait."""
    triangles, region = face_triangles()
    points = lm.template()[: lm.FACE_POINTS]
    lips = points[list(lm.LIPS_OUTER)]
    weights = np.eye(len(points))
    for reach in _ROUNDS:
        placed = weights @ points
        distance = np.linalg.norm(placed[:, None, :2] - lips[None, :, :2], axis=2).min(1)
        near = (distance[triangles] < reach).all(1) & (region == FACE)
        triangles, region, weights = _halved(triangles, region, weights, near)
    moved = _smooth(triangles[region == FACE], weights, points)
    corners = _following_corners(moved, weights @ points) - moved
    finer = Sparse.of_dense(weights[len(points) :])
    return Refinement(triangles, region, finer, Sparse.of_dense(moved), Sparse.of_dense(corners))


def face_triangles() -> tuple[Int, UInt8]:
    """The canonical triangles, with the holes re-cut so that their edges run between opposite lids and lips."""
    mouth, right, left = set(lm.LIPS_INNER), set(lm.EYE_RIGHT), set(lm.EYE_LEFT)
    skin = [t for t in lm.triangles().tolist() if not any(set(t) <= hole for hole in (mouth, right, left))]
    upper = list(lm.LIPS_INNER[:11])
    lower = [lm.LIPS_INNER[0], *lm.LIPS_INNER[:10:-1], lm.LIPS_INNER[10]]
    strips = [(upper, lower, MOUTH_HOLE)]
    for loop in (lm.EYE_RIGHT, lm.EYE_LEFT):
        strips.append((list(loop[:9]), [loop[0], *loop[:8:-1], loop[8]], EYE_HOLE))
    triangles, region = list(skin), [FACE] * len(skin)
    for above, below, kind in strips:
        for i in range(len(above) - 1):
            quad = [(above[i], above[i + 1], below[i + 1]), (above[i], below[i + 1], below[i])]
            fresh = [list(t) for t in quad if len(set(t)) == 3]
            triangles += fresh
            region += [kind] * len(fresh)
    return np.array(triangles, np.int32), np.array(region, np.uint8)


def _halved(triangles: Int, region: UInt8, weights: Float, near: Int) -> tuple[Int, UInt8, Float]:
    """Halve every edge of the triangles `near`, (T,) bool; their neighbours are cut to fit."""
    pairs = np.sort(np.concatenate([triangles[near][:, [k, (k + 1) % 3]] for k in range(3)]), axis=1)
    edges = np.unique(pairs, axis=0)
    middle = {(int(a), int(b)): weights.shape[0] + i for i, (a, b) in enumerate(edges)}
    made: list[tuple[int, int, int]] = []
    kinds: list[int] = []
    for (a, b, c), kind in zip(triangles.tolist(), region.tolist(), strict=True):
        parts = _cut(a, b, c, middle)
        made += parts
        kinds += [kind] * len(parts)
    finer = 0.5 * (weights[edges[:, 0]] + weights[edges[:, 1]])
    return np.array(made, np.int32), np.array(kinds, np.uint8), np.concatenate([weights, finer])


def _cut(a: int, b: int, c: int, middle: dict[tuple[int, int], int]) -> list[tuple[int, int, int]]:
    """One triangle cut at those of its edges that have a middle."""
    cut = [middle.get((min(p, q), max(p, q)), -1) for p, q in ((a, b), (b, c), (c, a))]
    count = sum(m >= 0 for m in cut)
    if count == 0:
        return [(a, b, c)]
    while (count == 1 and cut[0] < 0) or (count == 2 and cut[2] >= 0):  # turn it until the cut edges come first
        a, b, c, cut = b, c, a, [cut[1], cut[2], cut[0]]
    if count == 1:
        return [(a, cut[0], c), (cut[0], b, c)]
    if count == 2:
        return [(a, cut[0], c), (cut[0], b, cut[1]), (cut[0], cut[1], c)]
    return [(a, cut[0], cut[2]), (cut[0], b, cut[1]), (cut[2], cut[1], c), (cut[0], cut[1], cut[2])]


def _smooth(skin: Int, weights: Float, points: Float) -> Float:
    """The displacement of all vertices from the 468 points': a thin plate through them, (468 + K, 468).

    Each Laplacian weighs an edge by its inverse length in the template. Lips and lids are borders.
    """
    placed = weights @ points
    count, known = len(placed), len(points)
    edge = np.unique(np.sort(np.concatenate([skin[:, [k, (k + 1) % 3]] for k in range(3)]), axis=1), axis=0)
    stiff = 1 / np.maximum(np.linalg.norm(placed[edge[:, 0]] - placed[edge[:, 1]], axis=1), 5e-3)
    both, other = np.concatenate([edge[:, 0], edge[:, 1]]), np.concatenate([edge[:, 1], edge[:, 0]])
    graph = Sparse.of_entries((count, count), both, other, np.tile(stiff, 2))
    total = np.maximum(graph @ np.ones(count), 1e-12)
    laplacian = Sparse.diagonal_of(total) - graph
    bending = laplacian.times(Sparse.diagonal_of(1 / total)).times(laplacian) + laplacian * _TENSION
    free = np.arange(known, count)
    solved = bending.part(free, free).solve(-bending.part(free, np.arange(known)).dense())
    result = np.concatenate([np.eye(known), solved])
    result[np.abs(result) < 1e-4] = 0
    result[known:] /= result[known:].sum(1, keepdims=True)
    return result


def _following_corners(moved: Float, placed: Float) -> Float:
    """`moved` where skin beside a corner of the mouth, and not the lips, takes the corner's displacement."""
    lips = np.zeros(len(placed), bool)
    lips[[*lm.LIPS_OUTER, *lm.LIPS_INNER]] = True
    for corner, side in ((lm.MOUTH_RIGHT, -1), (lm.MOUTH_LEFT, 1)):
        beside = side * (placed[:, 0] - placed[corner, 0])
        away = np.linalg.norm((placed - placed[corner])[:, :2] * [1, 1.5], axis=1)
        fading = (_CORNER_REACH - away) / (_CORNER_REACH - _CORNER_TOP)
        follows = smoothstep(fading) * np.clip(beside / 0.02 + 1, 0, 1) * ~lips
        moved = (1 - follows)[:, None] * moved + follows[:, None] * (np.arange(moved.shape[1]) == corner)
    return moved
