"""Which place on ICT-FaceKit's mesh each of the 468 face landmarks is: how the table beside this file was found.

The landmark template is laid over the kit's neutral head by the kit's own 68 landmarks, bent smoothly so that these
agree, and every landmark goes to the nearest place of the skin. Lids and lips are loops of edges that the mesh has
itself: landmarks on them are spread along the loop as they are on the template.

Run `python -m gioconda.training.rendered.correspondence ICT.npz vertex_indices.json` to write the table anew.
"""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.interpolate import RBFInterpolator
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from ... import landmarks as lm
from ...pose import fit_similarity

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int32]

SKIN = 9409  # the kit's first vertices are the face's skin
TABLE = "landmarks.csv"
# loops as positions in the 68: eyes from the outer corner over the upper lid, lips from the right corner
_LOOPS = (
    (lm.EYE_RIGHT, (36, 37, 38, 39, 40, 41)),
    (lm.EYE_LEFT, (45, 44, 43, 42, 47, 46)),
    (lm.LIPS_OUTER, (48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59)),
    (lm.LIPS_INNER, (60, 61, 62, 63, 64, 65, 66, 67)),
)


def find_correspondence(neutral: Float, triangles: Int, landmarks68: Int) -> tuple[Int, Float]:
    """(468, 3) vertices and (468, 3) weights.

    Args:
        neutral: (N, 3) as `HeadModel.neutral`; triangles: (T, 3); landmarks68: (68,) vertices.
    """
    skin = triangles[(triangles < SKIN).all(1)]
    head = neutral
    template = lm.template()[: lm.FACE_POINTS]
    inner = [*range(17, 68)]  # the 68's jaw line is a silhouette, not a place
    source, target = template[list(np.array(lm.IBUG68)[inner])], head[landmarks68[inner]]
    laid = fit_similarity(source, target).to_picture(template)
    bend = RBFInterpolator(
        laid[list(np.array(lm.IBUG68)[inner])],
        target - laid[list(np.array(lm.IBUG68)[inner])],
        kernel="linear",
        smoothing=0.02,
    )
    vertices, weights = nearest_on(head, skin, laid + bend(laid))
    graph = edge_graph(head, skin)
    for loop, marks in _LOOPS:
        for landmark, (pair, share) in zip(
            loop, _along(head, graph, landmarks68[list(marks)], template[list(loop)]), strict=True
        ):
            vertices[landmark], weights[landmark] = (*pair, pair[1]), (1 - share, share, 0)
    return vertices, weights


def edge_graph(points: Float, triangles: Int) -> csr_matrix:
    """Edges with their lengths, symmetric (N, N)."""
    a, b = np.concatenate([triangles[:, [i, (i + 1) % 3]] for i in range(3)]).T
    length = np.linalg.norm(points[a] - points[b], axis=1)
    graph = coo_matrix((length, (a, b)), shape=(len(points), len(points))).tocsr()
    return csr_matrix(graph.maximum(graph.T))


def nearest_on(points: Float, triangles: Int, wanted: Float) -> tuple[Int, Float]:
    """The place of a mesh nearest to each point: (M, 3) vertices, (M, 3) weights."""
    tree = cKDTree(points[triangles].mean(1))
    near = np.asarray(tree.query(wanted, k=24)[1])
    vertices, weights = np.empty((len(wanted), 3), np.int32), np.empty((len(wanted), 3))
    for row, (point, candidates) in enumerate(zip(wanted, near, strict=True)):
        best = np.inf
        for t in candidates:
            a, b, c = points[triangles[t]]
            share = _closest(a, b, c, point)
            far = float(np.linalg.norm(share @ points[triangles[t]] - point))
            if far < best:
                best, vertices[row], weights[row] = far, triangles[t], share
    return vertices, weights


def _closest(a: Float, b: Float, c: Float, point: Float) -> Float:
    """Weights of the point of a triangle nearest to `point`: nearest of its plane, held within the triangle."""
    e, f, g = b - a, c - a, point - a
    system = np.array([[e @ e, e @ f], [e @ f, f @ f]])
    u, v = np.linalg.lstsq(system, np.array([e @ g, f @ g]), rcond=None)[0]
    share = np.clip([1 - u - v, u, v], 0, None)
    return np.asarray(share / share.sum())


def _along(points: Float, graph: csr_matrix, marks: Int, template: Float) -> list[tuple[tuple[int, int], float]]:
    """Places on the closed edge path through `marks` (first: where the loop starts), spread as the template's loop is.

    The opposite corner is met exactly: each half of the loop is spread on its own.
    """
    half_marks, half_loop = len(marks) // 2, len(template) // 2
    found: list[tuple[tuple[int, int], float]] = []
    for begin in (0, 1):
        corners = np.concatenate([marks, marks[:1]])[begin * half_marks : (begin + 1) * half_marks + 1]
        path = [int(corners[0])]
        for a, b in pairwise(corners):
            path += _shortest(graph, int(a), int(b))[1:]
        part = np.concatenate([template, template[:1]])[begin * half_loop : (begin + 1) * half_loop + 1]
        found += _spread(points[path], path, _lengths(part)[:-1])
    return found


def _spread(line: Float, path: list[int], wanted: Float) -> list[tuple[tuple[int, int], float]]:
    at = _lengths(line)
    places = []
    for want in wanted:
        k = int(np.clip(np.searchsorted(at, want, side="right") - 1, 0, len(at) - 2))
        places.append(((path[k], path[k + 1]), float((want - at[k]) / (at[k + 1] - at[k]))))
    return places


def _lengths(line: Float) -> Float:
    """How far along a line its points are, 0..1."""
    far = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    return np.asarray(far / far[-1])


def _shortest(graph: csr_matrix, start: int, stop: int) -> list[int]:
    _, before = dijkstra(graph, indices=np.array(start), return_predecessors=True)
    path = [stop]
    while path[-1] != start:
        path.append(int(before[path[-1]]))
    return path[::-1]


def main(kit: str, indices: str) -> None:
    """Write the table: `kit` is the packed head, `indices` the kit's vertex_indices.json."""
    packed = np.load(kit)
    quads = packed["faces"]
    split = quads[quads[:, 3] >= 0]
    triangles = np.concatenate([quads[:, :3], split[:, [0, 2, 3]]]).astype(np.int32)
    marks = np.array(json.loads(Path(indices).read_text(encoding="utf-8"))["idx_to_landmark_verts"], np.int32)
    vertices, weights = find_correspondence(packed["neutral"].astype(np.float64) * [1, -1, -1], triangles, marks)
    header = "# landmark, three vertices of ICT-FaceKit, the second's and third's share (the first has the rest)"
    rows = zip(vertices, weights, strict=True)
    lines = [f"{k},{','.join(str(v) for v in at)},{w[1]:.4f},{w[2]:.4f}" for k, (at, w) in enumerate(rows)]
    Path(__file__).with_name(TABLE).write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
