"""Lays what a plugged-in engine paints over finished frames: at the picture's own size, within the person, as a change.

An engine works on a small square of display-encoded colours (512² and 0..1 for LivePortrait). Its picture would blur a
plate of 4K, shift its colours and clamp its lights. So only the change counts that it makes to the portrait's motion:

    change = painted(frame) − frame − moved(painted(rest) − rest)

What the engine gets wrong of the portrait at rest (blur, colours) is no change: it is taken off where the frame's STMap
says that it went. The change is added to the frame in encoded values that have no end at white (`neural.tone`), so that
scene-linear light above 1 survives. Where the engine shows something else altogether (teeth, an open eye), the frame's
own fine detail would not fit and gives way to the painted picture's.

At rest the change is nothing, and so it is outside the matte and at its edge: outlines stay the geometry's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..engine import Portrait, PosedPortrait, render_rows
from ..engine.mesh import smoothstep
from ..imaging import resample
from ..imaging.color import choose_display
from ..neural.crops import Crop
from ..neural.encoding import decode, encode
from ..worker.messages import Log, Report
from .engine import Engine, Float32, Painted
from .folder import read_notice
from .liveportrait import LivePortrait

Float = npt.NDArray[np.float64]

GREY = 0.18  # linear: what stands behind transparent pixels
EDGE = 0.012  # of the square's side: how far inside the matte changes begin
OTHER, OTHER_SPAN = 0.08, 0.12  # encoded: a change so large that the frame's own detail begins to give way
NOTHING = np.float32(1e-3)  # shares below this are none
BAND = 256  # rows
ADAPTERS: dict[str, Callable[..., Engine]] = {"liveportrait": LivePortrait.open}


class Painter:
    """An engine's changes to the frames of one portrait."""

    def __init__(self, engine: Engine, portrait: Portrait) -> None:
        """
        Raises:
            ModelError: the engine's networks cannot work.
        """
        self.engine, self.portrait = engine, portrait
        self.gain = choose_display(portrait.source).gain
        self.seen = engine.square(portrait.landmarks)
        source = self._view(self.seen, portrait.source)
        self.prepared = engine.prepare(_shown(source))
        painted = self.prepared.frame(_shown(source))
        self.square = _resized(self.seen, len(painted.picture))
        self.fault = painted.picture - _shown(self._view(self.square, portrait.source))

    def correct(self, posed: PosedPortrait, combined: Float32, matte: Float32) -> None:
        """Change a whole frame in place: combined (H, W, 4) premultiplied scene-linear, matte (H, W).

        Raises:
            ModelError: the engine's networks cannot work.
        """
        if posed.pose.is_identity:
            return
        painted = self.prepared.frame(_shown(self._view(self.seen, combined)))
        frame = self._view(self.square, combined)
        change = painted.picture - _shown(frame) - self._fault_in(posed)
        self._lay(change, frame, self._share(painted, matte), combined, matte)

    def _view(self, square: Crop, combined: Float32) -> Float32:
        """What a picture shows in a square, encoded, with nothing cut off, (size, size, 3)."""
        cut = square.cut(combined)
        return encode(cut[..., :3] + np.float32(GREY / self.gain) * (1 - cut[..., 3:]), self.gain)

    def _share(self, painted: Painted, matte: Float32) -> Float32:
        """How much of a change counts, (size, size) 0..1: none at the person's edge and outside."""
        size = self.square.size
        inside = resample.erode(self.square.cut(matte), EDGE * size)
        soft = resample.box_filter(inside, max(1, int(EDGE * size / 2)))
        return np.asarray(soft * painted.valid, np.float32)

    def _fault_in(self, posed: PosedPortrait) -> Float32:
        """What the engine gets wrong of the portrait at rest, moved to where this frame shows it, (size, size, 3)."""
        size, (width, height) = self.square.size, (self.portrait.width, self.portrait.height)
        middles = np.arange(size) + 0.5
        x, y = np.meshgrid(middles, middles)
        there = np.stack([x, y], axis=-1) @ self.square.to_picture[:, :2].T + self.square.to_picture[:, 2]
        columns, rows = (np.clip(there[..., k].astype(int), 0, (width, height)[k] - 1) for k in (0, 1))
        source = np.empty((size, size, 2))
        for first in range(int(rows.min()), int(rows.max()) + 1, BAND):
            count = min(BAND, height - first)
            stmap = render_rows(posed, first, count, passes=("UV",), smooth_edges=False).passes["UV"]
            here = (rows >= first) & (rows < first + count)
            source[here] = stmap[rows[here] - first, columns[here], :2]
        # the map says where whole pixels come from; the square's points lie beside their middles
        from_picture = self.square.from_picture()
        beside = there - np.stack([columns, rows], axis=-1) - 0.5
        picture = source * [width, -height] + [0, height] + beside
        x, y = np.moveaxis(picture @ from_picture[:, :2].T + from_picture[:, 2], -1, 0)
        return np.asarray(resample.remap(self.fault, x, y), np.float32)

    def _lay(self, change: Float32, frame: Float32, share: Float32, combined: Float32, matte: Float32) -> None:
        """Add a change of the square, (size, size, 3), to the picture, in bands of rows."""
        other = resample.box_filter(np.abs(change).max(2), 2)
        other = smoothstep((other - OTHER) / OTHER_SPAN) * share
        added = np.ascontiguousarray(change * share[..., None], np.float32)
        weights = np.ascontiguousarray(np.stack([share, other], axis=2), np.float32)
        x0, y0, x1, y1 = _box(self.square, self.portrait.width, self.portrait.height)
        for first in range(y0, y1, BAND):
            rows, count = slice(first, min(first + BAND, y1)), min(BAND, y1 - first)
            into = self.square.from_picture()
            into[:, 2] += into[:, :2] @ (x0, first)
            counts, gives_way = np.moveaxis(_spread(weights, into, x1 - x0, count, "zero"), -1, 0)
            touched = (counts > NOTHING) & (matte[rows, x0:x1] > 0)
            if not touched.any():
                continue
            band = combined[rows, x0:x1]
            was = encode(band[..., :3], self.gain)
            detail = was - _spread(frame, into, x1 - x0, count, "replicate")
            now = was + _spread(added, into, x1 - x0, count, "zero") - gives_way[..., None] * detail
            now = was + (now - was) * np.clip(band[..., 3:], 0, 1)
            band[..., :3] = np.where(touched[..., None], decode(now, self.gain), band[..., :3])


def open_painter(
    folder: Path, portrait: Portrait, report: Report, *, device: str = "auto", threads: int | None = None
) -> Painter:
    """The engine whose files are in a folder, for a portrait. Says whose it is.

    Raises:
        ModelError: a file is missing, is not the stated one, or is another network.
        DeviceError: the device does not work here.
    """
    engine = open_engine(folder, device, threads=threads)
    report(Log(engine.notice.sentence()))
    painter = Painter(engine, portrait)
    report(Log(f"{engine.notice.known.title} runs on {engine.device}."))
    return painter


def open_engine(folder: Path, device: str = "auto", *, threads: int | None = None) -> Engine:
    """The engine whose files are in a folder.

    Raises:
        ModelError, DeviceError: as `open_painter`.
    """
    return ADAPTERS[read_notice(folder).known.adapter](folder, device, threads=threads)


def painted(
    painter: Painter, posed: PosedPortrait, passes: Sequence[str], *, smooth_edges: bool = True
) -> dict[str, Float32]:
    """A whole frame's passes; all but Combined stay the geometry's. Raises: ModelError, as `Painter.correct`."""
    needed = [*dict.fromkeys((*passes, "Combined", "Matte"))]
    made = render_rows(posed, 0, painter.portrait.height, passes=needed, smooth_edges=smooth_edges).passes
    painter.correct(posed, made["Combined"], made["Matte"][..., 0])
    return {name: made[name] for name in passes}


def _shown(view: Float32) -> Float32:
    """Encoded values as an engine sees them: 0..1."""
    return np.asarray(np.clip(view, 0, 1), np.float32)


def _resized(square: Crop, size: int) -> Crop:
    """The same square of the picture at another size."""
    to_picture = square.to_picture.copy()
    to_picture[:, :2] *= square.size / size
    return Crop(to_picture, size)


def _box(square: Crop, width: int, height: int) -> tuple[int, int, int, int]:
    """The whole pixels of a picture that a square touches: x0, y0, x1, y1; empty where it touches none."""
    corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]]) * square.size @ square.to_picture[:, :2].T
    corners += square.to_picture[:, 2]
    low = np.clip(np.floor(corners.min(0)), 0, (width, height)).astype(int)
    high = np.clip(np.ceil(corners.max(0)), low, (width, height)).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _spread(image: Float32, into: Float, width: int, height: int, border: resample.Border) -> Float32:
    """What a square's image (size, size, C) is at the picture's size, (height, width, C).

    into: (2, 3), pixels of the picture → pixels of the square.
    """
    method: resample.Method = "area" if np.hypot(into[0, 0], into[1, 0]) > 1 else "cubic"
    return np.asarray(resample.warp_affine(image, into, width, height, border=border, method=method), np.float32)
