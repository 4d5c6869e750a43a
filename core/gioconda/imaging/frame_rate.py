"""Frame rates as exact fractions. Standard library only."""

from __future__ import annotations

from fractions import Fraction


def exact_rate(fps: float) -> Fraction:
    """24 -> 24/1, 23.976 -> 24000/1001, 29.97 -> 30000/1001, 12.5 -> 25/2."""
    whole = round(fps)
    ntsc = Fraction(round(fps * 1.001) * 1000, 1001)
    if abs(fps - whole) > 2e-3 and abs(float(ntsc) - fps) < 2e-3:
        return ntsc
    return Fraction(fps).limit_denominator(1000)
