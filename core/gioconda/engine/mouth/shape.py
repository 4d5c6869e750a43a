"""The model of a mouth, its place in a head, and how the jaw moves it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from ...arrays import Float, Int, Mask
from ..anatomy import LOWER_TEETH, TONGUE, mouth_model

_TONGUE_STAYS = 0.5  # while the jaw opens little, the tongue follows it by so much less: it is raised in speech
_LITTLE = 0.12  # radians
_TONGUE_SINKS = 0.1  # head units per radian: in a wide mouth it lies low, and the throat is seen above it
_TIP = 0.045, 0.06  # from that distance to the teeth on, over that distance, the tongue is free to move


@dataclass(frozen=True)
class Placement:
    """Where the mouth's inside is in a head.

    Attributes:
        affine: (4, 3) float64, [template | 1] @ affine = head space.
        down, aside: shift of all of it, template units.
        wide: width of the arches, 1 = average.
        tall: height of crowns and gums, 1 = average.
        lower: shift of the lower arch against the upper one, down.
        jaw: radians by which the jaw is open in the portrait.
    """

    affine: Float
    down: float = 0.0
    aside: float = 0.0
    wide: float = 1.0
    tall: float = 1.0
    lower: float = 0.0
    jaw: float = 0.0


def placed(placement: Placement) -> Float:
    """The model's vertices (V, 3), template space, with the jaw shut, in this place; `affine` is not applied yet."""
    model = mouth_model()
    vertices = model.vertices.copy()
    vertices[:, 0] = vertices[:, 0] * placement.wide + placement.aside
    bite = np.where(model.jaw > 0.12, model.bite[1], model.bite[0])
    stretched = model.part < TONGUE
    vertices[stretched, 1] = (bite + (vertices[:, 1] - bite) * placement.tall)[stretched]
    vertices[:, 1] += placement.down + placement.lower * model.jaw
    vertices[:, 2] *= 0.5 + 0.5 * placement.wide
    return vertices


def opened(vertices: Float, angle: float, drawn_back: float = 0.0) -> tuple[Float, Float]:
    """Vertices (V, 3) and normals (V, 3) with the jaw turned by `angle` radians; template space.

    drawn_back: 0..1, how far the tongue is drawn back and down, as in a round O.
    """
    model = mouth_model()
    free = tongue_free()
    (jaw, loose), same = _jaw_and_tongue()
    theta = angle * jaw * (1 - _TONGUE_STAYS * np.exp(-angle / _LITTLE) * (1 - drawn_back) * loose)
    cos, sin = np.cos(theta)[same], np.sin(theta)[same]
    y, z = vertices[:, 1] - model.pivot[1], vertices[:, 2] - model.pivot[2]
    low = _TONGUE_SINKS * max(angle, 0.0) + 0.06 * drawn_back
    y, z = y + low * free, z + (0.16 * drawn_back) * free
    moved = np.column_stack([vertices[:, 0], model.pivot[1] + cos * y - sin * z, model.pivot[2] + sin * y + cos * z])
    n = model.normals
    normals = np.column_stack([n[:, 0], cos * n[:, 1] - sin * n[:, 2], sin * n[:, 1] + cos * n[:, 2]])
    return moved, normals


def in_head(vertices: Float, affine: Float) -> Float:
    """Template space → head space, (V, 3). affine: see `Placement`."""
    result: Float = vertices @ affine[:3] + affine[3]
    return result


@cache
def tongue_free() -> Float:
    """(V,) 0..1: 1 where the tongue is free, 0 where it grows from the gums and for all that is not tongue."""
    model = mouth_model()
    far = _distance_to_teeth()
    free: Float = np.where(model.part == TONGUE, np.clip((far - _TIP[0]) / _TIP[1], 0, 1), 0)
    return free


@cache
def _jaw_and_tongue() -> tuple[tuple[Float, Float], Int]:
    """The different pairs of `MouthModel.jaw` and `tongue_free`, (P,) each, and which of them each vertex has, (V,)."""
    pairs, same = np.unique(np.stack([mouth_model().jaw, tongue_free()]), axis=1, return_inverse=True)
    return (pairs[0], pairs[1]), same.ravel().astype(np.int32)


@cache
def is_tooth() -> Mask:
    """(V,) bool."""
    return np.asarray(mouth_model().part <= LOWER_TEETH)


@cache
def triangle_layer() -> Int:
    """(T,) int32: UPPER_TEETH or LOWER_TEETH where a triangle belongs to a tooth, else 2."""
    model = mouth_model()
    return np.asarray(np.minimum(model.part[model.triangles].min(1), 2), np.int32)


def _distance_to_teeth() -> Float:
    model = mouth_model()
    teeth, parts = model.vertices[is_tooth()], np.array_split(model.vertices, len(model.vertices) // 100 + 1)
    squared = [((part[:, None] - teeth) ** 2).sum(-1).min(1) for part in parts]
    return np.asarray(np.sqrt(np.concatenate(squared)))
