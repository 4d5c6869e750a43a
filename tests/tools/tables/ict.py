"""The ICT-FaceKit head in our head space, and where each of the 478 landmarks lies on it.

Source: Li et al., "Learning Formation of Physically-Based Face Attributes", CVPR 2020;
https://github.com/ICT-VGL/ICT-FaceKit (MIT). Landmark correspondence: the kit's own 68 iBUG vertices, its eye and lip
edge loops, and closest points for the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from gioconda import landmarks
from gioconda.pose import fit_similarity
from scipy.interpolate import RBFInterpolator
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int32]

# The kit's iBUG-68 vertices, in the order of `landmarks.IBUG68`.
LANDMARK_VERTICES = (
    1225,
    1888,
    1052,
    367,
    1719,
    1722,
    2199,
    1447,
    966,
    3661,
    4390,
    3927,
    3924,
    2608,
    3272,
    4088,
    3443,
    268,
    493,
    1914,
    2044,
    1401,
    3615,
    4240,
    4114,
    2734,
    2509,
    978,
    4527,
    4942,
    4857,
    1140,
    2075,
    1147,
    4269,
    3360,
    1507,
    1542,
    1537,
    1528,
    1518,
    1511,
    3742,
    3751,
    3756,
    3721,
    3725,
    3732,
    5708,
    5695,
    2081,
    0,
    4275,
    6200,
    6213,
    6346,
    6461,
    5518,
    5957,
    5841,
    5702,
    5711,
    5533,
    6216,
    6207,
    6470,
    5517,
    5966,
)
FACE, HEAD = 9409, 11248  # vertices below: the face; the face, head and neck
AXES = np.array([1.0, -1.0, -1.0])  # the kit's y is up and z towards the camera

# Loops shared by both meshes: our points in order, and which of them are the kit's landmarks (iBUG number per point).
LOOPS = (
    (landmarks.EYE_RIGHT, {33: 36, 133: 39}, (36, 37, 38, 39, 40, 41)),
    (landmarks.EYE_LEFT, {263: 45, 362: 42}, (45, 44, 43, 42, 47, 46)),
    (landmarks.LIPS_OUTER, {61: 48, 0: 51, 291: 54, 17: 57}, tuple(range(48, 60))),
    (landmarks.LIPS_INNER, {78: 60, 13: 62, 308: 64, 14: 66}, tuple(range(60, 68))),
)


@dataclass(frozen=True)
class Head:
    """The mean head and its expressions in head space, with the 478 landmarks' places on it.

    Attributes:
        vertices: (26719, 3) the neutral head, similarity-aligned to the template.
        triangles: (T, 3) the skin's triangles: face, head and neck.
        faces: (F, 4) the kit's faces, all of them; -1 where a triangle has no fourth corner.
        expressions: name → (26719, 3) displacement, head space.
        corners, weights: (468, 3) vertex indices and barycentric weights: where each skin landmark lies.
        residual: (468,) distance of the template's points to the registered surface, head units.
        to_template: (4, 3) affine map, [x y z 1] @ to_template, best carrying the head to the template.
    """

    vertices: Float
    triangles: Int
    faces: Int
    expressions: dict[str, Float]
    corners: Int
    weights: Float
    residual: Float
    to_template: Float

    def sample(self, field: Float) -> Float:
        """A per-vertex field (26719, k) at the skin landmarks, (468, k)."""
        return np.einsum("nk,nkd->nd", self.weights, field[self.corners])


def load_head(folder: Path) -> Head:
    """Read `ict_facekit.npz` in `folder` and register the template to it."""
    with np.load(folder / "ict_facekit.npz") as data:
        neutral = data["neutral"].astype(np.float64) * AXES
        deltas = {
            str(n): d.astype(np.float64) * AXES
            for n, d in zip(data["expression_names"], data["expression"], strict=True)
        }
        faces = data["faces"]
    marks, template = np.array(LANDMARK_VERTICES), landmarks.template()
    pose = fit_similarity(neutral[marks][17:], template[list(landmarks.IBUG68)][17:])
    vertices = pose.to_picture(neutral)
    quads = faces[(faces < HEAD).all(1)]
    triangles = np.concatenate([quads[:, :3], quads[quads[:, 3] >= 0][:, [0, 2, 3]]]).astype(np.int32)
    corners, weights, residual = _register(vertices, triangles)
    expressions = {n: pose.scale * d @ pose.rotation.T for n, d in deltas.items()}
    on_head = np.einsum("nk,nkd->nd", weights, vertices[corners])
    affine = _symmetric_affine(on_head, template[: landmarks.FACE_POINTS])
    return Head(vertices, triangles, faces, expressions, corners, weights, residual, affine)


def _symmetric_affine(source: Float, target: Float) -> Float:
    """The affine map (4, 3) that keeps the middle plane: x only scales; y and z mix."""
    result = np.zeros((4, 3))
    result[0, 0] = (source[:, 0] @ target[:, 0]) / (source[:, 0] @ source[:, 0])
    design = np.column_stack([source[:, 1:], np.ones(len(source))])
    result[1:, 1:] = np.linalg.lstsq(design, target[:, 1:], rcond=None)[0]
    return result


def _register(vertices: Float, triangles: Int) -> tuple[Int, Float, Float]:
    """Closest points of the template on the smoothly warped head: (468, 3) corners and weights, (468,) distances."""
    template = landmarks.template()[: landmarks.FACE_POINTS]
    face = triangles[(triangles < FACE).all(1)]
    marks = np.array(LANDMARK_VERTICES)
    # Loop points are matched once and for all, by arc length between shared landmarks.
    fixed = _loop_matches(vertices, face)
    anchors = [(vertices[i] * [w0, w0, w0] + vertices[j] * [w1, w1, w1], p) for p, (i, j, w0, w1) in fixed.items()]
    nose_and_chin = [8, *range(27, 36)]
    anchors += [(vertices[marks[k]], landmarks.IBUG68[k]) for k in nose_and_chin]
    source = np.array([a[0] for a in anchors])
    target = template[[a[1] for a in anchors]]
    matched: tuple[Int, Float, Float] | None = None
    for smoothing in (1e-2, 3e-3, 1e-3, 3e-4):
        warp = RBFInterpolator(source, target, kernel="thin_plate_spline", smoothing=smoothing)
        warped = vertices.copy()
        warped[:HEAD] = warp(vertices[:HEAD])
        matched = closest_points(template, warped, face)
        corners, weights, _ = matched
        free = np.array([p for p in range(len(template)) if p not in fixed])
        on_head = np.einsum("nk,nkd->nd", weights, vertices[corners])
        source = np.concatenate([[a[0] for a in anchors], on_head[free]])
        target = np.concatenate([template[[a[1] for a in anchors]], template[free]])
    assert matched is not None
    corners, weights, residual = matched
    for point, (i, j, w0, w1) in fixed.items():
        corners[point], weights[point] = (i, j, i), (w0, w1, 0.0)
    return corners, weights, residual


def _loop_matches(vertices: Float, face: Int) -> dict[int, tuple[int, int, float, float]]:
    """For every loop landmark two vertices of the head and their weights."""
    edges = np.concatenate([face[:, [0, 1]], face[:, [1, 2]], face[:, [2, 0]]])
    length = np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1)
    graph = coo_matrix((length, edges.T), (len(vertices), len(vertices))).tocsr()
    matches: dict[int, tuple[int, int, float, float]] = {}
    template = landmarks.template()
    for points, shared, ibug in LOOPS:
        start = list(ibug)
        loop = _trace(graph, [LANDMARK_VERTICES[k] for k in start])
        keys = [p for p in points if p in shared]
        for a, b in zip(keys, [*keys[1:], keys[0]], strict=True):
            run = _between(list(points), a, b)
            path = _between(loop, LANDMARK_VERTICES[shared[a]], LANDMARK_VERTICES[shared[b]])
            at = _arc(template[run])
            along = _arc(vertices[path])
            for point, s in zip(run[:-1], at[:-1], strict=True):
                k = int(np.clip(np.searchsorted(along, s, side="right") - 1, 0, len(path) - 2))
                f = float((s - along[k]) / max(along[k + 1] - along[k], 1e-12))
                matches[point] = (path[k], path[k + 1], 1.0 - f, f)
    return matches


def _trace(graph: coo_matrix, stops: list[int]) -> list[int]:
    """The closed path along mesh edges through `stops`."""
    loop: list[int] = []
    for a, b in zip(stops, [*stops[1:], stops[0]], strict=True):
        _, before = dijkstra(graph, directed=False, indices=a, return_predecessors=True, limit=1.0)
        path = [b]
        while path[-1] != a:
            path.append(int(before[path[-1]]))
        loop += path[:0:-1]
    return loop


def _between(loop: list[int], a: int, b: int) -> list[int]:
    i, j = loop.index(a), loop.index(b)
    return loop[i : j + 1] if i < j else loop[i:] + loop[: j + 1]


def _arc(points: Float) -> Float:
    steps = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    return steps / steps[-1]


def closest_points(points: Float, vertices: Float, triangles: Int) -> tuple[Int, Float, Float]:
    """For each point (N, 3) the closest place on the mesh: (N, 3) corners, (N, 3) weights, (N,) distance."""
    centres = vertices[triangles].mean(1)
    _, near = cKDTree(centres).query(points, k=48)
    a, b, c = (vertices[triangles[near, k]] for k in range(3))
    weights = _project(points[:, None], a, b, c)
    place = weights[..., :1] * a + weights[..., 1:2] * b + weights[..., 2:] * c
    distance = np.linalg.norm(place - points[:, None], axis=2)
    best = distance.argmin(1)
    row = np.arange(len(points))
    return triangles[near[row, best]].copy(), weights[row, best], distance[row, best]


def _project(p: Float, a: Float, b: Float, c: Float) -> Float:
    """Barycentric weights of each triangle's closest point. Source: Ericson, Real-Time Collision Detection, 5.1."""
    u, v, w = b - a, c - a, p - a
    uu, uv, vv = (u * u).sum(-1), (u * v).sum(-1), (v * v).sum(-1)
    wu, wv = (w * u).sum(-1), (w * v).sum(-1)
    det = np.maximum(uu * vv - uv * uv, 1e-18)
    s, t = (vv * wu - uv * wv) / det, (uu * wv - uv * wu) / det
    inside = np.stack([1 - s - t, s, t], -1)
    choices = [inside]
    for i, j, start, edge in ((0, 1, a, u), (0, 2, a, v), (1, 2, b, c - b)):
        f = np.clip(((p - start) * edge).sum(-1) / np.maximum((edge * edge).sum(-1), 1e-18), 0, 1)
        option = np.zeros_like(inside)
        option[..., i], option[..., j] = 1 - f, f
        choices.append(option)
    options = np.stack(choices)
    place = options[..., :1] * a + options[..., 1:2] * b + options[..., 2:] * c
    distance = np.linalg.norm(place - p, axis=-1)
    distance[0] = np.where((inside >= 0).all(-1), distance[0], np.inf)
    pick = distance.argmin(0)
    return np.take_along_axis(options, pick[None, ..., None], 0)[0]
