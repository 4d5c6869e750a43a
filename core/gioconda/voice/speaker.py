"""What a speaker does besides speaking: blinks, and head and brows that follow the voice's loudness and phrases.

Drawn with a seeded generator: the same recording and seed give the same motion. Rates and sizes are those of people in
conversation (blinks: Bentivoglio et al., "Analysis of blink rate patterns in normal subjects", 1997, some 20 a minute;
head: Munhall et al., "Visual prosody and speech intelligibility", 2004, a few degrees in time with loudness and pitch).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..pose import rotation_matrix
from .phones import RATE, SILENCE, Phone

Float = npt.NDArray[np.float64]
Int16 = npt.NDArray[np.int16]
PAUSE = 0.15  # seconds of silence that part phrases
BLINK_EVERY = (1.8, 5.5)  # seconds
BLINK_REACH = 0.9  # seconds by which a blink moves to fall into a pause
CLOSING, SHUT, OPENING = 0.08, 0.03, 0.16  # seconds of a blink
NOD, TURN, TILT = 2.2, 2.6, 1.6  # degrees: on stresses; between phrases
BROWS = 0.28  # of the raised brow on the strongest stress
WINDOW = 0.025  # seconds in which loudness is measured
FLOOR = -45.0  # dB below the usual: what counts as nothing


def loudness(sound: Int16, times: Float) -> Float:
    """Loudness of (N,) samples at `times` (F,), dB relative to the recording's usual one: the median of what sounds."""
    step = round(WINDOW * RATE)
    count = max(1, len(sound) // step)
    power = np.zeros(count)
    whole = sound[: count * step].astype(np.float64).reshape(count, -1) if len(sound) >= step else sound[None] * 1.0
    power[:] = (whole**2).mean(1)
    level = 10 * np.log10(power + 1)
    heard = level > level.max() - 30
    usual = float(np.median(level[heard]))
    return np.maximum(np.interp(times, (np.arange(count) + 0.5) * WINDOW, level - usual), FLOOR)


def pauses(phones: Sequence[Phone]) -> list[tuple[float, float]]:
    """From when to when nothing is said, seconds."""
    return [(one.start, one.end) for one in phones if one.name == SILENCE and one.end - one.start >= PAUSE]


def blinks(phones: Sequence[Phone], times: Float, random: np.random.Generator) -> Float:
    """The lids at `times`, (F,), 0 open to 1 shut. Blinks fall into pauses where one is near."""
    lids, at = np.zeros(len(times)), float(random.uniform(0.6, BLINK_EVERY[1] / 2))
    last, starts = -1.0, [start for start, _ in pauses(phones)]
    while at < times[-1] - CLOSING - SHUT - OPENING:
        near = [start + 0.03 for start in starts if abs(start - at) < BLINK_REACH and start > last + BLINK_EVERY[0] / 2]
        at = min(near, key=lambda start: abs(start - at)) if near else at
        rise, fall = (times - at) / CLOSING, 1 - (times - at - CLOSING - SHUT) / OPENING
        lids = np.maximum(lids, np.minimum(_ease(rise), _ease(fall)))
        last, at = at, at + float(random.uniform(*BLINK_EVERY))
    return lids


def stresses(level: Float, times: Float) -> list[tuple[float, float]]:
    """(when, how strong from 0 to 1) of the loudest moments, at least 0.6 s apart."""
    if len(times) < 3:
        return []
    smooth = _smooth(level, times, 0.08)
    peaks = 1 + np.flatnonzero((smooth[1:-1] >= smooth[:-2]) & (smooth[1:-1] > smooth[2:]) & (smooth[1:-1] > 1))
    chosen = list[tuple[float, float]]()
    for i in sorted(peaks, key=lambda i: -smooth[i]):
        if all(abs(times[i] - when) > 0.6 for when, _ in chosen):
            chosen.append((float(times[i]), float(np.clip(smooth[i] / 8, 0.2, 1))))
    return sorted(chosen)


def head_and_brows(
    phones: Sequence[Phone], times: Float, level: Float, random: np.random.Generator
) -> tuple[Float, Float]:
    """Head rotations (F, 3, 3) and how far the brows are raised (F,), 0 to 1, at `times`."""
    angles = np.zeros((len(times), 3))  # yaw, pitch, roll, degrees
    goals = np.zeros(3)
    for start, end in pauses(phones):  # each phrase has its own attitude, taken in the pause before it
        if end >= times[-1]:
            break
        goal = random.normal(0, (TURN / 2, NOD / 3, TILT / 2))
        moved = _ease((times - (start + end) / 2 + 0.15) / float(random.uniform(0.45, 0.7)))
        angles += (goal - goals) * moved[:, None]
        goals = goal
    sway = [np.sin(2 * np.pi * (f * times + float(random.uniform()))) for f in (0.23, 0.31, 0.17)]
    angles += np.stack(sway, 1) * (0.7, 0.5, 0.4)
    brows = np.zeros(len(times))
    for when, strength in stresses(level, times):
        wide = np.exp(-(((times - when) / 0.16) ** 2))
        angles[:, 1] -= NOD * strength * float(random.uniform(0.5, 1)) * wide
        if random.uniform() < 0.6:
            brows = np.maximum(brows, BROWS * strength * np.exp(-(((times - when + 0.06) / 0.2) ** 2)))
    angles[:, 1] -= 0.03 * np.clip(_smooth(level, times, 0.3), -20, 10)
    angles -= angles[0]
    return np.stack([rotation_matrix(*one) for one in angles]), brows


def _smooth(values: Float, times: Float, seconds: float) -> Float:
    step = (times[-1] - times[0]) / max(1, len(times) - 1)
    reach = max(1, round(3 * seconds / max(step, 1e-6)))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * step / seconds) ** 2)
    padded = np.pad(values, reach, mode="edge")
    return np.convolve(padded, kernel / kernel.sum(), mode="valid")


def _ease(share: Float) -> Float:
    share = np.clip(share, 0, 1)
    return np.asarray(share * share * (3 - 2 * share))
