from __future__ import annotations

import numpy as np
import pytest
from gioconda.maths import filters
from scipy import ndimage


@pytest.mark.parametrize("count", [3, 20, 201])
@pytest.mark.parametrize(("ends", "mode"), [("edge", "nearest"), ("symmetric", "reflect")])
def test_filters_are_scipys(count: int, ends: filters.Ends, mode: str) -> None:
    values = np.random.default_rng(count).normal(size=(count, 4))
    for sigma in (0.05, 0.8, 5.0):
        theirs = ndimage.gaussian_filter1d(values, sigma, axis=0, mode=mode)
        assert np.allclose(filters.gaussian(values, sigma, ends=ends), theirs, atol=1e-12)
    for ours, theirs_of in (
        (filters.largest, ndimage.maximum_filter1d),
        (filters.smallest, ndimage.minimum_filter1d),
    ):
        assert np.array_equal(ours(values, 7, ends=ends), theirs_of(values, 7, axis=0, mode=mode))
    middle = ndimage.median_filter(values[:, 0], 3, mode=mode)
    assert np.array_equal(filters.median(values[:, 0], 3, ends=ends), middle)


def test_an_axis_of_one_s_own() -> None:
    values = np.random.default_rng(0).normal(size=(3, 50))
    assert np.allclose(filters.gaussian(values, 2.0, axis=1), filters.gaussian(values.T, 2.0).T)


def test_closing_and_opening_are_scipys() -> None:
    values = np.random.default_rng(1).normal(size=60)
    assert np.array_equal(filters.closed(values, 7), ndimage.grey_closing(values, 7))
    assert np.array_equal(filters.opened(values, 7), ndimage.grey_opening(values, 7))
