"""A camera's face, tracked as in videos. The camera's newest picture is tracked, older ones are left out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Self

import numpy as np

from ..errors import GiocondaError
from ..face.nets import Nets
from ..face.tracker import FaceTracker
from ..imaging.video import Frame, camera_frames
from .receiver import Counts, Say
from .sample import Sample


class Webcam:
    """Two threads: one takes pictures, one tracks. A context."""

    def __init__(self, address: str | None, nets: Nets, feed: Callable[[Sample], None], say: Say) -> None:
        """address: the camera's name or number, or a video file that plays in its place. Raises: DeviceError."""
        self.counts = Counts()
        self._frames = camera_frames(address)
        self._tracker, self._feed, self._say = FaceTracker(nets), feed, say
        self._over = threading.Event()
        self._new = threading.Condition()
        self._newest: tuple[Frame, float] | None = None
        work = ((self._take, "live camera"), (self._track, "live tracker"))
        self._threads = [threading.Thread(target=one, name=name, daemon=True) for one, name in work]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        with self._new:
            self._new.notify_all()
        for thread in self._threads:
            thread.join(timeout=3)

    def _take(self) -> None:
        try:
            for frame in self._frames:
                if self._over.is_set():
                    return
                with self._new:
                    self._newest = frame, time.monotonic()
                    self.counts.packets += 1
                    self._new.notify_all()
        except GiocondaError as error:
            self._say(str(error))

    def _track(self) -> None:
        while not self._over.is_set():
            with self._new:
                if self._newest is None:
                    self._new.wait(0.2)
                taken, self._newest = self._newest, None
            if taken is None:
                continue
            frame, received = taken
            try:
                points, _ = self._tracker.follow(frame)
            except GiocondaError as error:
                self._say(str(error))
                continue
            if points is None:
                self.counts.faceless += 1
                continue
            self.counts.samples += 1
            self._feed(Sample(received, points=np.asarray(points, np.float64)))
