"""A session that another program shows and steers: pictures in a folder, words on the standard input."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from ..arrays import UInt8
from ..files import make_folder, whole_file
from ..imaging import resample
from ..worker.messages import Progress, Report
from .page import with_credentials
from .renderer import Newest

NAMES = 8  # pictures lie under this many names in turn: whoever reads the newest is never disturbed
QUALITY = 95
CALIBRATE, STOP = "calibrate", "stop"  # the words


class PictureFolder:
    """Writes the newest picture as a JPEG, and says so in a `Progress` with its number and path."""

    def __init__(self, folder: Path, newest: Newest[UInt8], source_type: str, report: Report) -> None:
        """Raises: OutputError."""
        make_folder(folder)
        self._folder, self._newest, self._source_type, self._report = folder, newest, source_type, report
        self._seen = 0

    def write(self, seconds: float) -> None:
        """The newest picture, where there is a newer one within so many seconds. Raises: OutputError."""
        number, srgb = self._newest.wait(self._seen, seconds)
        if srgb is None or number == self._seen:
            return
        self._seen = number
        path = self._folder / f"live-{number % NAMES}.jpg"
        with whole_file(path) as part:
            part.write_bytes(with_credentials(resample.encode_jpeg(srgb, quality=QUALITY), self._source_type))
        self._report(Progress(number, 0, path=str(path)))


class Words:
    """What is said on an input, line by line, on a thread of its own; its end says `STOP` too."""

    def __init__(self, lines: Iterable[str], calibrate: Callable[[], None]) -> None:
        self.stopped = False
        self._calibrate = calibrate
        threading.Thread(target=self._listen, args=(lines,), name="live words", daemon=True).start()

    def _listen(self, lines: Iterable[str]) -> None:
        for line in lines:
            word = line.strip()
            if word == CALIBRATE:
                self._calibrate()
            elif word == STOP:
                break
        self.stopped = True
