"""Adds what an external engine changes to finished frames: at the picture's own size, within the person.

The engine works on a small square of display-encoded colours (512² and 0..1 for LivePortrait). Its picture would blur a
plate of 4K, shift its colours and clamp its lights. So only the change counts that it makes to the portrait's motion:

    change = painted(frame) − frame − moved(painted(still) − still)

What the engine gets wrong of the still portrait (blur, colours) is no change: it is taken off where the frame's STMap
says that it went. The change is added to the frame in encoded values that have no end at white (`neural.encoding`), so
that scene-linear light above 1 survives. Where the engine shows something else altogether (teeth, an open eye), the
frame's own fine detail would not fit and gives way to the painted picture's.

In the neutral pose the change is nothing, and so it is outside the matte and at its edge: outlines stay the geometry's.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..engine import Portrait, PosedPortrait, render_rows
from ..engine.frame import write_foreground
from ..engine.kernels import smoothstep
from ..imaging import resample
from ..imaging.color import choose_display
from ..imaging.encoding import decode, encode
from ..neural.crops import Crop
from ..worker.messages import Log, Report
from .catalogue import TITLE
from .liveportrait import LivePortrait, Painted

Float = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]

GREY = 0.18  # linear: what stands behind transparent pixels
EDGE = 0.012  # of the square's side: how far inside the matte changes begin
OTHER, OTHER_SPAN = 0.08, 0.12  # encoded: a change so large that the frame's own detail begins to give way
NO_ALPHA = np.float32(1e-3)  # less of a change than this is none
BAND = 256  # rows


class ExternalEngine:
    """An engine's changes to the frames of one portrait."""

    def __init__(self, engine: LivePortrait, portrait: Portrait) -> None:
        """Raises: ModelError: the engine's networks cannot work."""
        self.engine, self.portrait = engine, portrait
        self.gain = choose_display(portrait.source).gain
        self.input_crop = engine.crop(portrait.landmarks)
        source = _clamped(self._view(self.input_crop, portrait.source))
        self.prepared = engine.prepare(source)
        painted = self.prepared.frame(source)
        self.crop = _resized(self.input_crop, len(painted.picture))
        self.error = painted.picture - _clamped(self._view(self.crop, portrait.source))

    def apply(self, posed: PosedPortrait, drawn: dict[str, Float32]) -> dict[str, Float32]:
        """Change a whole frame's Combined, (H, W, 4) premultiplied scene-linear, in place; needs its Matte (H, W, 1).

        Raises:
            ModelError: the engine's networks cannot work.
        """
        if not posed.pose.is_identity:
            combined, matte = drawn["Combined"], drawn["Matte"][..., 0]
            painted = self.prepared.frame(_clamped(self._view(self.input_crop, combined)))
            frame = self._view(self.crop, combined)
            change = painted.picture - _clamped(frame) - self._moved_error(posed)
            self._add(change, frame, self._alpha(painted, matte), combined, matte)
            if "Foreground" in drawn:
                write_foreground(self.portrait, 0, combined, matte, drawn["Foreground"])
        return drawn

    def _view(self, crop: Crop, combined: Float32) -> Float32:
        """A crop of a picture, encoded, not clamped, (size, size, 3)."""
        cut = crop.cut(combined)
        return encode(cut[..., :3] + np.float32(GREY / self.gain) * (1 - cut[..., 3:]), self.gain)

    def _alpha(self, painted: Painted, matte: Float32) -> Float32:
        """How much of a change counts, (size, size) 0..1: none at the person's edge and outside."""
        size = self.crop.size
        inside = resample.erode(self.crop.cut(matte), EDGE * size)
        soft = resample.box_filter(inside, max(1, int(EDGE * size / 2)))
        return np.asarray(soft * painted.alpha, np.float32)

    def _moved_error(self, posed: PosedPortrait) -> Float32:
        """What the engine gets wrong of the still portrait, moved to where this frame shows it, (size, size, 3)."""
        size, (width, height) = self.crop.size, (self.portrait.width, self.portrait.height)
        centres = np.arange(size) + 0.5
        x, y = np.meshgrid(centres, centres)
        there = np.stack([x, y], axis=-1) @ self.crop.to_picture[:, :2].T + self.crop.to_picture[:, 2]
        columns, rows = (np.clip(there[..., k].astype(int), 0, (width, height)[k] - 1) for k in (0, 1))
        source = np.empty((size, size, 2))
        for first in range(int(rows.min()), int(rows.max()) + 1, BAND):
            count = min(BAND, height - first)
            stmap = render_rows(posed, first, count, passes=("UV",), smooth_edges=False).passes["UV"]
            here = (rows >= first) & (rows < first + count)
            source[here] = stmap[rows[here] - first, columns[here], :2]
        # the map says where whole pixels come from; the crop's pixels lie beside their centres
        from_picture = self.crop.from_picture()
        beside = there - np.stack([columns, rows], axis=-1) - 0.5
        picture = source * [width, -height] + [0, height] + beside
        x, y = np.moveaxis(picture @ from_picture[:, :2].T + from_picture[:, 2], -1, 0)
        return np.asarray(resample.remap(self.error, x, y), np.float32)

    def _add(self, change: Float32, frame: Float32, alpha: Float32, combined: Float32, matte: Float32) -> None:
        """Add a change of the crop, (size, size, 3), to the picture, in bands of rows."""
        other = resample.box_filter(np.abs(change).max(2), 2)
        other = smoothstep((other - OTHER) / OTHER_SPAN) * alpha
        added = np.ascontiguousarray(change * alpha[..., None], np.float32)
        weights = np.ascontiguousarray(np.stack([alpha, other], axis=2), np.float32)
        x0, y0, x1, y1 = self.crop.covered(self.portrait.width, self.portrait.height)
        for first in range(y0, y1, BAND):
            rows, count = slice(first, min(first + BAND, y1)), min(BAND, y1 - first)
            into = self.crop.from_picture()
            into[:, 2] += into[:, :2] @ (x0, first)
            strength, gives_way = np.moveaxis(_warped(weights, into, x1 - x0, count, "zero"), -1, 0)
            touched = (strength > NO_ALPHA) & (matte[rows, x0:x1] > 0)
            if not touched.any():
                continue
            band = combined[rows, x0:x1]
            was = encode(band[..., :3], self.gain)
            detail = was - _warped(frame, into, x1 - x0, count, "replicate")
            now = was + _warped(added, into, x1 - x0, count, "zero") - gives_way[..., None] * detail
            now = was + (now - was) * np.clip(band[..., 3:], 0, 1)
            band[..., :3] = np.where(touched[..., None], decode(now, self.gain), band[..., :3])


def open_external_engine(
    folder: Path, portrait: Portrait, report: Report, *, device: str = "auto", threads: int | None = None
) -> ExternalEngine:
    """The engine whose files are in a folder, for a portrait. Says whose it is.

    Raises:
        ModelError: a file is missing, is not the stated one, or is another network.
        DeviceError: the device does not work here.
    """
    engine = LivePortrait.open(folder, device, threads=threads)
    report(Log(engine.notice.sentence()))
    external = ExternalEngine(engine, portrait)
    report(Log(f"{TITLE} runs on {engine.device}."))
    return external


def _clamped(view: Float32) -> Float32:
    """Encoded values as an engine sees them: 0..1."""
    return np.asarray(np.clip(view, 0, 1), np.float32)


def _resized(crop: Crop, size: int) -> Crop:
    """The same square of the picture at another size."""
    to_picture = crop.to_picture.copy()
    to_picture[:, :2] *= crop.size / size
    return Crop(to_picture, size)


def _warped(image: Float32, into: Float, width: int, height: int, border: resample.Border) -> Float32:
    """What a crop's image (size, size, C) is at the picture's size, (height, width, C).

    into: (2, 3), pixels of the picture → pixels of the crop.
    """
    method: resample.Method = "area" if np.hypot(into[0, 0], into[1, 0]) > 1 else "cubic"
    return np.asarray(resample.warp_affine(image, into, width, height, border=border, method=method), np.float32)
