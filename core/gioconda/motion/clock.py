"""One clock for every source: from when frames were taken to a constant rate and frame numbers, or values resampled."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]

RATES = (24.0, 25.0, 30.0, 48.0, 50.0, 60.0, 90.0, 100.0, 120.0, 240.0)
NTSC = {whole: whole * 1000 / 1001 for whole in (24.0, 30.0, 48.0, 60.0, 120.0)}
SLOWEST, FASTEST = 0.5, 1000.0  # frames per second
OFF_GRID = 0.3  # parts of a frame by which a stamp may lie beside its frame
GAPS = 0.1  # part of the steps that may be longer than one frame, where frames were lost; more: the rate varies


class Clock(NamedTuple):
    """A constant rate and, where the stamps lie on its frames, a frame number for each of them, from 0."""

    fps: float
    numbers: npt.NDArray[np.int64] | None  # None: the rate varies; `resampled` brings the values to `fps`


def clock(seconds: Float, counted: npt.NDArray[np.int64] | None = None) -> Clock | None:
    """What stamps (n,), seconds, strictly rising, say; None where they make no sensible rate.

    `counted`: frame numbers (n,) that come with them; kept where they agree. Where the rate varies, it is the fastest
    one that is kept up, so that no frame is lost.
    """
    if len(seconds) < 2 or not np.isfinite(seconds).all():
        return None
    seconds = seconds - seconds[0]
    steps = np.diff(seconds)
    if (steps <= 0).any():
        return None
    step = float(np.median(steps))
    fast = float(np.percentile(steps, 10))
    if fast < 0.6 * step:  # a slower part is longer
        step = fast
    near = steps[np.abs(steps - step) < 0.3 * step]
    step = float(near.mean()) if len(near) else step
    if not SLOWEST <= 1 / step <= FASTEST * 1.01:
        return None
    found = None if counted is None else _constant(seconds, counted - counted[0])
    if found is None:
        found = _constant(seconds, np.concatenate([[0], np.cumsum(np.maximum(np.round(steps / step), 1))]))
    return found or Clock(usual_rate(1 / step, 0.02), None)


def _constant(seconds: Float, counted: npt.NDArray[Any]) -> Clock | None:
    """The constant rate at which stamps lie on frames, counted roughly already; None where they lie beside them."""
    slope, start = np.polyfit(counted, seconds, 1)
    if slope <= 0:
        return None
    place = (seconds - start) / slope
    numbers = np.round(place)
    off, steps = np.abs(place - numbers), np.diff(numbers)
    if (steps < 1).any() or off.max() > OFF_GRID or (steps > 1).sum() > max(2, GAPS * len(steps)):
        return None
    noise = 4 * float(np.sqrt((off**2).mean())) + _resolution(seconds) / float(slope)  # in frames
    doubt = 0.001 + noise / float(numbers[-1] - numbers[0])
    rate = usual_rate(1 / float(slope), doubt)
    return Clock(rate, (numbers - numbers[0]).astype(np.int64)) if SLOWEST <= rate <= FASTEST else None


def usual_rate(fps: float, doubt: float) -> float:
    """The usual rate that is meant, where one lies within `doubt`, a part of the rate; else the rate itself."""
    whole = min((*RATES, max(1.0, round(fps))), key=lambda rate: abs(rate - fps))
    ntsc = NTSC.get(whole)
    if ntsc is not None and doubt < 0.01 and abs(fps - ntsc) < 0.25 * abs(fps - whole):
        return ntsc
    return whole if abs(whole - fps) <= doubt * whole else fps


def _resolution(seconds: Float) -> float:
    """To what part of a second the stamps are rounded."""
    for digits in range(1, 7):
        scaled = seconds * 10**digits
        if np.abs(scaled - np.round(scaled)).max() < 1e-3:
            return float(10**-digits)
    return 1e-6


def resampled(arrays: dict[str, npt.NDArray[Any]], seconds: Float, fps: float) -> dict[str, npt.NDArray[Any]]:
    """Arrays (n, …) by name at stamps (n,) → the same at `fps` from the first stamp to the last, linear in between."""
    count = int(np.floor((seconds[-1] - seconds[0]) * fps + 1e-6)) + 1
    at = np.interp(np.arange(count) / fps, seconds - seconds[0], np.arange(len(seconds)))
    return {name: blended(name, array, at) for name, array in arrays.items()}


def blended(name: str, array: npt.NDArray[Any], at: Float) -> npt.NDArray[Any]:
    """Values (n, …) at fractional indices (m,); a `rotation` stays one. NaN only where a frame that counts has it."""
    low = np.minimum((at + 1e-9).astype(int), len(array) - 1)
    high = np.minimum(low + 1, len(array) - 1)
    part = np.clip(at - low, 0, 1).reshape(-1, *[1] * (array.ndim - 1))
    result = (1 - part) * array[low] + part * array[high]
    result = np.where(part < 1e-6, array[low], np.where(part > 1 - 1e-6, array[high], result))
    if name == "rotation":  # the one nearest to the weighted mean
        u, _, vt = np.linalg.svd(np.nan_to_num(result))
        result = np.where(np.isnan(result), np.nan, u @ vt)
    typed: npt.NDArray[Any] = result.astype(array.dtype)
    return typed
