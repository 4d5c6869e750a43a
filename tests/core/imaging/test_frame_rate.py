"""Frame rates become the fractions that cameras and editors mean."""

from __future__ import annotations

from fractions import Fraction

import pytest
from gioconda.imaging.frame_rate import exact_rate


@pytest.mark.parametrize(
    ("fps", "expected"),
    [
        (24, Fraction(24)),
        (25.0, Fraction(25)),
        (23.976, Fraction(24000, 1001)),
        (23.976023976, Fraction(24000, 1001)),
        (29.97, Fraction(30000, 1001)),
        (59.94, Fraction(60000, 1001)),
        (119.88, Fraction(120000, 1001)),
        (12.5, Fraction(25, 2)),
        (1, Fraction(1)),
        (0.5, Fraction(1, 2)),
        (60.0001, Fraction(60)),
    ],
)
def test_rates_are_exact(fps: float, expected: Fraction) -> None:
    assert exact_rate(fps) == expected
