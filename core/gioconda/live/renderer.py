"""The newest state of the driver as a picture, again and again; nothing queues.

One thread poses and draws: the kernels of both use all processors, and posing the next frame beside the drawing of this
one was measured slower, with twice the delay.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from ..arrays import UInt8
from ..engine import PosedPortrait, pose_portrait
from ..engine.frame import Frame, render_rows
from ..imaging import resample
from ..imaging.color import display_srgb
from ..job.retarget import RetargetSettings
from ..motion.retarget import retarget
from ..neural.bands import corrected_bands
from ..neural.corrector import Corrector
from ..pose import Pose
from ..render.open_portrait import Opened
from .driver import Driver
from .sample import Sample
from .take import DEFAULT_FPS, live_motion

T = TypeVar("T")
BAND = 256  # rows
KEPT = 2000  # delays that are remembered for the report
SLOW = 1 / 25  # seconds between frames; where frames take longer, networks and smooth edges are left out
JUDGED = 12  # frames that say how long one takes


class Newest(Generic[T]):
    """One value, replaced by each newer one; whoever waits sees the newest."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._number, self._value = 0, None

    def put(self, value: T) -> None:
        with self._changed:
            self._number, self._value = self._number + 1, value  # type: ignore[assignment]
            self._changed.notify_all()

    def wait(self, seen: int, seconds: float) -> tuple[int, T | None]:
        """The number of the newest, and it, once it is another than `seen`, or after so long."""
        with self._changed:
            if self._number == seen:
                self._changed.wait(seconds)
            return self._number, self._value


@dataclass(frozen=True)
class LiveFrame:
    """A finished picture and what it shows."""

    srgb: UInt8  # (H, W, 3)
    pose: Pose
    received: float | None  # when the sample came in that it shows; None: no sample
    finished: float  # both `time.monotonic` seconds
    order: float | None  # that sample's, by the sender's clock
    neutral: bool  # no sample is followed


def live_pose(opened: Opened, sample: Sample, neutral: Sample, settings: RetargetSettings) -> Pose:
    """What a sample asks of the portrait: retargeted as a recorded motion is, and so to the same bytes."""
    motion = live_motion(neutral, [sample], DEFAULT_FPS, [1])
    return retarget(motion, opened.portrait.landmarks, settings)[0 if sample is neutral else 1]


class LiveRenderer:
    """Draws what the driver says. A context; frames go to `show`, on the drawing thread."""

    def __init__(
        self,
        opened: Opened,
        driver: Driver,
        settings: RetargetSettings,
        say: Callable[[str], None],
        *,
        corrector: Corrector | None = None,
        mark: str = "",
    ) -> None:
        self.newest: Newest[UInt8] = Newest()
        self.delays: deque[float] = deque(maxlen=KEPT)
        self.times: deque[float] = deque(maxlen=KEPT)
        self.frames = 0
        self.show: list[Callable[[LiveFrame], None]] = []
        self.error: BaseException | None = None
        self._opened, self._driver, self._settings, self._say = opened, driver, settings, say
        self._corrector, self._mark = corrector, mark
        self._smooth_edges = True
        self._took: deque[float] = deque(maxlen=JUDGED)
        self._over = threading.Event()
        self._canvas: Frame | None = None
        self._thread = threading.Thread(target=self._guarded, name="live", daemon=True)

    def __enter__(self) -> LiveRenderer:
        self.picture(pose_portrait(self._opened.portrait, Pose()))  # everything loaded before the first packet
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(timeout=5)

    def status(self) -> dict[str, Any]:
        """Rate and delays of the last frames, seconds."""
        times, delays = list(self.times), sorted(self.delays)
        lately = [one for one in times if one > time.monotonic() - 2]
        fps = (len(lately) - 1) / (lately[-1] - lately[0]) if len(lately) > 2 else 0.0
        median = delays[len(delays) // 2] if delays else 0.0
        worst = delays[int(0.95 * (len(delays) - 1))] if delays else 0.0
        return {"frames": self.frames, "fps": round(fps, 1), "delay": round(median, 4), "delay_95": round(worst, 4)}

    def picture(self, posed: PosedPortrait) -> UInt8:
        """A posed portrait as (H, W, 3) uint8 sRGB, with the mark where one is asked for."""
        height = self._opened.portrait.height
        if self._corrector is None:
            self._canvas = render_rows(
                posed, 0, height, passes=("Combined",), smooth_edges=self._smooth_edges, reuse=self._canvas
            )
            picture = self._canvas.passes["Combined"]
        else:
            rows = corrected_bands(self._corrector, posed, ("Combined",), BAND, smooth_edges=self._smooth_edges)
            picture = np.concatenate([passes["Combined"].copy() for _, passes in rows])
        srgb = display_srgb(picture, exposure=self._opened.display)
        if self._mark:
            letter = max(10.0, height / 32)
            resample.draw_label(srgb, self._mark, letter / 2, height - letter / 2, height_px=letter)
        return srgb

    def _guarded(self) -> None:
        try:
            self._follow()
        except BaseException as error:  # told by whoever runs the session
            self.error = error
            self._over.set()

    def _follow(self) -> None:
        seen, shown = 0, None
        while not self._over.is_set():
            moving = shown is not None and shown[0] not in ("live", "neutral", "waiting", "calibrating")
            seen = self._driver.wait(seen, 0.02 if moving else 0.25)
            state = self._driver.state(time.monotonic())
            before, shown = shown, (state.phase, state.sample, state.neutral)
            if before is not None and shown[1] is before[1] and shown[2] is before[2]:
                continue
            pose = Pose()
            if state.sample is not None and state.neutral is not None:
                pose = live_pose(self._opened, state.sample, state.neutral, self._settings)
            self._draw(pose_portrait(self._opened.portrait, pose), state.sample if state.phase == "live" else None)

    def _draw(self, posed: PosedPortrait, sample: Sample | None) -> None:
        started = time.monotonic()
        srgb = self.picture(posed)
        finished = time.monotonic()
        self._judge(finished - started)
        received, order = (None, None) if sample is None else (sample.received, sample.order)
        self.frames += 1
        self.times.append(finished)
        if received is not None:
            self.delays.append(finished - received)
        self.newest.put(srgb)
        frame = LiveFrame(srgb, posed.pose, received, finished, order, sample is None)
        for show in self.show:
            show(frame)

    def _judge(self, seconds: float) -> None:
        """Leave out what costs most where frames come too slowly."""
        self._took.append(seconds)
        if len(self._took) < JUDGED or float(np.median(self._took)) <= SLOW:
            return
        self._took.clear()
        if self._corrector is not None:
            self._corrector = None
            self._say("The networks do not keep 25 frames a second on this machine: live goes on without them.")
        elif self._smooth_edges:
            self._smooth_edges = False
            self._say("The picture does not keep 25 frames a second on this machine: its silhouettes are not smoothed.")
