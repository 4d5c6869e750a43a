"""Expressions as displacements of the template: ARKit channels to points and back, lips that meet, the jaw's hinge.

Everything here is in head space. `tables/expression_basis.npz` is fitted from ICT-FaceKit (see `tables/README.md`).
It knows nothing of portraits, motions or time.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

import numpy as np
import numpy.typing as npt
from scipy.optimize import lsq_linear

from .. import landmarks
from ..landmarks import ARKIT, COUNT

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
    return _table()["displacement"].astype(np.float32)


@cache
def eyeballs() -> tuple[Float, float]:
    """The eyes' centres, right and left, (2, 3), and the distance from a centre to its iris."""
    return _table()["eyeballs"].astype(np.float64), float(_table()["eye_radius"])


@cache
def jaw_hinge() -> tuple[Float, float]:
    """The point (3,) the jaw turns about (axis x), and its angle in radians when `jawOpen` is 1."""
    with resources.files(__package__.rpartition(".")[0]).joinpath("tables/dental_arch.npz").open("rb") as file:
        table = np.load(file)
        return table["pivot"].astype(np.float64), float(table["jaw_open_angle"])


def displacement(channels: npt.NDArray[np.floating]) -> Float32:
    """Channels (F, 52), in the order of `ARKIT`, → (F, 478, 3) float32 displacement. Linear: see `meet_lips`."""
    flat = channels.astype(np.float32) @ expression_basis().reshape(len(ARKIT), -1)
    return flat.reshape(-1, COUNT, 3)


def jaw_angle(displaced: npt.NDArray[np.floating]) -> Float:
    """How far the jaw is open, radians, from displacements (F, 478, 3): the best share of `jawOpen` at the chin."""
    chin = [152, 175, 199, 148, 377, 176, 400]
    opening = expression_basis()[ARKIT.index("jawOpen"), chin].astype(np.float64).ravel()
    moved = displaced[:, chin].reshape(len(displaced), -1).astype(np.float64)
    share: Float = moved @ opening / (opening @ opening)
    return share * jaw_hinge()[1]


def meet_lips(neutral: Float, displaced: Float32, *, hold: float = 1.0) -> None:
    """Push lips apart, in place, where a sum of channels has made them cross; skin near the lips follows softly.

    Args:
        neutral: (478, 3) the face that is displaced.
        displaced: (F, 478, 3) its displacement.
        hold: 1 pushes until the gap is what it is in `neutral` or 0, whichever is less.
    """
    upper, lower = list(LIP_UPPER), list(LIP_LOWER)
    rest = neutral[lower, 1] - neutral[upper, 1]
    gap = rest + displaced[:, lower, 1] - displaced[:, upper, 1]
    push = np.maximum(np.minimum(rest, 0) - gap, 0).astype(np.float32) * np.float32(0.5 * hold)
    if push.any():
        up, down = lip_reach()
        displaced[..., 1] += push @ down.T - push @ up.T


def close_lips(neutral: Float, displaced: Float32, strength: float = 1.0) -> None:
    """Bring open (or crossed) lips together, in place. `strength` 0 to 1."""
    upper, lower = list(LIP_UPPER), list(LIP_LOWER)
    gap = (neutral + displaced)[:, lower] - (neutral + displaced)[:, upper]
    up, down = lip_reach()
    half = (0.5 * strength * gap).astype(np.float32)
    displaced += np.einsum("nk,fkd->fnd", up, half) - np.einsum("nk,fkd->fnd", down, half)


@cache
def lip_reach() -> tuple[Float32, Float32]:
    """How much every point follows each inner-lip point: upper lip and lower lip, (478, 9) float32 each.

    A lip point follows itself fully, skin falls off over `LIP_REACH`, and nothing crosses the mouth.
    """
    points = landmarks.template()
    result = []
    line = points[[*LIP_UPPER, *LIP_LOWER], 1].mean()
    for own, other, sign in ((LIP_UPPER, LIP_LOWER, -1), (LIP_LOWER, LIP_UPPER, 1)):
        distance = np.linalg.norm(points[:, None, :2] - points[None, list(own), :2], axis=2)
        share = np.exp(-((distance / 0.05) ** 2))
        share /= np.maximum(share.sum(1, keepdims=True), 1e-30)
        fall = np.exp(-((distance.min(1) / LIP_REACH) ** 2))[:, None] * share
        fall[sign * (points[:, 1] - line) < -0.004] = 0
        fall[[landmarks.LIPS_INNER[0], landmarks.LIPS_INNER[10], landmarks.MOUTH_RIGHT, landmarks.MOUTH_LEFT]] *= 0.2
        fall[list(other)] = 0
        fall[landmarks.FACE_POINTS :] = 0
        fall[list(own)] = np.eye(len(own))
        result.append(fall.astype(np.float32))
    return result[0], result[1]


def fit_channels(face: Float, *, weights: Float | None = None) -> tuple[Float, Float]:
    """Explain one face in head space as identity and expression.

    Args:
        face: (478, 3) landmarks in head space.
        weights: (478,) trust in each point; 1 everywhere by default.

    Returns:
        channels (52,), 0 to 1, and the displacement (478, 3) they stand for. Identity is an affine change of
        the template and whatever is left.
    """
    w = np.ones(COUNT) if weights is None else weights
    template, basis = landmarks.template(), expression_basis().astype(np.float64)
    free = np.column_stack([template, np.ones(COUNT)])
    identity = np.zeros((12, COUNT, 3))
    for axis in range(3):
        identity[4 * axis : 4 * axis + 4, :, axis] = free.T
    design = (np.concatenate([identity, basis]) * w[:, None]).reshape(-1, COUNT * 3).T
    target = ((face - template) * w[:, None]).ravel()
    ridge = np.diag(np.concatenate([np.full(12, 1e-3), np.full(len(ARKIT), RIDGE)]))
    q, r = np.linalg.qr(np.vstack([design, ridge]))  # a small square system, for the bounded solver's sake
    lowest = np.concatenate([np.full(12, -np.inf), np.zeros(len(ARKIT))])
    highest = np.concatenate([np.full(12, np.inf), np.ones(len(ARKIT))])
    solved = lsq_linear(r, q[: len(target)].T @ target, (lowest, highest), method="bvls").x
    channels: Float = solved[12:]
    return channels, np.tensordot(channels, basis, 1)


def mouth_gap(face: Float) -> float:
    """How far the lips are apart in the middle, as a share of the mouth's width; 0 when closed."""
    width = np.linalg.norm(face[landmarks.MOUTH_LEFT] - face[landmarks.MOUTH_RIGHT])
    gap = (face[[87, 14, 317], 1] - face[[82, 13, 312], 1]).mean()
    return max(float(gap / width), 0.0)


@cache
def _table() -> dict[str, npt.NDArray[np.floating]]:
    with resources.files(__package__.rpartition(".")[0]).joinpath("tables/expression_basis.npz").open("rb") as file:
        return {k: v for k, v in np.load(file).items() if k != "names"}
