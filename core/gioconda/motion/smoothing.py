"""Taking a tracker's jitter out of curves: Savitzky–Golay for recordings, One-Euro for live input, a dead band.

Arrays are (frames, …); time runs along the first axis. It knows nothing of faces.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
CHUNK = 1024  # curves filtered at a time, so that a long recording needs no second copy in double precision
# One-Euro: the lowest cut-off in Hz (lower is calmer and later), how much it rises with speed, that of the speed itself
CUTOFF, SPEED, SPEED_CUTOFF = 1.5, 8.0, 1.0


def savitzky_golay(values: Array, window: int = 7, order: int = 2) -> Array:
    """Fit a polynomial in a sliding window; the ends use the first and last fit. No delay. Same shape and type.

    Source: Savitzky and Golay, "Smoothing and differentiation of data by simplified least squares procedures", 1964.
    A recording shorter than the window uses the largest odd window that fits; one too short for the order is copied.
    """
    count = len(values)
    window = min(window, count if count % 2 else count - 1)
    if window <= order:
        return values.copy()
    half = window // 2
    powers = (np.arange(-half, half + 1.0)[:, None] / half) ** np.arange(order + 1)
    fit = powers @ np.linalg.pinv(powers)  # (window, window): row k gives the polynomial's value at sample k
    flat = values.reshape(count, -1)
    result = np.empty_like(flat)
    for start in range(0, flat.shape[1], CHUNK):
        part = flat[:, start : start + CHUNK].astype(np.float64)
        smooth = np.zeros_like(part)
        for k, weight in enumerate(fit[half]):
            smooth[half : count - half] += weight * part[k : k + count - 2 * half]
        smooth[:half], smooth[count - half :] = fit[:half] @ part[:window], fit[half + 1 :] @ part[-window:]
        result[:, start : start + CHUNK] = smooth
    return result.reshape(values.shape)


def keep_fast(raw: Array, smooth: Array, noise: float) -> Array:
    """Give back to a smoothed curve what is clearly no noise: blinks, lips that shut for one frame.

    The residual r = raw − smooth is kept where it is far above `noise` and dropped where it is of its size: its gain is
    (r² / (r² + 9 noise²))², continuous everywhere.
    """
    residual = raw - smooth
    energy = residual**2
    gain = (energy / (energy + 9 * noise**2 + 1e-30)) ** 2
    result: Array = (smooth + gain * residual).astype(raw.dtype)
    return result


def fill_gaps(values: Array) -> tuple[Array | None, int]:
    """Replace NaN along time by straight lines between neighbours, by the nearest value at the ends.

    Returns:
        The filled array (None if some column has no value at all), and in how many frames something was missing.
    """
    flat = values.reshape(len(values), -1)
    lost = np.isnan(flat)
    frames = np.arange(len(flat))
    if lost.all(0).any():
        return None, int(lost.any(1).sum())
    result = flat.copy()
    whole = lost.any(1)
    if (lost.any(1) == lost.all(1)).all():  # whole frames at once
        kept = frames[~whole]
        index = np.clip(np.searchsorted(kept, frames[whole]), 1, max(len(kept) - 1, 1))
        before, after = kept[index - 1], kept[np.minimum(index, len(kept) - 1)]
        blend = np.clip((frames[whole] - before) / np.maximum(after - before, 1), 0, 1)[:, None]
        result[whole] = flat[before] * (1 - blend) + flat[after] * blend
    else:
        for column in np.flatnonzero(lost.any(0)):
            good = ~lost[:, column]
            result[~good, column] = np.interp(frames[~good], frames[good], flat[good, column])
    return result.reshape(values.shape), int(whole.sum())


def soft_dead_band(length: Array, band: float) -> Array:
    """How much of a motion of a given length to show: none below a fifth of `band`, half at it, all far above.

    n⁴ / (n⁴ + 1) with n = length / band, less what it is at a fifth: softer than `dead_band`, so nothing starts with a
    jerk.
    """
    if band <= 0:
        return np.ones_like(length)
    fourth = (length / band) ** 4
    weight: Array = np.maximum(fourth - 0.2**4, 0) / (fourth + 1)
    return weight


def dead_band(length: Array, band: float) -> Array:
    """How much of a motion of a given length to show: 0 up to `band`, towards 1 far above, continuous.

    1 − (band/length)², the non-negative garrote (Breiman 1995): small motions are held, large ones hardly change.
    """
    if band <= 0:
        return np.ones_like(length)
    ratio = band / np.maximum(length, 1e-12)
    weight: Array = np.maximum(1 - ratio**2, 0)
    return weight


def one_euro(values: Array, fps: float) -> Array:
    """`OneEuro` over a recording at a constant rate. Same shape and type."""
    result = values.copy()
    live = OneEuro(values[0])
    for i, new in enumerate(values[1:], 1):
        result[i] = live(new, 1 / fps)
    return result


class OneEuro:
    """The One-Euro filter for live input, a value at a time: calm when slow, prompt when fast.

    Source: Casiez, Roussel and Vogel, "1€ Filter: a simple speed-based low-pass filter for noisy input", CHI 2012.
    """

    def __init__(self, first: Array) -> None:
        self.value = first.astype(np.float64)
        self._rate = np.zeros(first.shape)

    def __call__(self, new: Array, seconds: float) -> Array:
        """The filtered value when `new`, of the same shape, comes `seconds` > 0 after the one before."""
        fps = 1 / seconds
        self._rate = self._rate + _weight(SPEED_CUTOFF, fps) * ((new - self.value) * fps - self._rate)
        self.value = self.value + _weight(CUTOFF + SPEED * np.abs(self._rate), fps) * (new - self.value)
        return self.value


def one_euro_delay(speed: float, fps: float = 60.0) -> float:
    """By how many seconds the One-Euro filter is late for a steady motion of some speed, units a second.

    1 / (2 π cut-off), where the cut-off follows what the filter takes for the speed: the distance from its own value to
    the new one, each frame: speed · (1 + fps · delay).
    """
    quick, calm = 2 * np.pi * SPEED * abs(speed), 2 * np.pi * CUTOFF
    if quick == 0:
        return float(1 / calm)
    linear = calm + quick
    return float((np.sqrt(linear**2 + 4 * quick * fps) - linear) / (2 * quick * fps))


def _weight(cutoff: Any, fps: float) -> Any:
    """The exponential filter's weight of the new value for a cut-off in Hz."""
    ratio = 2 * np.pi * cutoff / fps
    return ratio / (ratio + 1)
