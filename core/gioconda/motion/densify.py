"""A few landmarks (68, a rig's named points, the mesh without irises) → all 478: pose, expression, then the remainder.

Each frame is explained by a head pose and the expression basis; the remainder is spread smoothly, so that known points
stay where they were measured. Missing frames stay missing.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..errors import MotionError
from ..landmarks import COUNT, OVAL, STABLE, template
from .blendshapes import expression_basis
from .motion import Motion, chunks

Float = npt.NDArray[np.float64]
ROUNDS = 3  # pose and expression, in turns
RIDGE = 0.03  # what a channel of 1 costs, in head units of misfit
REACH = 0.22  # head units over which a point's remainder is spread
OVAL_WEIGHT = 0.25  # outline points follow the silhouette, not the skin
SMOOTHING = 1e-3  # of the spline through a person's proportions: how much it may miss the points, head units squared
FRONTAL_PULL = 0.02  # pulls towards a frontal head where the points hardly determine it


def is_sparse(motion: Motion) -> bool:
    """True when some of the 478 points, or z, are missing in every frame."""
    return motion.landmarks is not None and bool(np.isnan(motion.landmarks).all(0).any())


def densify(motion: Motion, neutral: int | None = None) -> Motion:
    """The motion with all 478 points in every frame that has a face; frames without stay NaN.

    Args:
        neutral: index of the frame from which the face's own proportions are taken; the first whole one by default.

    Raises:
        MotionError: there are too few points to tell where the head is.
    """
    points = motion.landmarks
    assert points is not None
    known = np.flatnonzero(np.isfinite(points[..., :2]).all(2).any(0))
    if not len(known):
        raise MotionError("the motion has no usable frame: no frame has any landmark")
    if len(known) < 3 or np.linalg.matrix_rank(template()[known, :2] - template()[known, :2].mean(0), tol=0.05) < 2:
        raise MotionError(f"{len(known)} landmarks are too few: at least three that are not in a line are needed")
    observed = points[:, known].astype(np.float64)
    whole = np.flatnonzero(np.isfinite(observed[..., :2]).all((1, 2)))
    if not len(whole):
        raise MotionError("no frame of the motion has all of its points")
    first = neutral if neutral is not None and neutral in whole else int(whole[0])
    solver = Densifier(known, observed[first])
    dense = np.full((len(points), COUNT, 3), np.nan, np.float32)
    for part in chunks(len(whole)):
        rows = whole[part]
        dense[rows] = solver(observed[rows])
    provenance = {**motion.provenance, "points_measured": len(known)}
    return replace(motion, landmarks=dense, provenance=provenance)


class Densifier:
    """What stays the same for all frames: the face's proportions, and the matrices of the fit."""

    def __init__(self, known: npt.NDArray[np.integer], neutral: Float) -> None:
        self.known = known
        self.weights = np.where(np.isin(known, OVAL), OVAL_WEIGHT, 1.0)
        stable = np.isin(known, STABLE)
        rigid = template()[known[stable], :2]
        few = stable.sum() < 4 or np.linalg.matrix_rank(rigid - rigid.mean(0), tol=0.1) < 2
        self.pose_weights = self.weights * (1.0 if few else np.where(stable, 1.0, 0.05))
        basis = expression_basis().astype(np.float64)
        design = (basis[:, known] * self.weights[:, None]).reshape(len(basis), -1).T
        normal = design.T @ design + RIDGE**2 * len(known) * np.eye(len(basis))
        self.to_channels = np.linalg.solve(normal, design.T)
        self.basis = basis
        self.spread = _spread_weights(known)
        self.face = template()
        self.face = self.face + self._proportions(neutral)

    def __call__(self, observed: Float) -> npt.NDArray[np.float32]:
        """(f, K, 3) pixels, z perhaps NaN → (f, 478, 3) float32 pixels."""
        count, basis = len(observed), self.basis.reshape(len(self.basis), -1)
        at_known = self.basis[:, self.known].reshape(len(self.basis), -1)
        neutral = self.face[self.known]
        shape = np.broadcast_to(neutral, (count, *neutral.shape))
        channels = np.zeros((count, len(basis)))
        for _ in range(ROUNDS):
            scale, rotation, shift = self._pose(observed, shape)
            head = self._to_head(observed, shape, scale, rotation, shift)
            misfit = ((head - neutral) * self.weights[:, None]).reshape(count, -1)
            channels = np.clip(misfit @ self.to_channels.T, 0, 1)
            shape = neutral + (channels @ at_known).reshape(count, -1, 3)
        scale, rotation, shift = self._pose(observed, shape)
        remainder = self._to_head(observed, shape, scale, rotation, shift) - shape
        dense = self.face + (channels @ basis).reshape(count, COUNT, 3) + self.spread @ remainder
        picture: Float = scale[:, None, None] * dense @ rotation.transpose(0, 2, 1) + shift[:, None]
        return picture.astype(np.float32)

    def _proportions(self, neutral: Float) -> Float:
        """This person's face against the template, (478, 3), from one frame taken as neutral; smooth."""
        one = neutral[None]
        shape = template()[None, self.known]
        for _ in range(2):
            scale, rotation, shift = self._pose(one, shape)
            head = self._to_head(one, shape, scale, rotation, shift)
            shape = head.copy() if len(self.known) > 30 else shape
        difference = head[0] - template()[self.known]
        if len(self.known) < 8:
            return np.zeros((COUNT, 3))
        return np.clip(_thin_plate(template()[self.known, :2], difference, template()[:, :2]), -0.3, 0.3)

    def _pose(self, observed: Float, shape: Float) -> tuple[Float, Float, Float]:
        """Scaled orthographic pose from x and y: scale (f,), rotation (f, 3, 3), shift (f, 3)."""
        w = self.pose_weights / self.pose_weights.sum()
        centre, middle = w @ shape, w @ observed[..., :2]
        a, b = shape - centre[:, None], observed[..., :2] - middle[:, None]
        weighted = (w[:, None] * a).transpose(0, 2, 1)
        normal = weighted @ a
        normal[:, 2, 2] += FRONTAL_PULL * normal[:, 0, 0]
        affine = np.linalg.solve(normal, weighted @ b).transpose(0, 2, 1)
        u, s, vt = np.linalg.svd(affine, full_matrices=False)
        rows = u @ vt
        rotation = np.concatenate([rows, np.cross(rows[:, 0], rows[:, 1])[:, None]], 1)
        scale = np.maximum(s.mean(1), 1e-6)
        shift = np.zeros((len(observed), 3))
        shift[:, :2] = middle - scale[:, None] * np.einsum("fij,fj->fi", rows, centre)
        return scale, rotation, shift

    def _to_head(self, observed: Float, shape: Float, scale: Float, rotation: Float, shift: Float) -> Float:
        """Measured points in head space; their depth is the model's, also where a source has one of its own."""
        depth = scale[:, None] * (shape @ rotation[:, 2, :, None])[..., 0] + shift[:, None, 2]
        picture = np.concatenate([observed[..., :2], depth[..., None]], -1)
        result: Float = ((picture - shift[:, None]) / scale[:, None, None]) @ rotation
        return result


def _spread_weights(known: npt.NDArray[np.integer]) -> Float:
    """How much of each known point's remainder every point takes, (478, K)."""
    points = template()
    between = np.linalg.norm(points[:, None, :2] - points[None, known, :2], axis=2)
    kernel = np.exp(-((between / REACH) ** 2))
    inner = kernel[known] + 0.1 * np.eye(len(known))
    result: Float = np.linalg.solve(inner, kernel.T).T
    return result


def _thin_plate(known: Float, values: Float, points: Float) -> Float:
    """Values (K, C) at known points (K, 2) carried on to points (N, 2) by a smoothing thin-plate spline. -> (N, C)

    Source: Wahba, "Spline models for observational data", 1990, section 2.4.
    """

    def kernel(a: Float, b: Float) -> Float:
        squared = ((a[:, None] - b[None]) ** 2).sum(-1)
        bent: Float = 0.5 * squared * np.log(np.maximum(squared, 1e-300))
        return bent

    centre, extent = known.mean(0), np.ptp(known, axis=0).max() / 2 or 1.0
    unit, at = (known - centre) / extent, (points - centre) / extent
    # the smoothing is stated in the points' own units, and the kernel r² log r scales with their square
    system = np.zeros((len(known) + 3, len(known) + 3))
    affine = np.column_stack([np.ones(len(known)), unit])
    system[: len(known), : len(known)] = kernel(unit, unit) + SMOOTHING / extent**2 * np.eye(len(known))
    system[: len(known), len(known) :], system[len(known) :, : len(known)] = affine, affine.T
    solved = np.linalg.solve(system, np.concatenate([values, np.zeros((3, values.shape[1]))]))
    result: Float = kernel(at, unit) @ solved[: len(known)] + np.column_stack([np.ones(len(at)), at]) @ solved[-3:]
    return result
