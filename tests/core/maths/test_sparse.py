from __future__ import annotations

import numpy as np
import pytest
from gioconda.maths.sparse import Sparse
from scipy.sparse import random as random_sparse


@pytest.fixture
def some() -> tuple[Sparse, np.ndarray]:
    dense = random_sparse(30, 40, 0.1, random_state=np.random.default_rng(0)).toarray()
    return Sparse.of_dense(dense), dense


def test_entries_at_one_place_are_summed() -> None:
    made = Sparse.of_entries((2, 3), np.array([1, 0, 1]), np.array([2, 0, 2]), np.array([1.0, 5.0, 2.0]))
    assert np.array_equal(made.dense(), [[5, 0, 0], [0, 0, 3]])


def test_products_sums_parts_are_those_of_dense_matrices(some: tuple[Sparse, np.ndarray]) -> None:
    sparse, dense = some
    other = np.random.default_rng(1).normal(size=(40, 2, 3))
    assert np.allclose(sparse @ other, np.tensordot(dense, other, 1))
    assert np.allclose(sparse.transposed.dense(), dense.T)
    assert np.allclose(sparse.times(sparse.transposed).dense(), dense @ dense.T)
    assert np.allclose((sparse + sparse * 2.0 - sparse).dense(), 2 * dense)
    rows, columns = np.array([4, 1, 7]), np.array([39, 0, 5, 2])
    assert np.allclose(sparse.part(rows, columns).dense(), dense[np.ix_(rows, columns)])
    square = sparse.times(sparse.transposed)
    assert np.allclose(square.diagonal, np.diag(dense @ dense.T))
    with pytest.raises(ValueError, match="@"):
        sparse @ np.ones(30)


@pytest.mark.parametrize("columns", [None, 4])
def test_a_system_in_two_parts_is_solved(columns: int | None) -> None:
    random = np.random.default_rng(2)
    dense = random_sparse(60, 60, 0.03, random_state=random).toarray()
    dense[:30, 30:] = dense[30:, :30] = 0
    dense = dense @ dense.T + 0.1 * np.eye(60)
    right = random.normal(size=60 if columns is None else (60, columns))
    assert np.allclose(Sparse.of_dense(dense).solve(right), np.linalg.solve(dense, right))


def test_what_is_not_positive_definite_is_said() -> None:
    with pytest.raises(ValueError, match="not positive definite"):
        Sparse.of_dense(np.array([[1.0, 2.0], [2.0, 1.0]])).solve(np.ones(2))
