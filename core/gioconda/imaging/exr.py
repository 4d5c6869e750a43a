"""Multilayer EXR, written band by band: names, header, and the writer.

One part, one layer: `VL.Combined.R/G/B/A`, `VL.Depth.Z`, `VL.Vector.X/Y/Z/W`, `VL.UV.U/V/A`, mattes `VL.<Name>.A`.
That is what Blender 4.2 to 5.2 read without surprises and what Nuke shows as layers.

ZIP and uncompressed files are encoded by exr_zip.py (mixed half and float: see there why), the others by OpenImageIO.
Files are written whole or not at all, and the same pixels and header always give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import OpenImageIO as oiio

from .. import ENGINE_VERSION
from ..arrays import Array
from ..errors import OutputError, SettingsError
from ..files import unwritable, whole_file
from ..job.passes import COLOUR_PASSES, FLOAT32_PASSES, LOSSLESS, LOSSY, PASSES
from .exr_read import decodes as decodes
from .exr_read import has_every_chunk
from .exr_read import is_whole as is_whole
from .exr_read import read_exr as read_exr
from .exr_zip import COMPRESSIONS, HALF_MAX, REC709, Channel, Header, ZipEncoder, ZipFile
from .frame_rate import exact_rate

LAYER = "VL"
DEFAULT_COMPRESSION = "zip"
_CHUNK = 16  # rows; pieces hold whole ones

# https://cv.iptc.org/newscodes/digitalsourcetype/ : "mix or composite of several elements, at least one of which is
# synthetic media". A still's own pixels moved by a model, with a mouth and eyes filled in, is that. (It is not
# trainedAlgorithmicMedia: nothing is made from nothing by a trained model. Where networks paint pixels, the right
# one is COMPOSITE_WITH_NETWORK.)
COMPOSITE_SYNTHETIC = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeSynthetic"
COMPOSITE_WITH_NETWORK = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
STATEMENT = "Synthetic media: a still portrait animated by software. The person did not make this performance."


def letters_of(name: str) -> str:
    """The channel letters of a pass: RGBA, Z, XYZW, UVA; A for every matte."""
    return PASSES[name].channels if name in PASSES else "A"


def channel_names(passes: Sequence[str]) -> list[str]:
    """Full channel names in the order of the passes."""
    return [f"{LAYER}.{name}.{letter}" for name in passes for letter in letters_of(name)]


def provenance(
    *,
    software: str,
    frame: int,
    fps: float,
    pixel_aspect: float = 1.0,
    source_sha256: str = "",
    motion_sha256: str = "",
    settings: Mapping[str, Any] | None = None,
    job: str = "",
    consent: Mapping[str, Any] | None = None,
    engine: Mapping[str, Any] | None = None,
    digital_source_type: str = COMPOSITE_SYNTHETIC,
) -> dict[str, str | int | float | Fraction]:
    """The header of one frame. `job`: a hash of everything the pixels depend on; `--resume` compares it. `consent`: who
    states which right to animate the portrait. `engine`: whose engine painted it (`external.folder.Notice`).

    No dates, no machine names: a frame rendered twice is the same file.
    """
    header: dict[str, str | int | float | Fraction] = {
        "Software": software,
        "gioconda:version": ENGINE_VERSION,
        "comments": STATEMENT,
        "Iptc4xmpExt:DigitalSourceType": digital_source_type,
        "imageCounter": frame,
        "PixelAspectRatio": float(pixel_aspect),
        "gioconda:source": source_sha256,
        "gioconda:motion": motion_sha256,
        "gioconda:settings": json.dumps(settings or {}, sort_keys=True, separators=(",", ":"), default=str),
        "gioconda:job": job,
    }
    if consent:
        header["gioconda:consent"] = json.dumps(dict(consent), sort_keys=True, separators=(",", ":"))
    if engine:
        header["gioconda:engine"] = json.dumps(dict(engine), sort_keys=True, separators=(",", ":"))
    if fps > 0:
        header["framesPerSecond"] = exact_rate(fps)
    return header


class ExrWriter:
    """One EXR frame, top to bottom.

        with ExrWriter(path, width, height, ["Combined", "UV"], header=header) as exr:
            exr.write_rows(0, {"Combined": (rows, W, 4) float32, "UV": (rows, W, 3) float32})

    Leaving the block after an exception, or before the last row, leaves no file. The interpreter's lock is free during
    compression, so other threads may do most of the work beforehand: each of `pieces(passes)` on any of them, then
    `write_pieces(0, rows, *what they returned)`. The bytes are the same.
    """

    def __init__(
        self,
        path: Path | str,
        width: int,
        height: int,
        passes: Sequence[str],
        *,
        header: Header | None = None,
        float32: Collection[str] = FLOAT32_PASSES,
        compression: str = DEFAULT_COMPRESSION,
    ) -> None:
        """float32: the passes kept at 32 bits, the others are half; `("all",)` keeps everything. Of a pass that says
        which of its channels need 32 bits (`job.passes.Pass.float32`), the others are half all the same.

        compression: none, rle, zip, zips, piz; zip and zips take a level, `zip:4`. dwaa and dwab, which lose
        precision, only where every pass is colour. Raises: SettingsError.
        """
        check_compression(compression, passes)
        self.path = Path(path)
        self._passes = tuple(passes)
        self._size = (width, height)
        self._compression = compression
        self._header = dict(header or {})
        channels = _channels(passes, float32)
        own = compression.partition(":")[0] in COMPRESSIONS
        self._encoder = ZipEncoder(width, channels, compression) if own else _LibraryEncoder(width, channels)
        self._next_row = 0
        self._cleanup = ExitStack()
        self._part = self.path
        self._file: ZipFile | _LibraryFile

    def __enter__(self) -> ExrWriter:
        self._part = self._cleanup.enter_context(whole_file(self.path))
        with self._failing():
            if isinstance(self._encoder, ZipEncoder):
                self._file = ZipFile(self._part, *self._size, self._encoder, self._header)
            else:
                self._file = _LibraryFile(self._part, *self._size, self._encoder, self._compression, self._header)
        return self

    def write_rows(self, y0: int, passes: Mapping[str, Array]) -> None:
        """The next rows, from y0 on, a multiple of 16 but for the last: pass name -> (rows, W, C) or, for one channel,
        (rows, W), float32.

        Values beyond half's range become its largest (65504) where a pass is stored as half. Raises: OutputError.
        """
        self.write_pieces(y0, len(passes[self._passes[0]]), *(piece() for piece in self.pieces(passes)))

    def pieces(self, passes: Mapping[str, Array]) -> list[Callable[[], Any]]:
        """The part of writing these rows that any thread may do at any time, in pieces; see `write_rows`, ExrWriter."""
        rows = len(passes[self._passes[0]])
        shaped = {name: passes[name].reshape(rows, self._size[0], len(letters_of(name))) for name in self._passes}
        step = self._encoder.rows or rows
        return [
            partial(self._encoder.encode, {name: pixels[y : y + step] for name, pixels in shaped.items()})
            for y in range(0, rows, step)
        ]

    def write_pieces(self, y0: int, rows: int, *made: Any) -> None:
        """The next rows, from what their `pieces` returned; see `write_rows`. Raises: OutputError."""
        if y0 != self._next_row or y0 + rows > self._size[1]:
            raise ValueError(f"rows {y0}..{y0 + rows} do not follow row {self._next_row} of {self._size[1]}")
        if y0 % _CHUNK or (rows % _CHUNK and y0 + rows != self._size[1]):
            raise ValueError(f"rows {y0}..{y0 + rows} are no whole chunks of {_CHUNK}")
        with self._failing():
            for one in made:
                self._file.append(one)
        self._next_row = y0 + rows

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with self._failing():
                self._file.close()
            if error is None:
                self._check_complete()
        except OutputError as late:
            self._cleanup.__exit__(type(late), late, late.__traceback__)
            if error is None:
                raise
        else:
            self._cleanup.__exit__(kind, error, trace)

    def _check_complete(self) -> None:
        if self._next_row != self._size[1]:
            raise OutputError(f"Cannot write {self.path}: only {self._next_row} of {self._size[1]} rows were rendered.")
        # a full disk can swallow the last bytes without a word from a library
        if not has_every_chunk(self._part):
            raise unwritable(self.path, "")

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise unwritable(self.path, error) from error


class _LibraryEncoder:
    """Samples as the library takes them: one type for all channels, since it converts mixed ones slowly."""

    rows = 0  # as many as come

    def __init__(self, width: int, channels: Sequence[Channel]) -> None:
        self.channels = channels
        self._width = width
        self._dtype = np.float32 if any(channel.wide for channel in channels) else np.float16

    def encode(self, passes: Mapping[str, Array]) -> Array:
        """Pass name -> (rows, W, C) float32 to (rows, W, channels). Halves beyond half's range become its largest."""
        rows = len(passes[self.channels[0].source])
        band = np.empty((rows, self._width, len(self.channels)), self._dtype)
        for k, channel in enumerate(self.channels):
            values = passes[channel.source][..., channel.index]
            if channel.wide:
                band[..., k] = values
            else:
                np.clip(values, -HALF_MAX, HALF_MAX, out=band[..., k], casting="same_kind")
        return band


class _LibraryFile:
    """An EXR file written by OpenImageIO: every compression it knows. Failures are OSErrors with its words."""

    def __init__(
        self, path: Path, width: int, height: int, encoder: _LibraryEncoder, compression: str, header: Header
    ) -> None:
        self._next_row = 0
        out: Any = oiio.ImageOutput.create("openexr")
        self._out = out
        self._check(self._out.open(str(path), _spec(width, height, encoder.channels, compression, header)))

    def append(self, band: Array) -> None:
        """The next rows, as the encoder made them."""
        self._check(self._out.write_scanlines(self._next_row, self._next_row + len(band), 0, band))
        self._next_row += len(band)

    def close(self) -> None:
        self._check(self._out.close())

    def _check(self, done: bool) -> None:
        if not done:
            raise OSError(self._out.geterror().strip().replace("\n", "; "))


def _channels(passes: Sequence[str], float32: Collection[str]) -> list[Channel]:
    return [
        Channel(stored, name, index, "all" in float32 or (name in float32 and letter in _wide_letters(name)))
        for name in passes
        for index, (letter, stored) in enumerate(zip(letters_of(name), channel_names([name]), strict=True))
    ]


def _wide_letters(name: str) -> str:
    """The channels of a pass that 32 bits are for, where it is written at 32 bits."""
    return (PASSES[name].float32 if name in PASSES else "") or letters_of(name)


def check_compression(compression: str, passes: Sequence[str]) -> None:
    """Raises: SettingsError for an unknown compression, or one that would spoil data passes."""
    name, _, level = compression.partition(":")
    if name in LOSSLESS and (not level or level.isdigit()):
        return
    data = [one for one in passes if one not in COLOUR_PASSES]
    if name in LOSSY and not data:
        return
    if name in LOSSY:
        raise SettingsError(
            f"The compression {name} loses precision, which spoils the passes {', '.join(data)}; "
            "choose zip or piz, or write Combined alone."
        )
    known = ", ".join(LOSSLESS + LOSSY)
    raise SettingsError(f"There is no EXR compression {compression!r} here; choose one of {known} (or zip:1 to zip:9).")


def _spec(width: int, height: int, channels: Sequence[Channel], compression: str, header: Header) -> Any:
    types = ["float" if channel.wide else "half" for channel in channels]
    spec = oiio.ImageSpec(width, height, len(channels), types[0] if len(set(types)) == 1 else "half")
    spec.channelnames = tuple(channel.name for channel in channels)
    if len(set(types)) > 1:
        spec.channelformats = tuple(oiio.TypeDesc(one) for one in types)
    spec.attribute("compression", compression)
    spec.attribute("chromaticities", "float[8]", REC709)
    spec.attribute("DateTime", "")  # else OpenImageIO writes today's date, and the bytes differ
    for key, value in header.items():
        if isinstance(value, Fraction):
            spec.attribute(key, "rational", (value.numerator, value.denominator))
        else:
            spec.attribute(key, value)
    return spec
