"""Resampling, filters and masks keep to picture coordinates and lose nothing."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from gioconda.imaging import resample

RNG = np.random.default_rng(4)


def ramp(width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Each pixel holds the x (and y) of its own centre."""
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    return x.astype(np.float32), y.astype(np.float32)


@pytest.mark.parametrize("channels", [0, 1, 3, 4])
@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_every_function_keeps_channels_and_type(channels: int, dtype: type) -> None:
    shape = (20, 30) if channels == 0 else (20, 30, channels)
    image = (RNG.random(shape) * 200).astype(dtype)
    x, y = ramp(30, 20)
    for same in (
        resample.warp_affine(image, np.eye(2, 3), 30, 20),
        resample.remap(image, x, y, method="cubic"),
        resample.gaussian_blur(image, 1.5),
        resample.box_filter(image, 2),
    ):
        assert same.shape == shape
        assert same.dtype == dtype
    assert resample.resize(image, 10, 12).shape == (12, 10, *shape[2:])


def test_sampling_at_pixel_centres_gives_the_pixels_bit_for_bit() -> None:
    image = (RNG.random((33, 47, 4)) * 100 - 20).astype(np.float32)
    x, y = ramp(47, 33)
    np.testing.assert_array_equal(resample.remap(image, x, y, method="cubic"), image)
    np.testing.assert_array_equal(resample.remap(image, x, y), image)
    np.testing.assert_array_equal(resample.warp_affine(image, np.eye(2, 3), 47, 33, method="cubic"), image)


def test_a_warp_shows_the_point_its_matrix_names() -> None:
    x, y = ramp(90, 80)
    matrix = np.array([[0.7, 0.1, 5.3], [-0.05, 0.8, 4.1]])
    warped = resample.warp_affine(np.dstack([x, y]), matrix, 50, 40)
    out_x, out_y = ramp(50, 40)
    expected = np.stack([out_x, out_y, np.ones_like(out_x)], axis=-1) @ matrix.T
    np.testing.assert_allclose(warped[3:-3, 3:-3], expected[3:-3, 3:-3], atol=1e-3)


def test_an_area_warp_averages_what_a_pixel_covers() -> None:
    stripes = np.tile(np.array([0.0, 1.0], np.float32), (64, 128))
    quarter = np.array([[4.0, 0, 0], [0, 4.0, 0]])
    np.testing.assert_allclose(resample.warp_affine(stripes, quarter, 64, 16, method="area"), 0.5, atol=1e-6)


def test_outside_the_picture_is_the_edge_or_nothing() -> None:
    image = np.full((8, 8), 3.0, np.float32)
    away = np.array([[1.0, 0, -20], [0, 1, 0]])
    assert resample.warp_affine(image, away, 8, 8).min() == 3
    assert resample.warp_affine(image, away, 8, 8, border="zero").max() == 0


def test_resizing_keeps_points_where_they_are() -> None:
    x, _ = ramp(64, 48)
    np.testing.assert_allclose(resample.resize(x, 32, 24)[0] / 32, ramp(32, 24)[0][0] / 16, rtol=1e-6)
    larger = resample.resize(x, 128, 96, method="linear")
    np.testing.assert_allclose(larger[0, 4:-4] / 64, ramp(128, 96)[0][0, 4:-4] / 128, rtol=1e-5)


def test_hdr_values_pass_unclamped() -> None:
    image = np.full((16, 16, 3), 4000.0, np.float32)
    image[:, :8] = -5
    for result in (resample.resize(image, 4, 4), resample.gaussian_blur(image, 2), resample.box_filter(image, 1)):
        assert result.max() > 3000
        assert result.min() < -4


@pytest.mark.parametrize("sigma", [2.0, 9.0, 30.0])
def test_wide_blurs_match_narrow_ones_in_kind(sigma: float) -> None:
    from scipy import ndimage

    image = np.zeros((300, 300), np.float32)
    image[100:200, 130:170] = 1
    expected = ndimage.gaussian_filter(image, sigma, mode="nearest", truncate=6)
    np.testing.assert_allclose(resample.gaussian_blur(image, sigma), expected, atol=0.01)


def test_growing_and_shrinking_a_mask_are_discs() -> None:
    mask = np.zeros((60, 60), bool)
    mask[30, 30] = True
    grown = resample.dilate(mask, 12)
    assert abs(grown.sum() - np.pi * 144) < 20
    np.testing.assert_array_equal(resample.erode(grown, 12) & mask, mask)
    soft = resample.dilate(mask.astype(np.float32), 3)
    assert soft.dtype == np.float32
    assert 21 <= soft.sum() <= 37


def test_distance_counts_pixels_to_the_nearest_outside() -> None:
    mask = np.zeros((9, 9), bool)
    mask[1:8, 1:8] = True
    distance = resample.distance_inside(mask)
    assert distance[4, 4] == 4
    assert distance[0, 0] == 0
    assert resample.distance_inside(np.ones((3, 4), bool)).min() == 5


def test_distance_is_the_same_every_time() -> None:
    mask = np.hypot(*np.mgrid[-128:128, -128:128]) < 110
    try:
        found = []
        for threads in (0, 1, 2, 3) * 3:
            cv2.setNumThreads(threads)
            found.append(resample.distance_inside(mask).tobytes())
    finally:
        cv2.setNumThreads(-1)
    assert len(set(found)) == 1


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("step", [1, 4])
def test_a_guided_filter_follows_the_guide(channels: int, step: int) -> None:
    guide = np.zeros((80, 80), np.float32)
    guide[:, 40:] = 1
    colours = guide if channels == 1 else np.dstack([guide, 1 - guide, guide * 0.5])
    blurred = resample.gaussian_blur(guide, 3)
    sharp = resample.guided_filter(colours, blurred, 8, 1e-3, step=step)
    assert np.abs(sharp - guide)[:, 36:44].mean() < 0.6 * np.abs(blurred - guide)[:, 36:44].mean()


def test_filling_keeps_known_pixels_and_continues_them() -> None:
    x, _ = ramp(120, 100)
    image = np.dstack([x, np.full_like(x, 7000.0)])
    known = RNG.random((100, 120)) < 0.05
    image[~known] = np.nan
    filled = resample.fill_holes_smooth(image, known)
    np.testing.assert_array_equal(filled[known], image[known])
    np.testing.assert_allclose(filled[..., 1], 7000, rtol=1e-5)
    assert np.abs(filled[15:-15, 15:-15, 0] - x[15:-15, 15:-15]).mean() < 2
    assert not np.isnan(filled).any()


def test_filling_from_nothing_gives_zero() -> None:
    assert not resample.fill_holes_smooth(np.ones((5, 7, 3)), np.zeros((5, 7), bool)).any()
    assert resample.fill_holes_smooth(np.ones((1, 1)), np.ones((1, 1), bool)) == 1


def test_labels_leave_ink() -> None:
    image = np.full((40, 80, 3), 128, np.uint8)
    resample.draw_label(image, "1001", 4, 30)
    assert image.max() == 255
    assert image.min() < 30


@pytest.mark.parametrize("sigma", [0.6, 1.0, 2.0, 3.4])
def test_a_blur_has_the_same_bits_each_time(sigma: float) -> None:
    picture = np.repeat(np.repeat(np.random.default_rng(0).random((45, 64)) > 0.5, 20, 0), 20, 1).astype(np.float32)
    threads = cv2.getNumThreads()
    try:
        made = []
        for count in (1, 2, 4, 4, 4):
            cv2.setNumThreads(count)
            made.append(resample.gaussian_blur(picture, sigma))
    finally:
        cv2.setNumThreads(threads)
    assert all(np.array_equal(each, made[0]) for each in made)
