"""The head's mesh: the face, finer around the mouth, welded along its oval to a grid over hair, neck and body."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .. import landmarks as lm
from ..arrays import Float, Float32, Floating, Int, Mask, UInt8
from ..imaging import resample
from ..maths.plane import delaunay
from ..maths.sparse import Sparse
from ..pose import HeadPose, euler_degrees
from .anatomy import fitted_head, head_prior
from .ears import ear_depth
from .hull import HullShape, Upright
from .kernels import nearest, smoothstep
from .refinement import EYE_HOLE as EYE_HOLE
from .refinement import FACE as FACE
from .refinement import MOUTH_HOLE as MOUTH_HOLE
from .refinement import OUTER as OUTER
from .refinement import refinement

CELLS = 24  # grid cells per face height
FALLOFF = 0.35  # reach of the expression beyond the face oval, face heights
NECK_START, NECK_SPAN = -0.1, 0.7  # face heights: the head's motion begins to fade so far below the chin, over this
_OUTLINE = 0.12  # face heights: so near a drawn face everything moves with the head
_HOLD = 0.5  # face heights: so far from a border that cuts the person its hold reaches
_SPIKE = 0.15  # head units: how much farther back than its neighbours on average a vertex may lie
_DEPTH_PX = 480  # size at which the prior's depth is read off
_FAR_YAW = 15.0  # degrees: from here on the picture hides one side of the head
_BEFORE = 0.2  # how much nearer a vertex may lie than the oval, for each unit of distance from it


@dataclass(frozen=True)
class HeadMesh:
    """The portrait's mesh. Vertices 0..477 are the landmarks, then come the G of the outer grid, and last the K that
    make the face finer, see `Refinement`.

    Attributes:
        bind_pose: (N, 3) float64, the vertices in the portrait, picture space: pixels and depth.
        triangles: (T, 3) int32.
        region: (T,) uint8: FACE, OUTER, MOUTH_HOLE, EYE_HOLE.
        oval_weights: (G, 36) float64: how the outer vertices share the displacement of the oval's points.
        rigid: (G,) float64: 1 moves with the head, 0 stays with the body.
        held: (G, 4) float64: how firmly the grid hangs on the left, upper, right and lower border that cuts the person.
    """

    bind_pose: Float
    triangles: Int
    region: UInt8
    oval_weights: Float
    rigid: Float
    held: Float

    @property
    def outer(self) -> slice:
        """Which vertices are the outer grid's."""
        return slice(lm.COUNT, lm.COUNT + len(self.rigid))

    def on_skin(self, values: Floating) -> Float:
        """Values of the 468 points, (468, …), at all vertices, (N, …): linear between them, 0 elsewhere."""
        result = np.zeros((len(self.bind_pose), *values.shape[1:]))
        result[: lm.FACE_POINTS] = values
        result[self.outer.stop :] = refinement().at_rest @ values
        return result


def build_mesh(
    landmarks: Float,
    pose: HeadPose,
    matte: Float32,
    hull: HullShape | None = None,
    hair: Float32 | None = None,
    *,
    flat: bool = False,
) -> HeadMesh:
    """The mesh of a portrait.

    Args:
        landmarks: (478, 3) pixels; pose: the head's.
        matte: (H, W) float32, 0..1; hair: (h, w) the same, any size: ears are what it leaves bare; None: no ears.
        hull: the head's volume.
        flat: what surrounds the face is as deep as the face's border there, as the line around a drawn head.
    """
    face_px = float(np.linalg.norm(landmarks[lm.FOREHEAD, :2] - landmarks[lm.CHIN, :2]))
    cell = face_px / CELLS
    oval = landmarks[list(lm.OVAL)]
    grid = _grid(oval[:, :2], matte, cell)
    points = np.concatenate([oval[:, :2], grid])
    triangles = _outer_triangles(points, cell)
    laplacian = _laplacian(len(points), triangles)
    on_person = resample.pixels_at(matte, points) > 0.3
    if flat:
        at_oval = np.arange(len(points)) < len(oval)
        depth = _harmonic(laplacian, at_oval, np.concatenate([oval[:, 2], np.zeros(len(grid))]))
        away = _distance_outside(grid, oval[:, :2]) / face_px
        follows = 1 - smoothstep((away - _OUTLINE) / _OUTLINE)
    else:
        follows = np.zeros(len(grid))
        ears = (np.zeros(len(points)), np.zeros(len(points), np.bool_))
        if hair is not None:
            ears = ear_depth(points, pose, matte, hair)
        prior = _prior_depth(points, landmarks, pose, hull, ears, matte.shape)
        depth = _outer_depth(points, oval[:, 2], landmarks, pose, laplacian, on_person, prior, cell, face_px)
    oval_weights = _screened(laplacian, (cell / (FALLOFF * face_px)) ** 2, np.eye(len(oval)))[len(oval) :]
    outer = np.concatenate([grid, depth[len(oval) :, None]], axis=1)
    index = np.concatenate([np.array(lm.OVAL), lm.COUNT + np.arange(len(grid))]).astype(np.int32)
    face = refinement()
    added = landmarks.shape[0] - lm.FACE_POINTS + len(grid)  # vertices in between
    numbered = np.where(face.triangles < lm.FACE_POINTS, face.triangles, face.triangles + added)
    return HeadMesh(
        bind_pose=np.concatenate([landmarks, outer, face.at_rest @ landmarks[: lm.FACE_POINTS]]),
        triangles=np.concatenate([numbered, index[triangles]]).astype(np.int32),
        region=np.concatenate([face.region, np.full(len(triangles), OUTER, np.uint8)]),
        oval_weights=oval_weights,
        rigid=np.maximum(rigid_weight(outer, landmarks, pose), follows),
        held=_held_by_border(grid, oval[:, :2], matte, face_px),
    )


def _grid(oval: Float, matte: Float32, cell: float) -> Float:
    """A staggered grid of points over the grown matte, outside the face oval, reaching two cells beyond the picture."""
    height, width = matte.shape
    margin = 2 * cell
    x, y = np.meshgrid(np.arange(-margin, width + margin + 1, cell), np.arange(-margin, height + margin + 1, cell))
    x = x + (np.arange(len(x)) % 2)[:, None] * cell / 2
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    scale = min(1.0, 256 / max(height, width))
    grown = resample.dilate(resample.shrunk(matte, 256) > 0.02, 2 * cell * scale)
    inner = points[resample.pixels_at(grown, points * scale) > 0]
    return inner[_distance_outside(inner, oval) > 0.45 * cell]


def _outer_triangles(points: Float, cell: float) -> Int:
    """Delaunay triangles between the oval and the grid; none inside the oval, none bridging far gaps."""
    oval_count = len(lm.OVAL)
    triangles = delaunay(points)
    corners = points[triangles]
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(1)
    inside = _distance_outside(corners.mean(1), points[:oval_count]) < 0
    touches, within = (triangles < oval_count).any(1), (triangles < oval_count).all(1)
    keep = ~inside & ((longest < 2.6 * cell) | touches) & ~(within & (longest > 2.6 * cell))
    kept: Int = triangles[keep]
    return kept


def edges(triangles: Int) -> Int:
    """A mesh's edges, (E, 2), each once."""
    every = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    return np.unique(np.sort(every, axis=1), axis=0)


def _laplacian(count: int, triangles: Int) -> Sparse:
    """The graph Laplacian of the mesh, (count, count)."""
    start, end = edges(triangles).T
    i, j = np.concatenate([start, end]), np.concatenate([end, start])
    weights = Sparse.of_entries((count, count), i, j, np.ones(len(i)))
    return Sparse.diagonal_of(weights @ np.ones(count)) - weights


def _screened(laplacian: Sparse, screening: float, oval_values: Float) -> Float:
    """Solve (Laplacian + screening) f = 0 outside the oval with f given on it: a smooth fall-off to 0."""
    count = oval_values.shape[0]
    free = np.arange(count, laplacian.shape[0])
    system = laplacian.part(free, free) + Sparse.diagonal_of(screening * laplacian.diagonal[free] / 4 + 1e-9)
    solved = system.solve(-(laplacian.part(free, np.arange(count)) @ oval_values))
    return np.concatenate([oval_values, solved])


def _harmonic(laplacian: Sparse, fixed: Mask, values: Float) -> Float:
    """Interpolate fixed values smoothly over the free vertices."""
    result = values.copy()
    free, known = np.flatnonzero(~fixed), np.flatnonzero(fixed)
    if len(free):
        system = laplacian.part(free, free) + Sparse.diagonal_of(np.full(len(free), 1e-9))
        result[free] = system.solve(-(laplacian.part(free, known) @ values[known]))
    return result


def _outer_depth(
    points: Float,
    oval_depth: Float,
    landmarks: Float,
    pose: HeadPose,
    laplacian: Sparse,
    on_person: Mask,
    found: tuple[Float, Mask],
    cell: float,
    face_px: float,
) -> Float:
    """Depth of oval and outer vertices: an anatomical head fitted to the landmarks, continuous at the oval. Pixels."""
    count = len(oval_depth)
    prior, known = found[0].copy(), found[1].copy()
    # hair without a skull behind it lies near the plane through the ears
    head = pose.to_head(landmarks)
    ears = (head[lm.EAR_RIGHT, 2] + head[lm.EAR_LEFT, 2]) / 2 + 0.12
    flat = (points - pose.translation[:2]) / pose.scale
    plane = (ears - flat @ pose.rotation[:2, 2]) / pose.rotation[2, 2] * pose.scale + pose.translation[2]
    prior[:count] = np.where(known[:count], prior[:count], oval_depth)
    prior = np.minimum(prior, plane + 0.25 * pose.scale)
    # beyond the silhouette nothing is seen: those vertices follow their neighbours, or they would tear the rim off
    known &= on_person
    known[:count] = True
    depth = _harmonic(laplacian, known, np.where(known, prior, 0.0))
    # smooths spikes, such as at the rim of an ear
    above = (laplacian @ depth)[count:] / np.maximum(laplacian.diagonal[count:], 1)
    depth[count:] -= np.maximum(above - _SPIKE * pose.scale, 0)
    residue = _screened(laplacian, (cell / (0.25 * face_px)) ** 2, oval_depth - depth[:count])
    depth = depth + residue
    depth[:count] = oval_depth
    return depth


def _prior_depth(
    points: Float,
    landmarks: Float,
    pose: HeadPose,
    hull: HullShape | None,
    ears: tuple[Float, Mask],
    shape: tuple[int, ...],
) -> tuple[Float, Mask]:
    """What is nearest under each point, the average head's surface or the hull's: depth, pixels; where there is any."""
    vertices, triangles = head_prior()
    vertices = fitted_head(landmarks, pose, vertices)
    depth, known = _surface_depth(points, vertices, triangles, landmarks, shape)
    if hull is not None:
        both = np.concatenate([vertices, hull.vertices])
        every = np.concatenate([triangles, hull.triangles + len(vertices)])
        nearer, there = _surface_depth(points, both, every, landmarks, shape)
        used = there & ~(known & _beyond(points, landmarks, pose))
        depth, known = np.where(used, nearer, depth), known | there
    ear = ears[1] & ~_beyond(points, landmarks, pose)
    depth, known = np.where(ear, ears[0], depth), known | ear
    # nothing of it comes before the face that it is welded to, or it would cut into a turned face's far eye
    oval = landmarks[list(lm.OVAL)]
    apart = np.linalg.norm(points[:, None] - oval[:, :2], axis=2)
    closest = apart.argmin(1)
    distance = apart.min(1) - 0.05 * pose.scale
    return np.maximum(depth, oval[closest, 2] - _BEFORE * np.clip(distance, 0, 0.3 * pose.scale)), known


def _beyond(points: Float, landmarks: Float, pose: HeadPose) -> Mask:
    """Which points (N, 2) lie on the far side of a head that the picture shows turned away."""
    yaw = euler_degrees(pose.rotation)[0]
    side = (points - landmarks[lm.FOREHEAD, :2]) @ Upright.of(pose).tilt[:2, 0]
    return np.asarray((abs(yaw) > _FAR_YAW) & (side * yaw > 0))


def _surface_depth(
    points: Float, vertices: Float, triangles: Int, landmarks: Float, shape: tuple[int, ...]
) -> tuple[Float, Mask]:
    """Depth of a surface under each point, softened, pixels; infinite where there is none."""
    height, width = shape
    scale = min(1.0, _DEPTH_PX / max(height, width))
    # the head may reach beyond the picture: read the depth on a canvas with a margin of half a picture
    margin = 0.5 * max(height, width)
    canvas = (max(2, round((height + 2 * margin) * scale)), max(2, round((width + 2 * margin) * scale)))
    scaled = vertices.copy()
    scaled[:, :2] = (scaled[:, :2] + margin) * scale
    buffer = nearest(scaled, triangles, canvas[1], canvas[0])
    hit = (buffer.triangle >= 0).astype(np.float32)
    sigma = 0.012 * float(np.linalg.norm(landmarks[lm.FOREHEAD, :2] - landmarks[lm.CHIN, :2])) * scale
    smooth = resample.gaussian_blur(np.where(hit > 0, buffer.depth, 0).astype(np.float32), sigma)
    weight = resample.gaussian_blur(hit, sigma)
    at = (points + margin) * scale
    w = resample.pixels_at(weight, at)
    z = resample.pixels_at(smooth, at) / np.maximum(w, 1e-6)
    return np.where(w > 0.3, z, np.inf), w > 0.3


def rigid_weight(outer: Float, landmarks: Float, pose: HeadPose) -> Float:
    """1 on the head, fading to 0 down the neck."""
    head = pose.to_head(landmarks)
    y = pose.to_head(outer)[:, 1]
    chin, face = head[lm.CHIN, 1], head[lm.CHIN, 1] - head[lm.FOREHEAD, 1]
    fading: Float = smoothstep((y - (chin + NECK_START * face)) / (NECK_SPAN * face))
    return 1 - fading


def _held_by_border(grid: Float, oval: Float, matte: Float32, face_px: float) -> Float:
    """How firmly each grid point (N, 2) hangs on the left, upper, right and lower border of the picture, (N, 4) 0..1:
    1 on a border that cuts the person there, fading to 0 towards the face.
    """
    height, width = matte.shape
    small = resample.shrunk(matte, 256)
    scale = small.shape[1] / width
    cut = resample.gaussian_blur(small, 0.05 * face_px * scale)
    low, high = oval.min(0), oval.max(0)
    inside = np.array([grid[:, 0], grid[:, 1], width - grid[:, 0], height - grid[:, 1]]).T
    free = np.array([low[0], low[1], width - high[0], height - high[1]])  # between face and border
    span = np.clip(0.8 * free, 1e-3, _HOLD * face_px)
    held = 1 - smoothstep(np.maximum(inside, 0) / span)
    for side, (axis, at) in enumerate(((0, 0.0), (1, 0.0), (0, width - 0.5), (1, height - 0.5))):
        nearest = grid.copy()
        nearest[:, axis] = at
        held[:, side] *= resample.pixels_at(cut, nearest * scale)
    return np.asarray(held)


def _distance_outside(points: Float, polygon: Float) -> Float:
    """Signed distance of points (N, 2) to a closed polygon (M, 2): positive outside."""
    start, end = polygon, np.roll(polygon, -1, axis=0)
    edge = end - start
    to_point = points[:, None] - start
    along = np.clip((to_point * edge).sum(2) / np.maximum((edge**2).sum(1), 1e-12), 0, 1)
    distance = np.linalg.norm(to_point - along[..., None] * edge, axis=2).min(1)
    y = points[:, 1, None]
    crosses = (start[:, 1] <= y) != (end[:, 1] <= y)
    rise = np.where(np.abs(edge[:, 1]) < 1e-12, 1e-12, edge[:, 1])
    x_at = start[:, 0] + (y - start[:, 1]) / rise * edge[:, 0]
    inside = (crosses & (points[:, 0, None] < x_at)).sum(1) % 2 == 1
    return np.asarray(np.where(inside, -distance, distance), np.float64)
