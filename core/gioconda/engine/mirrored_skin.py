"""Symmetry fill: the skin that a turned face hides is taken from the visible half of the face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .. import landmarks as lm
from ..arrays import Float, Float32, Int
from ..imaging import resample
from .anatomy import vertex_normals
from .kernels import nearest, smoothstep
from .mesh import edges

_CANVAS_PX = 256


@dataclass(frozen=True)
class SymmetryFill:
    """
    Attributes:
        visible: (468,) float64, 0..1: how well the picture shows each skin point.
        source: (468, 2) float32, where the mirrored point is in the picture, pixels.
        weight: (468,) float32, how much may be taken from there once the point comes into view; empty: nothing.
        gain: (468, 3) float32, from the colour there to this half's, so that the light stays where it was.
        occluded: (468,) float32, 0..1: the part of the face's rim that the picture does not show.
    """

    visible: Float
    source: Float32
    weight: Float32
    gain: Float32
    occluded: Float32

    def fill_weight(self, stretch: Float, turned: float) -> Float:
        """How much each point takes from the other half, (468,): where a turn stretches it, or brings it into view.

        An expression alone takes nothing from there: skin that it stretches is the portrait's own.

        stretch: (468,), see `frame.vertex_stretch`; turned: 0..1, how far the head is turned, see `frame.head_turn`.
        """
        revealed = np.maximum(smoothstep((0.85 - stretch) / 0.45), self.occluded)
        return np.asarray(self.weight * turned * revealed, np.float64)


def find_symmetry_fill(landmarks: Float, matte: Float32, colour: Float32) -> SymmetryFill:
    """How well each point of the skin is seen, and how much of it may be taken from the other half.

    Args:
        landmarks: (478, 3) pixels.
        matte: (H, W) float32.
        colour: (H, W, 4) float32, linear.
    """
    points = landmarks[: lm.FACE_POINTS]
    pairs = lm.mirrored()[: lm.FACE_POINTS]
    on_person = smoothstep((_eroded_at(matte, points) - 0.6) / 0.35)
    # how far the skin faces the camera: the cosine, below 0 where it faces away
    towards = -vertex_normals(points, lm.triangles())[:, 2]
    shown = smoothstep((towards - 0.12) / 0.30) * _unoccluded(points)
    visible = shown * on_person
    weight = np.clip(visible[pairs] - visible, 0, 1) * np.sqrt(1 - visible)
    weight = _averaged(smoothstep(weight * 1.6)[:, None], 2)[:, 0]
    # Hair is not symmetric, so the weight falls to 0 towards hair. It reaches the oval where the background lies behind
    # the outline, and where the rim is occluded: there the picture shows something else, mostly the cheek before it.
    weight = weight * (1 - on_person * shown * (1 - _away_from_oval()))
    unseen = smoothstep((0.02 - towards) / 0.12)
    occluded = unseen * smoothstep((5.0 - _rings()) / 3)
    # points beside the person have no skin of their own, and an occluded rim is always taken from the visible one
    weight = np.maximum(weight, np.maximum(1 - on_person, occluded * (1 - unseen[pairs])))
    source = points[pairs, :2].astype(np.float32)
    if weight.max() > 0.35:
        gain = _gain(points, pairs, visible, colour)
    else:
        weight, gain = np.zeros(0), np.ones((len(points), 3), np.float32)
    return SymmetryFill(visible, source, weight.astype(np.float32), gain, occluded.astype(np.float32))


def _unoccluded(points: Float) -> Float:
    """1 where no other part of the face lies before the point."""
    low, high = points[:, :2].min(0), points[:, :2].max(0)
    scale = _CANVAS_PX / float((high - low).max())
    scaled = points.copy()
    scaled[:, :2] = (points[:, :2] - low) * scale
    depth = nearest(scaled, lm.triangles(), _CANVAS_PX + 1, _CANVAS_PX + 1).depth
    front = resample.pixels_at(depth, scaled)
    least = 0.06 * float(np.linalg.norm(points[lm.EYE_OUTER_RIGHT] - points[lm.EYE_OUTER_LEFT]))
    return np.where((front < 1e29) & (points[:, 2] - front > least), 0.0, 1.0)


def _eroded_at(matte: Float32, points: Float) -> Float:
    """The matte, a little eroded, at points (N, 3) of the picture; 0 outside. (N,)"""
    size, scale = matte.shape[::-1], min(1.0, 512 / max(matte.shape))
    small = resample.erode(resample.shrunk(matte, 512), 1)
    inside = ((points[:, :2] >= 0) & (points[:, :2] < size)).all(1)
    return np.where(inside, resample.pixels_at(small, points * scale), 0.0)


def _averaged(values: Float, times: int) -> Float:
    """Averaged with the neighbours on the mesh, `times` times. values: (468, K)"""
    start, end = edges(lm.triangles()).T
    count = np.maximum(np.bincount(np.concatenate([start, end]), minlength=len(values)), 1)[:, None].astype(np.float64)
    for _ in range(times):
        total = np.zeros_like(values)
        np.add.at(total, start, values[end])
        np.add.at(total, end, values[start])
        values = 0.5 * values + 0.5 * total / count
    return values


def _away_from_oval() -> Float:
    """0 on the face oval, 1 two rings further in. (468,)"""
    inner = np.ones((lm.FACE_POINTS, 1))
    inner[list(lm.OVAL)] = 0
    return smoothstep((_averaged(inner, 2)[:, 0] * inner[:, 0] - 0.35) / 0.5)


def _rings() -> Float:
    """How many steps along the mesh each point is from the face oval, (468,)."""
    rings = np.full(lm.FACE_POINTS, np.inf)
    rings[list(lm.OVAL)] = 0
    triangles = lm.triangles()
    while np.isinf(rings).any():
        nearest_of = rings[triangles].min(axis=1)
        for k in range(3):
            np.minimum.at(rings, triangles[:, k], nearest_of + 1)
    return rings


def _gain(points: Float, pairs: Int, visible: Float, colour: Float32) -> Float32:
    """This half's light over the other half's, spread from where both are seen to where one is hidden. (468, 3)"""
    interocular = float(np.linalg.norm(points[lm.EYE_OUTER_RIGHT] - points[lm.EYE_OUTER_LEFT]))
    scale = min(1.0, 256 / max(colour.shape[:2]))
    small = resample.gaussian_blur(resample.shrunk(colour[..., :3], 256), 0.07 * interocular * scale)
    light = np.log(np.maximum(resample.pixels_at(small, points * scale), 1e-3))
    confidence = (visible * visible[pairs])[:, None] ** 2 + 1e-4
    ratio = _averaged(confidence * (light - light[pairs]), 12) / _averaged(confidence, 12)
    return np.exp(np.clip(ratio, -1.0, 1.0)).astype(np.float32)
