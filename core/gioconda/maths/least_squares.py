"""Small least-squares problems: with bounds on the unknowns, or with a curved model. numpy only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]


def solve_bounded(matrix: Float, target: Float, lowest: Float, highest: Float) -> Float:
    """The x within its bounds that brings |matrix x − target| closest to 0. (M, N), (M,), (N,), (N,) → (N,).

    lowest may be −inf, highest inf; the columns must be independent.
    Source: Lawson and Hanson, "Solving least squares problems", 1974, chapter 23, with two bounds (Stark and Parker,
    "Bounded-variable least-squares", 1995): unknowns are freed one by one while that helps, and fixed at the bound that
    they would cross.
    """
    normal, right = matrix.T @ matrix, matrix.T @ target
    x = np.where(np.isfinite(lowest), lowest, np.where(np.isfinite(highest), highest, 0.0))
    free = ~np.isfinite(lowest) & ~np.isfinite(highest)
    tolerance = 1e-10 * max(1.0, float(np.abs(right).max(initial=0.0)))
    for _ in range(10 * len(x)):
        while free.any():  # towards the best point of the free unknowns, up to the first bound in the way
            index = np.flatnonzero(free)
            aim = np.linalg.solve(normal[np.ix_(index, index)], right[index] - normal[np.ix_(index, ~free)] @ x[~free])
            step = aim - x[index]
            room = np.where(step < 0, lowest[index] - x[index], highest[index] - x[index])
            with np.errstate(divide="ignore", invalid="ignore"):
                share = np.where(np.abs(step) > 1e-15, room / step, np.inf)
            first = float(share.min())
            if first >= 1:
                x[index] = aim
                break
            x[index] += max(first, 0.0) * step
            hit = share <= first
            x[index[hit]] = np.where(step[hit] < 0, lowest[index[hit]], highest[index[hit]])
            free[index[hit]] = False
        gradient = right - normal @ x
        helps = np.where(x <= lowest, gradient, np.where(x >= highest, -gradient, -np.inf))
        helps[free] = -np.inf
        best = int(helps.argmax())
        if helps[best] <= tolerance:
            break
        free[best] = True
    return x


def fit_model(residuals: Callable[[Float], Float], start: Float, scales: Float, limit: Float) -> tuple[Float, float]:
    """The parameters that make the sum of squared residuals least, near `start`, and half that sum.

    Args:
        residuals: parameters (N,) → (M,).
        start: (N,) within the limits.
        scales: (N,) a step of each parameter that matters about equally.
        limit: (N,) > 0: |parameter| at most; may be inf.

    Source: Marquardt, "An algorithm for least-squares estimation of nonlinear parameters", 1963; derivatives by
    differences, steps cut at the limits.
    """
    x = np.clip(start, -limit, limit)
    now = residuals(x)
    cost, damping = float(now @ now) / 2, 1e-3
    for _ in range(200):
        jacobian = np.empty((len(now), len(x)))
        for k in range(len(x)):
            step = np.zeros(len(x))
            step[k] = 1e-6 * scales[k]
            jacobian[:, k] = (residuals(x + step) - residuals(x - step)) / 2e-6  # per scale
        gradient, normal = jacobian.T @ now, jacobian.T @ jacobian
        # a parameter at its limit that wants to go further stays there
        held = (np.abs(x) >= limit) & (np.sign(x) * gradient < 0)
        gradient[held], normal[held], normal[:, held] = 0.0, 0.0, 0.0
        normal[held, held] = 1.0
        weights = np.maximum(np.diagonal(normal), 1e-9 * max(float(np.diagonal(normal).max()), 1e-30))
        better = False
        while damping < 1e12:
            change = -np.linalg.solve(normal + damping * np.diag(weights), gradient)
            tried = np.clip(x + change * scales, -limit, limit)
            with np.errstate(over="ignore", invalid="ignore"):  # a step too far is not taken
                then = residuals(tried)
            if float(then @ then) / 2 < cost:
                better = True
                break
            damping *= 4
        if not better:
            break
        gained, cost = cost - float(then @ then) / 2, float(then @ then) / 2
        x, now, damping = tried, then, max(damping / 10, 1e-12)
        if gained <= 1e-12 * cost:
            break
    return x, cost
