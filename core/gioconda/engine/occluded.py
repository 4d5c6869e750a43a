"""What a turned face hides of the hair and background behind it: continued from beyond its contour.

On a face that is turned away the cheek's contour lies outside the oval that the outer mesh is welded to. There the
picture shows the face, so the outer triangles behind it must not take their colour from the picture: when the head
turns back, a second cheek would come out beside the first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .. import landmarks as lm
from ..arrays import Float, Int, Mask
from ..imaging import draw
from ..imaging.resample import distance_inside
from ..maths.plane import nearest_marked
from .kernels import PAD, nearest
from .mesh import OUTER, HeadMesh
from .plate import Layers

Index = npt.NDArray[np.intp]

_LEAST = 0.004  # face heights: a face that reaches less far beyond its oval hides nothing
_SLIVER = 0.025  # face heights: so far beyond the landmarks' contour there may still be skin
_REACH = 0.15  # face heights: what is hidden is continued from no farther away
_LOOK_PX = 320  # the face's height, when it is looked for what it covers
_MARGIN = 2  # pixels


@dataclass(frozen=True)
class Occluded:
    """Where outer triangles lie behind the face.

    Attributes:
        triangles: (T,) bool, those of the mesh that must not take their colour from the picture, and their neighbours.
        weight: (N,) float64, how much each vertex shows of what is hidden: 1, towards the rim of `triangles` 0.
        box: (4,) int32, x0, y0, x1, y1: the part of the picture that they cover in the portrait.
        source: (h, w, 2) int32, row and column of the picture that each pixel of the box takes its colour from.
    """

    triangles: Mask
    weight: Float
    box: Int
    source: Int


def find_occluded(mesh: HeadMesh) -> Occluded | None:
    """What of the outer mesh the face covers in the portrait; None where it covers nothing."""
    vertices, outer = mesh.bind_pose, mesh.region == OUTER
    face_px = float(np.linalg.norm(vertices[lm.FOREHEAD, :2] - vertices[lm.CHIN, :2]))
    covered, depth = _covered(mesh, outer, face_px)
    if not len(covered):
        return None
    found, sliver = np.flatnonzero(outer)[covered], min(_SLIVER * face_px, 0.5 * depth)
    weight = np.zeros(len(vertices))
    weight[mesh.triangles[found]] = 1
    triangles = outer & (weight[mesh.triangles] > 0).any(1)
    box = _box(vertices[mesh.triangles[triangles].ravel(), :2], _MARGIN)
    around = box + int(_REACH * face_px) * np.array([-1, -1, 1, 1])
    face = _face(mesh, outer, around, 1.0)
    source = _reflected(distance_inside(~face) <= sliver) + around[1::-1]
    x, y = box[:2] - around[:2]
    inner = source[y : y + box[3] - box[1], x : x + box[2] - box[0]]
    return Occluded(triangles, weight, box.astype(np.int32), np.ascontiguousarray(inner, np.int32))


def _covered(mesh: HeadMesh, outer: Mask, face_px: float) -> tuple[Index, float]:
    """Which of the outer triangles, counted from 0, the face covers beyond its oval, and how far beyond, pixels.

    Looked up in a small picture.
    """
    scale = min(1.0, _LOOK_PX / face_px)
    box = _box(mesh.bind_pose[: lm.COUNT, :2] * scale, _MARGIN)
    from_oval = distance_inside(~_filled_oval(mesh, box, scale))
    behind = _drawn(mesh.bind_pose * scale, mesh.triangles[outer], box)
    beyond = _face(mesh, outer, box, scale) & (from_oval > _LEAST * face_px * scale) & (behind >= 0)
    return np.unique(behind[beyond]), float(from_oval[beyond].max(initial=0) / scale)


def _face(mesh: HeadMesh, outer: Mask, box: Index, scale: float) -> Mask:
    """Where in a box of the scaled picture there is face, (h, w)."""
    return (_drawn(mesh.bind_pose * scale, mesh.triangles[~outer], box) >= 0) | _filled_oval(mesh, box, scale)


def _filled_oval(mesh: HeadMesh, box: Index, scale: float) -> Mask:
    """What the face's oval touches, (h, w)."""
    (x, y), (w, h) = box[:2], box[2:] - box[:2]
    return np.asarray(draw.fill_polygon(mesh.bind_pose[list(lm.OVAL), :2] * scale - (x, y), int(w), int(h)) > 1e-3)


def spare_rows(occluded: Occluded | None) -> int:
    """How many spare rows `fill_spare_rows` needs below the person's texture."""
    return 0 if occluded is None else len(occluded.source)


def fill_spare_rows(occluded: Occluded | None, layers: Layers) -> None:
    """Write what is hidden into the spare rows of the person's texture."""
    if occluded is None:
        return
    x0, y0, x1, y1 = layers.window
    spare = layers.texture[-len(occluded.source) :, PAD:]
    source = occluded.source[:, : spare.shape[1]]
    rows, columns = np.clip(source[..., 0], y0, y1 - 1) - y0, np.clip(source[..., 1], x0, x1 - 1) - x0
    spare[:, : source.shape[1]] = layers.texture[rows + PAD, columns + PAD]


def spare_offset(occluded: Occluded, layers: Layers) -> tuple[int, int]:
    """x and y from the texture coordinates of the picture, pixels of the window, to those of what is hidden there."""
    x, y = (int(k) for k in occluded.box[:2] - layers.window[:2])
    return -x, len(layers.texture) - len(occluded.source) - PAD - y


def _box(points: Float, margin: float) -> Index:
    """x0, y0, x1, y1 around points (N, 2)."""
    return np.concatenate([np.floor(points.min(0) - margin), np.ceil(points.max(0) + margin)]).astype(int)


def _drawn(position: Float, triangles: Int, box: Index) -> Int:
    """Which of the triangles is nearest at each pixel of a box, (h, w), below 0 where there is none."""
    return nearest(position - [*box[:2], 0], triangles, *(box[2:] - box[:2])).triangle


def _reflected(mask: Mask) -> Int:
    """For each pixel of a mask the one as far beyond its nearest edge; rows and columns, (h, w, 2). Others stay."""
    nearest = np.stack(nearest_marked(~mask))
    here = np.indices(mask.shape, np.int32)
    return np.moveaxis(2 * nearest - here, 0, 2)
