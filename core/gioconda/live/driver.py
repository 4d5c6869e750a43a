"""From samples to what the portrait does now: smoothing, calibration, what happens while nothing comes.

Samples come in on one thread (`Driver.feed`), the state is asked for on another (`Driver.state`); a lock guards both.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ..landmarks import ARKIT, template
from ..motion.densify import Densifier
from ..motion.smoothing import OneEuro
from .sample import Sample

Float = npt.NDArray[np.float64]
Say = Callable[[str], None]
Calibration = Literal["still", "key", "off"]

STILL_SECONDS = 1.0  # without a motion: the face is taken for neutral
STILL_FEWEST = 10  # samples within that time
STILL_CHANNEL = 0.08  # how much a channel may move in it
STILL_TURN = 3.0  # degrees
STILL_POINT = 0.04  # head units
EXPRESSION = 0.5  # a channel above this is an expression, and no neutral face
REMIND_SECONDS = 10.0
HOLD_SECONDS = 0.5  # without samples: the face stays as it is; afterwards it eases to neutral
EASE_SECONDS = 1.0
_LOOKS = np.array([name.startswith("eyeLook") for name in ARKIT])

Phase = Literal["waiting", "calibrating", "live", "held", "easing", "neutral"]


@dataclass(frozen=True)
class State:
    """What the portrait is asked to do: a sample against the neutral one. Both None before the calibration."""

    phase: Phase
    sample: Sample | None
    neutral: Sample | None


class Driver:
    """Smooths samples, knows the neutral face, holds and eases when samples stay away."""

    def __init__(self, say: Say, *, calibration: Calibration = "still") -> None:
        """`say`: is told, in a sentence, what a user should know; it is called on whatever thread feeds or asks."""
        self._say, self._calibration = say, calibration
        self._lock = threading.Condition()
        self._filter: OneEuro | None = None
        self._unit = 1.0
        self._last: Sample | None = None  # smoothed
        self._before: deque[Sample] = deque()  # smoothed, of the last second
        self._neutral: Sample | None = None
        self._densifier: Densifier | None = None
        self._asked = calibration == "off"
        self._reminded = 0.0
        self._phase: Phase = "waiting"
        self._count = 0
        self.on_sample: Callable[[Sample, Sample], None] | None = None  # told each smoothed one and the neutral one
        self.on_calibrated: Callable[[], None] | None = None

    def feed(self, sample: Sample) -> None:
        """The next sample. Samples of another form than the one before begin anew, with a calibration."""
        with self._lock:
            if self._last is not None and not sample.has_the_form_of(self._last):
                self._last = self._filter = self._neutral = self._densifier = None
                self._before.clear()
            raw = sample
            if raw.points is not None and self._densifier is not None:
                sample = Sample(raw.received, points=_dense(self._densifier, raw.points), order=raw.order)
            smoothed = self._smoothed(sample)
            self._last = smoothed
            self._count += 1
            if self._neutral is None:
                self._seek_neutral(raw)
            if self._neutral is not None and self._last is not None and self.on_sample is not None:
                self.on_sample(self._last, self._neutral)
            self._lock.notify_all()

    def calibrate(self) -> None:
        """Take the face for neutral as it is at the next sample."""
        with self._lock:
            self._asked = True
            self._neutral = self._densifier = None
            self._last = self._filter = None
            self._before.clear()

    def wait(self, seen: int, seconds: float) -> int:
        """Until there are more samples than `seen`, or so long. Returns how many there were in all."""
        with self._lock:
            if self._count <= seen:
                self._lock.wait(seconds)
            return self._count

    def state(self, now: float) -> State:
        """What the portrait does at a moment, `time.monotonic` seconds."""
        with self._lock:
            last, neutral = self._last, self._neutral
            if last is None or neutral is None:
                phase: Phase = "waiting" if last is None or now - last.received > HOLD_SECONDS else "calibrating"
                self._tell(phase)
                return State(phase, None, None)
            silence = now - last.received
            sample, phase = eased(last, neutral, silence)
            self._tell(phase)
            return State(phase, sample, neutral)

    def _tell(self, phase: Phase) -> None:
        before, self._phase = self._phase, phase
        if phase == before:
            return
        if phase in ("held", "easing") and before == "live":
            self._say(f"Nothing came for {HOLD_SECONDS:g} s: the face is held, then eases to neutral.")
        elif phase == "neutral":
            self._say("Nothing comes: the portrait is neutral until packets come again.")
        elif phase == "live" and before in ("held", "easing", "neutral"):
            self._say("Packets come again.")
        elif phase == "calibrating":
            how = "take it for neutral with the key C" if self._calibration == "key" else "hold it still for a second"
            self._say(f"A face comes in: look straight ahead, mouth shut, and {how}.")

    def _smoothed(self, sample: Sample) -> Sample:
        values = sample.values()
        if sample.points is not None and self._filter is None:
            self._unit = _head_unit(sample.points)
        values = values / self._unit
        if self._filter is None or self._last is None or self._filter.value.shape != values.shape:
            self._filter = OneEuro(values)
            return sample
        silence = sample.received - self._last.received
        if silence > HOLD_SECONDS and self._neutral is not None:  # it goes on from what is seen
            seen, _ = eased(self._last, self._neutral, silence)
            self._filter = OneEuro(seen.values() / self._unit)
        return sample.with_values(self._filter(values, min(max(silence, 1e-3), 1.0)) * self._unit)

    def _seek_neutral(self, raw: Sample) -> None:
        assert self._last is not None
        self._before.append(self._last)
        while self._before[-1].received - self._before[0].received > STILL_SECONDS:
            self._before.popleft()
        if self._reminded == 0.0:
            self._reminded = self._last.received
        if self._calibration == "off" and self._last.channels is not None:
            self._set_neutral(self._last.with_values(np.concatenate([np.zeros(len(ARKIT)), _no_turn(self._last)])))
        elif self._asked:
            self._set_neutral(self._last)
        elif self._calibration == "still" and self._is_still():
            mean = np.mean([one.values() for one in self._before], 0)
            self._set_neutral(self._last.with_values(mean))
        elif self._last.received - self._reminded > REMIND_SECONDS:
            self._reminded = self._last.received
            how = "press C" if self._calibration == "key" else "hold still for a second, or press C"
            self._say(f"Not calibrated yet: look straight ahead, mouth shut, and {how}.")

    def _is_still(self) -> bool:
        times = [one.received for one in self._before]
        if len(times) < STILL_FEWEST or times[-1] - times[0] < 0.9 * STILL_SECONDS:
            return False
        first, last = self._before[0], self._before[-1]
        values = np.stack([one.values() for one in self._before])
        spread = np.nan_to_num(values.max(0) - values.min(0))
        if last.channels is not None:
            channels = spread[: len(ARKIT)]
            if channels.max() > STILL_CHANNEL or last.channels[~_LOOKS].max() > EXPRESSION:
                return False
            if first.rotation is None or last.rotation is None:
                return True
            turned = np.arccos(np.clip((np.trace(first.rotation.T @ last.rotation) - 1) / 2, -1, 1))
            return bool(np.degrees(turned) < STILL_TURN)
        return bool(spread.max() < STILL_POINT * self._unit)

    def _set_neutral(self, neutral: Sample) -> None:
        if neutral.points is not None and np.isnan(neutral.points).any():
            observed = neutral.points
            known = np.flatnonzero(np.isfinite(observed[:, 0]))
            self._densifier = Densifier(known, observed[known])
            neutral = Sample(neutral.received, points=_dense(self._densifier, observed), order=neutral.order)
            self._last, self._filter = neutral, OneEuro(neutral.values() / self._unit)
        self._neutral = neutral
        self._asked = self._calibration == "off"
        self._before.clear()
        self._say("The neutral face is set. The portrait follows; C sets it again.")
        if self.on_calibrated is not None:
            self.on_calibrated()


def eased(last: Sample, neutral: Sample, silence: float) -> tuple[Sample, Phase]:
    """What is shown `silence` seconds after the last sample: the sample, then on its way to neutral, then that."""
    if silence <= HOLD_SECONDS:
        return last, "live"
    part = (silence - HOLD_SECONDS) / EASE_SECONDS
    if part >= 1:
        return neutral, "neutral"
    weight = part * part * (3 - 2 * part)
    sample = last.with_values((1 - weight) * last.values() + weight * neutral.values())
    return sample, "held" if part < 0.1 else "easing"


def _no_turn(sample: Sample) -> Float:
    return np.empty(0) if sample.rotation is None else np.eye(3).ravel()


def _head_unit(points: Float) -> float:
    """Pixels of a head unit in a face of (478, 3) pixels, roughly."""
    known = np.isfinite(points[:, 0])
    return float(np.ptp(points[known, 0]) + np.ptp(points[known, 1])) / float(
        np.ptp(template()[known, 0]) + np.ptp(template()[known, 1])
    )


def _dense(densifier: Densifier, points: Float) -> Float:
    dense: Float = densifier(points[None, densifier.known])[0].astype(np.float64)
    return dense
