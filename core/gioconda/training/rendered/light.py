"""Light as low-frequency shading: estimated from a still and the fitted head, changed as the head turns under it.

Source of the basis: Ramamoorthi and Hanrahan, "An Efficient Representation for Irradiance Environment Maps", 2001.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int32]

DARKEST, BRIGHTEST = 0.62, 1.55  # of a change of shading


@dataclass(frozen=True)
class Light:
    """Shading by the direction a surface looks in, picture axes.

    Attributes:
        shape: (9,) harmonics of the still's light.
        lamp: (3,) unit vector to a lamp that the still did not have; tint: (3,) its light, 0 = none.
    """

    shape: Float
    lamp: Float
    tint: Float

    def change(self, before: Float, after: Float) -> Float:
        """What a colour is multiplied by when its surface's normal goes from `before` to `after`, (N, 3) each."""
        then, now = (np.maximum(harmonics(n) @ self.shape, 0.25) for n in (before, after))
        ratio = np.clip(now / then, DARKEST, BRIGHTEST)[:, None]
        facing = 0.5 + 0.5 * (after @ self.lamp)[:, None]
        added: Float = ratio * (1 - 0.5 * self.tint.max() + facing**2 * self.tint)
        return added


def estimate_light(normal: Float, brightness: Float, weight: Float) -> Float:
    """Harmonics, (9,), of the light that makes a face (N,) as bright as it is; 1 is its mean brightness."""
    basis = harmonics(normal)
    goal = brightness / max(float((brightness * weight).sum() / weight.sum()), 1e-6)
    calm = np.diag([0.001, *[0.01] * 3, *[0.05] * 5]) * weight.sum()
    shape = np.zeros(9)
    trust = weight
    for _ in range(4):  # brows, beards and spots are not light
        shape = np.linalg.solve(basis.T @ (trust[:, None] * basis) + calm, basis.T @ (trust * goal))
        trust = weight / (1 + ((goal - basis @ shape) / 0.2) ** 2)
    return np.asarray(shape)


def random_light(shape: Float, rng: np.random.Generator) -> Light:
    """The still's light, sometimes with a lamp from a side more."""
    way = rng.normal(0, 1, 3) * [1, 0.6, 0.3] - [0, 0.3, 0.6]
    tint = rng.uniform(0.15, 0.7) * (1 + rng.normal(0, 0.08, 3)) if rng.random() < 0.5 else np.zeros(3)
    return Light(shape, way / np.linalg.norm(way), np.clip(tint, 0, 0.8))


def harmonics(normal: Float) -> Float:
    """(N, 3) unit vectors → (N, 9)."""
    x, y, z = normal.T
    return np.stack([np.ones_like(x), x, y, z, x * y, y * z, z * x, x * x - y * y, 3 * z * z - 1], axis=1)


def smoothing(triangles: Int, count: int) -> csr_matrix:
    """(count, T): sums triangles' normals at their corners."""
    rows, columns = triangles.T.ravel(), np.tile(np.arange(len(triangles)), 3)
    return csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=(count, len(triangles)))


def normals(points: Float, triangles: Int, corners: csr_matrix) -> Float:
    """(N, 3) unit vectors out of a surface; corners: of `smoothing`."""
    a, b, c = (points[triangles[:, k]] for k in range(3))
    total = corners @ np.cross(b - a, c - a)
    return np.asarray(total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12))
