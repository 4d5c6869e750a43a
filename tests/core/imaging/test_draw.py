"""Polygons and lines cover exactly the area they cover."""

from __future__ import annotations

import numpy as np
from gioconda.imaging.draw import fill_polygon, polyline_coverage
from hypothesis import given, settings
from hypothesis import strategies as st


def area_of(points: np.ndarray) -> float:
    x, y = points.T
    return float(abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2)


def test_a_rectangle_between_pixels_covers_its_parts() -> None:
    corners = np.array([[1.25, 1.5], [3.5, 1.5], [3.5, 4.0], [1.25, 4.0]])
    coverage = fill_polygon(corners, 6, 5)
    np.testing.assert_allclose(coverage[1, 1:4], [0.375, 0.5, 0.25])
    np.testing.assert_allclose(coverage[2, 1:4], [0.75, 1.0, 0.5])
    assert coverage.sum() == np.float32(2.25 * 2.5)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 6.28), min_size=3, max_size=9, unique=True), st.floats(2, 19), st.booleans())
def test_any_round_polygon_covers_its_own_area(angles: list[float], radius: float, backwards: bool) -> None:
    turns = np.sort(angles)[:: -1 if backwards else 1]
    points = np.stack([np.cos(turns), np.sin(turns)], axis=1) * radius + (20.3, 21.7)
    np.testing.assert_allclose(fill_polygon(points, 41, 43).sum(), area_of(points), rtol=1e-4, atol=1e-3)


@settings(max_examples=40, deadline=None)
@given(st.floats(-60, 60), st.floats(-60, 60))
def test_a_polygon_partly_outside_covers_what_is_left(x: float, y: float) -> None:
    shape = np.array([[0, 0], [25, 4], [21, 30], [8, 22]], float) + (x, y)
    whole = fill_polygon(shape, 240, 240, origin=(-100, -100))
    np.testing.assert_allclose(fill_polygon(shape, 40, 30), whole[100:130, 100:140], atol=1e-5)


def test_a_crop_draws_at_its_origin() -> None:
    shape = np.array([[12.3, 8.8], [30.1, 11.2], [17.7, 29.9]])
    whole = fill_polygon(shape, 40, 40)
    np.testing.assert_allclose(fill_polygon(shape, 15, 12, origin=(10, 8)), whole[8:20, 10:25], atol=1e-6)


def test_nothing_to_draw_is_nothing() -> None:
    assert not fill_polygon(np.empty((0, 2)), 4, 4).any()
    assert not fill_polygon(np.array([[1.0, 1], [2, 2]]), 4, 4).any()
    assert not fill_polygon(np.array([[1.0, 1], [3, 1], [2, 1]]), 4, 4).any()


def test_a_line_covers_its_length_times_its_width() -> None:
    line = np.array([[10.2, 10.7], [50.9, 31.3]])
    length = np.hypot(*(line[1] - line[0]))
    for width in (1.0, 2.5, 5.0):
        round_ends = np.pi * width**2 / 4
        np.testing.assert_allclose(
            polyline_coverage(line, 64, 48, thickness_px=width).sum(), length * width + round_ends, rtol=0.02
        )


def test_a_hairline_is_faint_and_a_closed_line_comes_back() -> None:
    square = np.array([[5.0, 5], [15, 5], [15, 15], [5, 15]])
    assert polyline_coverage(square, 20, 20, thickness_px=0.25).max() <= 0.25
    assert polyline_coverage(square, 20, 20)[10, 4:6].sum() == 0
    assert polyline_coverage(square, 20, 20, closed=True)[10, 4:6].sum() > 0.5
