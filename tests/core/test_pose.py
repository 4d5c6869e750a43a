from __future__ import annotations

import numpy as np
import pytest
from gioconda.pose import rotation_about, rotation_from_vector, rotation_vector


@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-5, 0.3, 2.0, 3.14159, np.pi])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_turn_about_an_axis_is_its_vector(axis: int, angle: float) -> None:
    vector = angle * np.eye(3)[axis]
    assert np.allclose(rotation_from_vector(vector), rotation_about(axis, angle), atol=1e-12)
    assert np.allclose(np.abs(rotation_vector(rotation_about(axis, angle))), vector, atol=1e-9)


def test_vectors_and_matrices_are_each_others_inverse() -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(4, 50, 3))
    vectors *= (random.uniform(0, np.pi, (4, 50)) / np.linalg.norm(vectors, axis=-1))[..., None]
    matrices = rotation_from_vector(vectors)
    assert np.allclose(matrices @ matrices.swapaxes(-1, -2), np.eye(3), atol=1e-12)
    assert np.allclose(rotation_vector(matrices), vectors, atol=1e-9)
