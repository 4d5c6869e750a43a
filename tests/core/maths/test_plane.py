from __future__ import annotations

import numpy as np
import pytest
from gioconda.maths.plane import delaunay, nearest_marked
from scipy.ndimage import distance_transform_edt
from scipy.spatial import Delaunay


def triples(triangles: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(sorted(each)) for each in triangles.tolist()}


def areas(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    a, b, c = (points[triangles[:, k]] for k in range(3))
    return ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]) / 2


@pytest.mark.parametrize("seed", range(3))
def test_triangles_between_points_are_scipys(seed: int) -> None:
    points = np.random.default_rng(seed).random((400, 2)) * 1000
    points = np.concatenate([points, [[-900, -900], [1900, -900], [1900, 1900], [-900, 1900]]])
    ours = delaunay(points)
    assert triples(ours) == triples(Delaunay(points).simplices)
    assert areas(points, ours).min() > 0


def test_a_square_grid_with_points_twice_is_covered_once() -> None:
    x, y = np.meshgrid(np.arange(12.0), np.arange(9.0))
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    points = np.concatenate([points, points[:20]])
    triangles = delaunay(points)
    assert areas(points, triangles).min() > 0
    assert areas(points, triangles).sum() == pytest.approx(11 * 8)
    assert triangles.max() < 12 * 9


def test_points_on_a_line_have_no_triangles() -> None:
    assert len(delaunay(np.stack([np.arange(5.0), 2 * np.arange(5.0)], axis=1))) == 0


@pytest.mark.parametrize("share", [0.001, 0.05, 0.9])
def test_the_nearest_mark_is_as_near_as_scipy_says(share: float) -> None:
    mask = np.random.default_rng(0).random((70, 130)) < share
    mask[3, 100] = True
    row, column = nearest_marked(mask)
    y, x = np.indices(mask.shape)
    assert mask[row, column].all()
    assert np.allclose(np.hypot(row - y, column - x), distance_transform_edt(~mask))


def test_nothing_marked_is_said() -> None:
    with pytest.raises(ValueError, match="no pixel"):
        nearest_marked(np.zeros((4, 5), bool))
