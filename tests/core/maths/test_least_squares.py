from __future__ import annotations

import numpy as np
import pytest
from gioconda.maths.least_squares import fit_model, solve_bounded
from scipy.optimize import lsq_linear


@pytest.mark.parametrize("seed", range(20))
def test_bounded_solution_is_as_good_as_scipys(seed: int) -> None:
    random = np.random.default_rng(seed)
    matrix, target = random.normal(size=(30, 20)) * np.exp(2 * random.normal(size=20)), random.normal(size=30)
    lowest, highest = np.repeat([-np.inf, 0.0], (4, 16)), np.repeat([np.inf, 1.0], (4, 16))
    x = solve_bounded(matrix, target, lowest, highest)
    other = lsq_linear(matrix, target, (lowest, highest), method="bvls").x
    assert (x >= lowest).all()
    assert (x <= highest).all()
    assert np.linalg.norm(matrix @ x - target) <= np.linalg.norm(matrix @ other - target) * (1 + 1e-9)


def test_nothing_to_gain_stays_at_the_bounds() -> None:
    bounds = np.zeros(3), np.ones(3)
    assert np.array_equal(solve_bounded(np.eye(3), np.array([-1.0, 0.0, 5.0]), *bounds), [0, 0, 1])


def test_a_curve_is_fitted() -> None:
    t = np.linspace(0, 3, 40)

    def residuals(p: np.ndarray) -> np.ndarray:
        return p[0] * np.exp(-p[1] * t) - 2.0 * np.exp(-0.7 * t)

    found, cost = fit_model(residuals, np.array([1.0, 0.1]), np.ones(2), np.full(2, np.inf))
    assert np.allclose(found, [2.0, 0.7], atol=1e-5)
    assert cost < 1e-10


def test_a_limit_holds_and_the_rest_still_fits() -> None:
    def residuals(p: np.ndarray) -> np.ndarray:
        return np.array([p[0] - 3.0, p[1] - 1.0 - 0.5 * p[0]])

    found, cost = fit_model(residuals, np.zeros(2), np.ones(2), np.array([2.0, np.inf]))
    assert np.allclose(found, [2.0, 2.0], atol=1e-5)
    assert cost == pytest.approx(0.5, rel=1e-5)
