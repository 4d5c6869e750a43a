"""What was shown live as a Motion: rendered later, it gives the same poses.

Frame 0 is the neutral face, the take counts from frame 1. Samples keep their values to the last bit; where some were
lost, the frames between hold and ease as they did live.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..landmarks import ARKIT
from ..motion.clock import RATES
from ..motion.files import save_motion
from ..motion.motion import Motion
from ..motion.retarget import LIVE
from ..motion.smoothing import CUTOFF, SPEED
from .driver import eased
from .sample import Sample

MAX_BYTES = 500_000_000  # of values in memory: hours of channels, a quarter of an hour of points at 60 a second
AHEAD = 3  # frames that bunched samples may run ahead of the clock
NEAR = 0.12  # part of a usual rate by which the measured one may differ from it
DEFAULT_FPS = 60.0


def live_motion(neutral: Sample, samples: list[Sample], fps: float, numbers: list[int], **provenance: Any) -> Motion:
    """The Motion of some samples: frame 0 the neutral face, then those numbers. Live and recorded motion alike."""
    everything = [neutral, *samples]
    frames = np.array([0, *numbers])
    facts = {"kind": LIVE, "smoothed": "one_euro", **provenance}
    if neutral.points is not None:
        points = np.stack([one.points for one in everything if one.points is not None]).astype(np.float32)
        return Motion(fps, frames, landmarks=points, neutral=0, provenance=facts)
    channels = np.stack([one.channels for one in everything if one.channels is not None]).astype(np.float32)
    turned = [one.rotation for one in everything if one.rotation is not None]
    rotation = np.stack(turned) if len(turned) == len(everything) else None
    return Motion(fps, frames, channels=channels, channel_names=ARKIT, rotation=rotation, neutral=0, provenance=facts)


class Recorder:
    """Keeps what is shown. A new calibration begins a take of its own, beside the one before."""

    def __init__(self, path: Path, provenance: dict[str, Any]) -> None:
        self.path, self._provenance = path, provenance
        self._lock = threading.Lock()
        self._takes: list[tuple[Sample, list[Sample]]] = []
        self._bytes = 0
        self.full = False

    def add(self, sample: Sample, neutral: Sample) -> None:
        """The next smoothed sample, measured against `neutral`."""
        with self._lock:
            self._bytes += 8 * sum(part.size for part in (sample.channels, sample.points) if part is not None)
            if self._bytes > MAX_BYTES:
                self.full = True
                return
            if not self._takes or self._takes[-1][0] is not neutral:
                self._takes.append((neutral, []))
            self._takes[-1][1].append(sample)

    def save(self) -> list[tuple[Path, Motion]]:
        """Write the takes: the first under the path asked for, those of later calibrations beside it as NAME-2 … .

        Raises: OutputError.
        """
        with self._lock:
            takes = [take for take in self._takes if take[1]]
        made = []
        for i, (neutral, samples) in enumerate(takes):
            path = self.path if i == 0 else self.path.with_name(f"{self.path.stem}-{i + 1}{self.path.suffix}")
            motion = self._motion(neutral, samples)
            save_motion(motion, path)
            made.append((path, motion))
        return made

    def _motion(self, neutral: Sample, samples: list[Sample]) -> Motion:
        fps = rate_of([one.received for one in samples])
        numbers, kept = numbered(samples, fps)
        filled: list[Sample] = []
        last, start = samples[0], samples[0].received
        for number in range(1, numbers[-1] + 1):
            last = kept.get(number, last)
            filled.append(eased(last, neutral, start + (number - 1) / fps - last.received)[0])
        facts = {**self._provenance, "software": f"Gioconda {__version__}"}
        facts |= {"received": len(samples), "held": len(filled) - len(kept)}
        facts["one_euro"] = {"cutoff": CUTOFF, "speed": SPEED}
        return live_motion(neutral, filled, fps, list(range(1, len(filled) + 1)), **facts)


def rate_of(received: list[float]) -> float:
    """Frames per second of samples, by when they came; of a single one, the default."""
    steps = np.diff(received)
    if not len(steps) or np.median(steps) <= 0:
        return DEFAULT_FPS
    measured = min(max(1 / float(np.median(steps)), 5.0), RATES[-1])
    nearest = min(RATES, key=lambda rate: abs(rate - measured))
    return nearest if abs(nearest - measured) < NEAR * nearest else float(round(measured))


def numbered(samples: list[Sample], fps: float) -> tuple[list[int], dict[int, Sample]]:
    """A frame number from 1 for each sample by when it came, each its own; those too many for the rate are left out."""
    numbers: list[int] = []
    kept: dict[int, Sample] = {}
    for sample in samples:
        clock = 1 + round((sample.received - samples[0].received) * fps)
        number = max(clock, numbers[-1] + 1 if numbers else 1)
        if number > clock + AHEAD:
            continue
        numbers.append(number)
        kept[number] = sample
    return numbers, kept
