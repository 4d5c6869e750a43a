"""Where frames go: their names, their headers, which are kept, and what is made of them for looking at.

The methods of an `OpenFrame` run on the writing thread, its pieces on several at once.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from . import __version__
from .atomic import unwritable
from .color import Display, Floats, display_srgb
from .errors import CancelledError, OutputError
from .exr import FLOAT32_PASSES, ExrWriter, check_compression, is_whole, read_exr
from .image import write_png
from .protocol import Job
from .sequence import FramePattern

# What does not change a frame's pixels: where things are, what it runs on, what else is made.
NOT_IN_IDENTITY = (
    "portrait", "motion", "points", "matte", "plate", "ocio", "output", "frames", "device", "threads", "review",
    "sheet", "png", "resume", "overwrite", "models", "cache", "consent",
    "keys",
)  # fmt: skip


def settings_of(job: Job) -> dict[str, Any]:
    """The job's settings that pixels depend on."""
    return {name: value for name, value in asdict(job).items() if name not in NOT_IN_IDENTITY}


def identity(job: Job, contents: Mapping[str, str]) -> str:
    """A hash of all that pixels depend on: settings, this version, the files' contents (name → SHA-256)."""
    text = json.dumps(
        {"version": __version__, "settings": settings_of(job), "contents": dict(contents)}, sort_keys=True
    )
    return hashlib.sha256(text.encode()).hexdigest()


def check_output(job: Job, numbers: list[int]) -> None:
    """Before any work: the folder can be written, the compression suits, no frame is there that nobody mentioned.

    Raises:
        OutputError, SettingsError.
    """
    check_compression(job.compression, job.passes)
    pattern = FramePattern.parse(job.output)
    folder = pattern.path(0).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise unwritable(folder, error) from error
    there = [] if job.resume or job.overwrite else [n for n in numbers if pattern.path(n).exists()]
    if there:
        raise OutputError(
            f"{pattern.path(there[0])} is there already ({len(there)} of {len(numbers)} frames are): --resume keeps "
            "whole frames of this same job, --overwrite replaces them, another -o leaves them alone."
        )


Look = Callable[[int, npt.NDArray[np.uint8]], None]  # takes a frame's number and its picture (H, W, 3) uint8 sRGB


class FrameFiles:
    """The frames of one job on disk.

    Attributes:
        passes: names, Combined first.
        display: how pixels are shown in PNGs and to the looks.
        looks: who else wants to see each frame: a video, a contact sheet.
    """

    def __init__(
        self, job: Job, size: tuple[int, int], header: Callable[[int], dict[str, Any]], display: Display
    ) -> None:
        """`size`: (width, height), pixels. `header`: frame number → the EXR's header."""
        self.job, self.size, self.header, self.display = job, size, header, display
        self.pattern = FramePattern.parse(job.output)
        self.passes = ("Combined", *(name for name in job.passes if name != "Combined"))
        self.looks: list[Look] = []
        self.begun: OpenFrame | None = None

    def path(self, number: int) -> Path:
        return self.pattern.path(number)

    def is_kept(self, number: int) -> bool:
        """Whether a frame is there, whole, and of this very job. (--overwrite keeps none.)"""
        if self.job.overwrite:
            return False
        header = self.header(number)
        expected = {name: header[name] for name in ("gioconda:job", "imageCounter")}
        return is_whole(self.path(number), expected, decode=False)

    def show_again(self, number: int) -> None:
        """Let the looks see a kept frame."""
        if self.looks or self.job.png:
            passes, _ = read_exr(self.path(number))
            self._show(number, display_srgb(passes["Combined"], exposure=self.display))

    def _show(self, number: int, srgb: npt.NDArray[np.uint8]) -> None:
        if self.job.png:
            write_png(self.path(number).with_suffix(".png"), srgb)
        for look in self.looks:
            look(number, srgb)

    def abandon(self) -> None:
        """After a failure: leave nothing of the frame that was being written."""
        if self.begun:
            self.begun.abandon()


class OpenFrame:
    """A frame being written: `rows` from top to bottom, then `finish`.

    The `pieces` of rows may run on any thread, before.
    """

    def __init__(self, files: FrameFiles, number: int) -> None:
        job = files.job
        self.files, self.number = files, number
        self.writer = ExrWriter(
            files.path(number), *files.size, files.passes, header=files.header(number),
            float32=("all",) if job.full_float else FLOAT32_PASSES, compression=job.compression,
        )  # fmt: skip
        width, height = files.size
        shown = bool(files.looks) or job.png
        self.srgb = np.empty((height, width, 3), np.uint8) if shown else None

    def pieces(self, row: int, passes: Mapping[str, Floats]) -> list[Callable[[], Any]]:
        """What is to be made of rows before `rows` can write them."""
        show = [] if self.srgb is None else [partial(self._show_rows, self.srgb, row, passes["Combined"])]
        return [*show, *self.writer.pieces(passes)]

    def _show_rows(self, srgb: npt.NDArray[np.uint8], row: int, band: Floats) -> None:
        srgb[row : row + len(band)] = display_srgb(band, exposure=self.files.display)

    def rows(self, row: int, count: int, *made: Any) -> None:
        """The next `count` rows, from what their pieces returned."""
        if row == 0:
            self.writer.__enter__()
            self.files.begun = self
        self.writer.write_pieces(row, count, made if self.srgb is None else made[1:])

    def finish(self) -> None:
        self.files.begun = None
        self.writer.__exit__(None, None, None)
        if self.srgb is not None:
            self.files._show(self.number, self.srgb)

    def abandon(self) -> None:
        error = CancelledError("abandoned")
        self.writer.__exit__(CancelledError, error, None)
