"""For looking at a result: a contact sheet and a preview video, fed one frame at a time.

Memory stays the same however many frames come: the sheet keeps at most a set number of tiles.
"""

from __future__ import annotations

import math
from pathlib import Path
from types import TracebackType

import numpy as np

from ..arrays import UInt8
from . import resample
from .image import write_png
from .video import Int16, VideoWriter

Frame = UInt8  # (H, W, 3) sRGB, from display_srgb

_GAP = 4  # pixels between tiles
_BACKGROUND = 40


class ContactSheet:
    """A grid of evenly spaced frames with their numbers.

    Tiles are kept in order of arrival, every `stride`-th frame; when they become too many every second one goes and the
    stride doubles.
    """

    def __init__(self, *, columns: int = 6, tile_width: int = 320, most: int = 48) -> None:
        self._columns = columns
        self._tile_width = tile_width
        self._most = max(2, most)
        self._stride = 1
        self._count = 0
        self._tiles: list[Frame] = []

    def add(self, number: int, frame: Frame) -> None:
        """The next frame, (H, W, 3) uint8 sRGB, with the number to show. All frames of a sheet have one size."""
        if self._count % self._stride == 0:
            self._tiles.append(self._tile(number, frame))
        self._count += 1
        if len(self._tiles) > self._most:
            self._tiles = self._tiles[::2]
            self._stride *= 2

    def image(self) -> Frame:
        """The sheet so far, (H, W, 3) uint8 sRGB."""
        if not self._tiles:
            return np.full((_GAP, _GAP, 3), _BACKGROUND, np.uint8)
        height, width = self._tiles[0].shape[:2]
        columns = min(self._columns, len(self._tiles))
        rows = math.ceil(len(self._tiles) / columns)
        shape = (rows * (height + _GAP) + _GAP, columns * (width + _GAP) + _GAP, 3)
        sheet = np.full(shape, _BACKGROUND, np.uint8)
        for index, tile in enumerate(self._tiles):
            y = _GAP + index // columns * (height + _GAP)
            x = _GAP + index % columns * (width + _GAP)
            sheet[y : y + height, x : x + width] = tile
        return sheet

    def write(self, path: Path | str) -> None:
        """As PNG. Raises: OutputError."""
        write_png(path, self.image())

    def _tile(self, number: int, frame: Frame) -> Frame:
        height, width = frame.shape[:2]
        tile: Frame = resample.resize(frame, self._tile_width, max(1, round(height * self._tile_width / width)))
        letter = max(9.0, self._tile_width / 20)
        resample.draw_label(tile, str(number), letter / 2, tile.shape[0] - letter / 2, height_px=letter)
        return tile


class Preview:
    """A review video and a contact sheet of the same frames.

        with Preview(fps=24, video="preview.mp4", sheet="sheet.png") as preview:
            preview.add(1001, display_srgb(frame, exposure=display))

    Either path may be None. The files appear on leaving the block without an exception. Raises: OutputError.
    """

    def __init__(
        self,
        *,
        fps: float,
        video: Path | str | None = None,
        sheet: Path | str | None = None,
        longest: int = 1920,
        sound: Int16 | None = None,
    ) -> None:
        """longest: the video's longer side at most, in pixels; larger frames are averaged down.
        sound: as `VideoWriter` takes it.
        """
        self._sound = sound
        self._fps = fps
        self._video_path = video
        self._sheet_path = sheet
        self._longest = longest
        self._sheet = ContactSheet()
        self._video: VideoWriter | None = None
        self._size = (0, 0)

    def __enter__(self) -> Preview:
        return self

    def add(self, number: int, frame: Frame) -> None:
        """The next frame, (H, W, 3) uint8 sRGB."""
        if self._sheet_path is not None:
            self._sheet.add(number, frame)
        if self._video_path is None:
            return
        if self._video is None:
            height, width = frame.shape[:2]
            scale = min(1.0, self._longest / max(height, width))
            self._size = (max(2, round(width * scale)), max(2, round(height * scale)))
            self._video = VideoWriter(self._video_path, *self._size, self._fps, sound=self._sound).__enter__()
        self._video.write(resample.resize(frame, *self._size))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._video is not None:
            self._video.__exit__(kind, error, trace)
        if error is None and self._sheet_path is not None:
            self._sheet.write(self._sheet_path)
