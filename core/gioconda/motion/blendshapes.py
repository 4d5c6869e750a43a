"""Expressions as displacements of the template: ARKit channels to points and back, lips that do not cross.

Everything here is in head space. `tables/expression_basis.npz` is fitted from ICT-FaceKit (see `tables/README.md`).
It knows nothing of portraits, motions or time.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from .. import landmarks
from ..landmarks import ARKIT, COUNT, table
from ..maths.least_squares import solve_bounded

Float = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]

# Inner lips from the right to the left corner, without the corners; upper and lower pair up point by point.
LIP_UPPER = (191, 80, 81, 82, 13, 312, 311, 310, 415)
LIP_LOWER = (95, 88, 178, 87, 14, 317, 402, 318, 324)
LIP_REACH = 0.16  # head units: how far skin follows when a lip is pushed
RIDGE = 0.15  # what a channel of 1 costs in `fit_channels`, in misfit (head units): faces differ by that much anyway


@cache
def expression_basis() -> Float32:
    """(52, 478, 3) float32: the displacement of every point when a channel of `landmarks.ARKIT` is 1."""
    return table("expression_basis.npz")["displacement"].astype(np.float32)


def displacement(channels: npt.NDArray[np.floating]) -> Float32:
    """Channels (F, 52), in the order of `ARKIT`, → (F, 478, 3) float32 displacement. Linear: see `uncross_lips`."""
    flat = channels.astype(np.float32) @ expression_basis().reshape(len(ARKIT), -1)
    return flat.reshape(-1, COUNT, 3)


def uncross_lips(neutral: Float, displaced: Float32) -> None:
    """Push lips apart, in place, where a sum of channels has made them cross; skin near the lips follows softly.

    They are pushed until the gap is what it is in `neutral` or 0, whichever is less.

    Args:
        neutral: (478, 3) the face that is displaced.
        displaced: (F, 478, 3) its displacement.
    """
    upper, lower = list(LIP_UPPER), list(LIP_LOWER)
    neutral_gap = neutral[lower, 1] - neutral[upper, 1]
    gap = neutral_gap + displaced[:, lower, 1] - displaced[:, upper, 1]
    push = np.maximum(np.minimum(neutral_gap, 0) - gap, 0).astype(np.float32) * np.float32(0.5)
    if push.any():
        up, down = lip_weights()
        displaced[..., 1] += push @ down.T - push @ up.T


def close_lips(neutral: Float, displaced: Float32, strength: float = 1.0) -> None:
    """Bring open (or crossed) lips together, in place. `strength` 0 to 1."""
    upper, lower = list(LIP_UPPER), list(LIP_LOWER)
    gap = (neutral + displaced)[:, lower] - (neutral + displaced)[:, upper]
    up, down = lip_weights()
    half = (0.5 * strength * gap).astype(np.float32)
    displaced += np.einsum("nk,fkd->fnd", up, half) - np.einsum("nk,fkd->fnd", down, half)


@cache
def lip_weights() -> tuple[Float32, Float32]:
    """How much every point follows each inner-lip point: upper lip and lower lip, (478, 9) float32 each.

    A lip point follows itself fully, skin falls off over `LIP_REACH`, and nothing crosses the mouth.
    """
    points = landmarks.template()
    result = []
    line = points[[*LIP_UPPER, *LIP_LOWER], 1].mean()
    for own, other, sign in ((LIP_UPPER, LIP_LOWER, -1), (LIP_LOWER, LIP_UPPER, 1)):
        distance = np.linalg.norm(points[:, None, :2] - points[None, list(own), :2], axis=2)
        nearest = np.exp(-((distance / 0.05) ** 2))
        nearest /= np.maximum(nearest.sum(1, keepdims=True), 1e-30)
        weight = np.exp(-((distance.min(1) / LIP_REACH) ** 2))[:, None] * nearest
        weight[sign * (points[:, 1] - line) < -0.004] = 0
        weight[[landmarks.LIPS_INNER[0], landmarks.LIPS_INNER[10], landmarks.MOUTH_RIGHT, landmarks.MOUTH_LEFT]] *= 0.2
        weight[list(other)] = 0
        weight[landmarks.FACE_POINTS :] = 0
        weight[list(own)] = np.eye(len(own))
        result.append(weight.astype(np.float32))
    return result[0], result[1]


def fit_channels(face: Float) -> tuple[Float, Float]:
    """Explain one face in head space, (478, 3), as a person's proportions and an expression.

    -> channels (52,), 0 to 1, and the displacement (478, 3) they stand for. The proportions are an affine change of
    the template and whatever is left.
    """
    template, basis = landmarks.template(), expression_basis().astype(np.float64)
    free = np.column_stack([template, np.ones(COUNT)])
    affine = np.zeros((12, COUNT, 3))
    for axis in range(3):
        affine[4 * axis : 4 * axis + 4, :, axis] = free.T
    design = np.concatenate([affine, basis]).reshape(-1, COUNT * 3).T
    target = (face - template).ravel()
    ridge = np.diag(np.concatenate([np.full(12, 1e-3), np.full(len(ARKIT), RIDGE)]))
    q, r = np.linalg.qr(np.vstack([design, ridge]))  # a small square system, for the bounded solver's sake
    lowest = np.concatenate([np.full(12, -np.inf), np.zeros(len(ARKIT))])
    highest = np.concatenate([np.full(12, np.inf), np.ones(len(ARKIT))])
    solved = solve_bounded(r, q[: len(target)].T @ target, lowest, highest)
    channels: Float = solved[12:]
    return channels, np.tensordot(channels, basis, 1)
