"""Files for games and players, made of finished EXR frames: PNG, WebP, flipbook atlas, MP4, WebM with alpha.

    deliver(frames, Delivery(formats=("webp", "atlas")), fps=24)

Each frame is read once for all formats, on all cores, a few ahead of the videos. The same frames make the same bytes.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Float32
from ..errors import SettingsError
from ..files import unwritable, write_text
from ..imaging import resample
from ..imaging.color import Display, choose_display, display_srgb
from ..imaging.exr_read import read_exr
from ..imaging.image import write_png, write_png_strips
from ..imaging.video import VideoWriter, write_webp
from ..job.frame_range import FramePattern
from ..machine import cores
from .settings import Delivery

Srgb = NDArray[np.uint8]  # (H, W, 3), or (H, W, 4) with straight alpha

ONE_A_FRAME = ("png", "webp")
NEEDED = {"picture": ("Combined",), "matte": ("Combined", "Matte"), "none": ("Combined",)}  # passes, by the alpha
MAX_ATLAS = 16_384  # pixels a side: what graphics cards take


@dataclass(frozen=True)
class Frames:
    """Finished frames: the pattern of their names and their numbers."""

    pattern: FramePattern
    numbers: Sequence[int]

    @property
    def stem(self) -> Path:
        """What one-file deliverables are called, without their suffix: a/b/####.exr → a/b/b, a/b_####.exr → a/b."""
        before = Path(self.pattern.before + "x")
        name = before.name[:-1].rstrip("._- ")
        return before.parent / (name or before.absolute().parent.name or "frames")


def files_of(frames: Frames, delivery: Delivery) -> list[Path]:
    """Every file that `deliver` makes."""
    made: list[Path] = []
    for kind in delivery.formats:
        if kind in ("png", "webp"):
            made += [frames.pattern.path(number).with_suffix(f".{kind}") for number in frames.numbers]
        elif kind == "atlas":
            made += [_beside(frames, ".atlas.png"), _beside(frames, ".atlas.json")]
        elif kind in ("mp4", "webm"):
            made.append(_beside(frames, f".{kind}"))
    return made


def deliver(
    frames: Frames,
    delivery: Delivery,
    *,
    fps: float,
    display: Display | None = None,
    on_frame: Callable[[int], None] = lambda number: None,
) -> list[Path]:
    """Make the files of every format but exr. Returns them.

    Args:
        fps: of the videos and of the atlas's timing.
        display: how scene-linear pixels are shown; None: as suits the first frame.
        on_frame: called with each frame's number; what it raises stops the work, and no file is left half made.

    Raises:
        OutputError, PictureError: a frame cannot be read; SettingsError: an atlas too large, an alpha without a matte.
    """
    kinds = [kind for kind in delivery.formats if kind != "exr"]
    if not kinds:
        return []
    first, rest = frames.numbers[0], frames.numbers[1:]
    opening, _ = read_exr(frames.pattern.path(first), NEEDED[delivery.alpha])
    shown = display or choose_display(opening["Combined"])
    picture = _resized(_displayed(opening, delivery, shown), delivery.size)
    channels = picture.shape[2]
    alone = [_picture_writer(kind, frames, delivery) for kind in kinds if kind in ONE_A_FRAME]

    def made(number: int, picture: Srgb | None = None) -> Srgb:
        """A frame's own files; returns what all formats show of it. On any thread."""
        if picture is None:
            passes, _ = read_exr(frames.pattern.path(number), NEEDED[delivery.alpha])
            picture = _with_channels(_resized(_displayed(passes, delivery, shown), delivery.size), channels)
        for write in alone:
            write(number, picture)
        return picture

    with ExitStack() as cleanup:
        pool = ThreadPoolExecutor(cores())
        cleanup.callback(pool.shutdown, cancel_futures=True)
        together = [_writer(kind, frames, delivery, fps, picture, cleanup) for kind in kinds if kind not in ONE_A_FRAME]
        ahead = deque([pool.submit(made, first, picture)])
        left = iter(rest)
        for number in frames.numbers:
            ahead.extend(pool.submit(made, other) for other in islice(left, 2 * cores() - len(ahead)))
            picture = ahead.popleft().result()
            for write in together:
                write(number, picture)
            on_frame(number)
    return files_of(frames, delivery)


def _displayed(passes: dict[str, Float32], delivery: Delivery, display: Display) -> Srgb:
    """A frame as it is displayed: (H, W, 3) sRGB, or (H, W, 4) with straight alpha where there is any."""
    combined = passes["Combined"]
    alpha = combined[..., 3:4].clip(0, 1)
    if delivery.alpha == "matte":
        if "Matte" not in passes:
            raise SettingsError("The alpha “matte” needs the pass Matte; add it to passes.")
        cover = alpha * passes["Matte"].clip(0, 1)
    elif delivery.alpha == "none" or bool(alpha.min() >= 1):
        return display_srgb(combined, exposure=display)
    else:
        cover = alpha
    straight = combined.copy()
    np.divide(straight[..., :3], alpha, out=straight[..., :3], where=alpha > 0)
    straight[..., 3] = 1
    return np.dstack([display_srgb(straight, exposure=display), np.round(cover * 255).astype(np.uint8)])


def _resized(picture: Srgb, longest: int | None) -> Srgb:
    """Made smaller where it is larger; colours are weighed by their alpha, so that no dark edge appears."""
    if longest is None or max(picture.shape[:2]) <= longest:
        return picture
    if picture.shape[2] == 3:
        return resample.fit(picture, longest)
    cover = picture[..., 3:4].astype(np.float32) / 255
    weighed = resample.fit(np.dstack([picture[..., :3] * cover, cover]), longest)
    colour = np.divide(
        weighed[..., :3], weighed[..., 3:4], out=np.zeros_like(weighed[..., :3]), where=weighed[..., 3:4] > 0
    )
    return np.round(np.dstack([colour, weighed[..., 3:4] * 255])).clip(0, 255).astype(np.uint8)


def _picture_writer(kind: str, frames: Frames, delivery: Delivery) -> Callable[[int, Srgb], None]:
    """What writes a frame as a picture of its own."""
    write = write_png if kind == "png" else partial(write_webp, quality=delivery.quality)
    return lambda number, picture: write(frames.pattern.path(number).with_suffix(f".{kind}"), picture)


def _writer(
    kind: str, frames: Frames, delivery: Delivery, fps: float, first: Srgb, cleanup: ExitStack
) -> Callable[[int, Srgb], None]:
    """What writes the frames, in their order, into one file."""
    if kind == "atlas":
        atlas = cleanup.enter_context(_Atlas(frames, delivery, fps, first))
        return atlas.add
    height, width, channels = first.shape
    webm = kind == "webm"
    # the usual scales: x264 shows no loss at 16, VP9 at 20; both are poor near 50
    factor = round((20 if webm else 16) + (100 - delivery.quality) * 0.34)
    video = VideoWriter(
        _beside(frames, f".{kind}"),
        width,
        height,
        fps,
        codec="vp9" if webm else "h264",
        quality=factor,
        alpha=webm and channels == 4,
    )
    cleanup.enter_context(video)
    if webm:
        return lambda number, picture: video.write(picture)
    return lambda number, picture: video.write(_with_channels(picture, 3))


def _with_channels(picture: Srgb, channels: int) -> Srgb:
    """All frames alike: opaque where there is no alpha, over black where none is wanted."""
    if picture.shape[2] == channels:
        return picture
    if channels == 4:
        return np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
    return (picture[..., :3].astype(np.uint16) * picture[..., 3:4] // 255).astype(np.uint8)


def _beside(frames: Frames, suffix: str) -> Path:
    return frames.stem.with_name(frames.stem.name + suffix)


class _Atlas:
    """A flipbook: frames in rows from the top left, and a JSON of where each is (the layout of TexturePacker's and
    Aseprite's “array” files, which game engines import).

    The picture is written when all frames are there; until then they are in a temporary file, not in memory.
    """

    def __init__(self, frames: Frames, delivery: Delivery, fps: float, first: Srgb) -> None:
        self.frames, self.fps, self.shape = frames, fps, first.shape
        count = len(frames.numbers)
        self.columns = min(count, delivery.columns or math.ceil(math.sqrt(count)))
        self.rows = math.ceil(count / self.columns)
        self.width, self.height = self.columns * first.shape[1], self.rows * first.shape[0]
        if max(self.width, self.height) > MAX_ATLAS:
            fitting = math.floor(MAX_ATLAS / max(self.columns, self.rows))
            raise SettingsError(
                f"An atlas of {count} frames would be {self.width} × {self.height} pixels; {MAX_ATLAS} is the most: "
                f"set delivery.size to {fitting} or less, or take fewer frames."
            )
        self.path = _beside(frames, ".atlas.png")

    def __enter__(self) -> _Atlas:
        try:
            self.file = tempfile.TemporaryFile(dir=self.path.parent)  # noqa: SIM115 - closed in __exit__
        except OSError as error:
            raise unwritable(self.path, error) from error
        return self

    def add(self, number: int, picture: Srgb) -> None:
        try:
            self.file.write(np.ascontiguousarray(picture).data)
        except OSError as error:
            raise unwritable(self.path, error) from error

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        with self.file:
            if kind is None:
                write_png_strips(self.path, self.width, self.height, self._strips())
                write_text(self.path.with_suffix(".json"), json.dumps(self._facts(), indent=1) + "\n")

    def _strips(self) -> Iterator[Srgb]:
        """One row of frames after another."""
        self.file.seek(0)
        height, width, channels = self.shape
        for _ in range(self.rows):
            strip = np.zeros((height, self.width, channels), np.uint8)
            for column in range(self.columns):
                data = self.file.read(height * width * channels)
                if data:
                    strip[:, column * width : (column + 1) * width] = np.frombuffer(data, np.uint8).reshape(self.shape)
            yield strip

    def _facts(self) -> dict[str, Any]:
        height, width, channels = self.shape
        frames = []
        for index, number in enumerate(self.frames.numbers):
            x, y = index % self.columns * width, index // self.columns * height
            frames.append(
                {
                    "filename": self.frames.pattern.path(number).stem,
                    "frame": {"x": x, "y": y, "w": width, "h": height},
                    "rotated": False,
                    "trimmed": False,
                    "spriteSourceSize": {"x": 0, "y": 0, "w": width, "h": height},
                    "sourceSize": {"w": width, "h": height},
                    "duration": round(1000 / self.fps, 3),
                }
            )
        meta = {
            "app": "gioconda",
            "image": self.path.name,
            "format": "RGBA8888" if channels == 4 else "RGB888",
            "size": {"w": self.width, "h": self.height},
            "scale": "1",
            "fps": self.fps,
            "columns": self.columns,
            "rows": self.rows,
        }
        return {"frames": frames, "meta": meta}
