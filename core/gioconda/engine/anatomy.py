"""What every head has in common: its depth behind the face, its teeth and jaw. Read from `tables/`, see its README."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from ..arrays import Float, Int, UInt8
from ..landmarks import FACE_POINTS, table, template
from ..pose import HeadPose

UPPER_TEETH, LOWER_TEETH, UPPER_GUM, LOWER_GUM, TONGUE, CAVITY = range(6)


@dataclass(frozen=True)
class MouthModel:
    """Teeth, gums, tongue and the inside of the mouth of an average head, in template space.

    Attributes:
        vertices: (V, 3) float64; the jaw is shut, the rows of teeth just apart.
        triangles: (T, 3) int32, turned outwards.
        normals: (V, 3) float64, unit length.
        part: (V,) uint8, UPPER_TEETH … CAVITY.
        tooth: (V,) int8, number of the tooth, -1 for what is none.
        jaw: (V,) float64, how much a vertex follows the jaw, 0..1.
        light: (V,) float64, how much of the light around reaches a vertex, 0..1: little between teeth and in folds.
        mirrored: (V,) int32, the vertex on the other side.
        colours: (6, 3) float64, scene-linear Rec.709, one for each part.
        bite: (2,) float64, y where the upper and the lower incisors end.
        pivot: (3,) float64, the jaw's hinge; it turns about the x axis.
        open_angle: radians at the ARKit channel jawOpen = 1.
    """

    vertices: Float
    triangles: Int
    normals: Float
    part: UInt8
    tooth: Int
    jaw: Float
    light: Float
    mirrored: Int
    colours: Float
    bite: Float
    pivot: Float
    open_angle: float


@cache
def head_prior() -> tuple[Float, Int]:
    """The average head: vertices (V, 3) float64 in head space, triangles (T, 3) int32."""
    data = table("head_prior.npz")
    return data["vertices"].astype(np.float64), data["triangles"].astype(np.int32)


def fitted_head(landmarks: Float, pose: HeadPose, vertices: Float) -> Float:
    """Vertices of the average head, (V, 3) head space, where they are in a portrait: picture space, pixels.

    An affine map carries the average face to the portrait's landmarks (478, 3), and what lies behind it along.
    """
    head = pose.to_head(landmarks)[:FACE_POINTS]
    flat = np.concatenate([template()[:FACE_POINTS], np.ones((FACE_POINTS, 1))], axis=1)
    affine, *_ = np.linalg.lstsq(flat, head, rcond=None)
    return pose.to_picture(np.concatenate([vertices, np.ones((len(vertices), 1))], axis=1) @ affine)


@cache
def mouth_model() -> MouthModel:
    """The average mouth's inside."""
    data = table("mouth.npz")
    triangles = data["triangles"].astype(np.int32)
    floats = {k: data[k].astype(np.float64) for k in ("vertices", "jaw", "light", "colours", "bite", "pivot")}
    return MouthModel(
        triangles=triangles,
        normals=vertex_normals(floats["vertices"], triangles),
        part=data["part"].astype(np.uint8),
        tooth=data["tooth"].astype(np.int32),
        mirrored=data["mirrored"].astype(np.int32),
        open_angle=float(data["jaw_open_angle"]),
        **floats,
    )


def vertex_normals(vertices: Float, triangles: Int) -> Float:
    """Area-weighted unit normals (V, 3) of a mesh."""
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    faces = np.cross(b - a, c - a)
    normals = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(normals, triangles[:, k], faces)
    unit: Float = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    return unit
