"""Filters along time."""

from __future__ import annotations

import numpy as np
import pytest
from gioconda.motion.smoothing import dead_band, fill_gaps, keep_fast, one_euro, savitzky_golay
from scipy.signal import savgol_coeffs


def test_savitzky_golay_keeps_a_parabola_and_shape_and_type() -> None:
    t = np.arange(30, dtype=np.float32)
    curve = np.stack([t, t**2 / 30, 3 - t], -1)[:, None]
    smooth = savitzky_golay(curve)
    assert smooth.shape == curve.shape and smooth.dtype == np.float32
    np.testing.assert_allclose(smooth, curve, atol=1e-3)


def test_savitzky_golay_takes_most_of_the_noise() -> None:
    noise = np.random.default_rng(1).normal(size=(4000, 2))
    left = savitzky_golay(noise)[3:-3].std() / noise.std()
    gain = np.sqrt((savgol_coeffs(7, 2) ** 2).sum())  # what it leaves of white noise
    assert left == pytest.approx(gain, rel=0.05)
    assert gain < 0.6


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6])
def test_takes_shorter_than_the_window_are_no_problem(count: int) -> None:
    values = np.random.default_rng(2).normal(size=(count, 3))
    assert savitzky_golay(values).shape == values.shape


def test_a_blink_survives_smoothing() -> None:
    lids = np.zeros((40, 1))
    lids[20:23, 0] = [0.5, 1, 0.5]
    noisy = lids + np.random.default_rng(3).normal(size=lids.shape) * 0.01
    smooth = savitzky_golay(noisy)
    kept = keep_fast(noisy, smooth, 0.01)
    assert smooth.max() < 0.7
    assert kept.max() > 0.9
    assert kept[:15].std() < 0.75 * noisy[:15].std()


def test_gaps_are_bridged_straight_and_ends_are_held() -> None:
    values = np.array([[np.nan], [1.0], [np.nan], [np.nan], [4.0], [np.nan]])
    filled, missing = fill_gaps(values)
    assert missing == 4
    np.testing.assert_allclose(filled[:, 0], [1, 1, 2, 3, 4, 4])  # type: ignore[index]
    two = np.stack([values[:, 0], [0, np.nan, 2, 3, 4, 5]], -1)
    np.testing.assert_allclose(fill_gaps(two)[0][:, 1], [0, 1, 2, 3, 4, 5])  # type: ignore[index]
    assert fill_gaps(np.full((3, 2), np.nan))[0] is None


def test_the_dead_band_holds_small_and_passes_large_without_a_step() -> None:
    length = np.linspace(0, 1, 1001)
    shown = length * dead_band(length, 0.1)
    assert (shown[length <= 0.1] == 0).all()
    assert shown[-1] == pytest.approx(0.99)
    assert np.diff(shown).max() < 0.0025
    assert (dead_band(length, 0) == 1).all()


def test_one_euro_calms_a_still_head_and_follows_a_quick_one() -> None:
    rng = np.random.default_rng(4)
    still = rng.normal(size=(200, 5)) * 0.002
    filtered = one_euro(still, 30)
    assert np.abs(np.diff(filtered, axis=0)).mean() < 0.6 * np.abs(np.diff(still, axis=0)).mean()
    step = np.zeros((60, 1))
    step[30:] = 0.3
    assert one_euro(step, 30)[34, 0] > 0.24
