"""Encode scan-line EXR files with ZIP compression, or none, chunk by chunk.

Why not the library: handed half and float channels together, OpenImageIO's Python binding converts one sample at a
time, which costs more than the compression. This writes the same format in less than half the time. Delete it when
`ImageOutput.write_scanlines` takes native mixed pixels (https://github.com/AcademySoftwareFoundation/OpenImageIO).

The format: https://openexr.com/en/latest/OpenEXRFileLayout.html. A chunk holds 16 rows (1 for zips and none); a row
holds each channel's samples in turn, channels sorted by name. ZIP first parts even from odd bytes, then takes
differences, then deflates.

ISA-L deflates (https://github.com/intel/isa-l, the package `isal`): at its second level in a sixth of zlib's time, to
the same size within two hundredths. Its streams are plain deflate. They are the same bytes on every x86-64 processor
that numpy runs on and the same on every ARM one, but not the same on both. Its third level chooses by the processor,
so it is never used. Where the package is missing, and for zip:4 to zip:9, zlib deflates.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from ..arrays import Array, UInt8
from .resample import to_half

HAS_ISAL = find_spec("isal") is not None  # there are no wheels for rarer machines
if HAS_ISAL:
    from isal import isal_zlib

Header = Mapping[str, str | int | float | Fraction]

HALF_MAX = 65504.0
_NUMBER = {"none": 0, "zips": 2, "zip": 3}
_ROWS = {"none": 1, "zips": 1, "zip": 16}
COMPRESSIONS = tuple(_NUMBER)
# ISA-L's 1 and 2 take the same time; zlib's 4 takes ten times as long and saves a tenth (2048² frames with passes)
_LEVEL = 2
_FAST_LEVELS = (1, 2, 3)  # `zip:3` is ISA-L's second level too
REC709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
_LONG_NAMES = 0x400
_SHORT = 31  # letters of a name that need no flag


@dataclass(frozen=True)
class Channel:
    """One channel of the file and where its samples come from."""

    name: str  # as stored: VL.Combined.R
    source: str  # the pass
    index: int  # of the pass's channels
    wide: bool  # float32; else half


class ZipEncoder:
    """Makes the chunks of a file, each from its own rows alone: any thread may make any of them."""

    def __init__(self, width: int, channels: Sequence[Channel], compression: str) -> None:
        name, _, level = compression.partition(":")
        self.number = _NUMBER[name]
        self.rows = _ROWS[name]  # of a chunk
        self.channels = sorted(channels, key=lambda channel: channel.name.encode())
        self._row_bytes = width * sum(4 if channel.wide else 2 for channel in channels)
        self._width = width
        self._level = 0 if name == "none" else int(level or _LEVEL)
        self._narrow = {one.source for one in channels} - {one.source for one in channels if one.wide}

    def encode(self, passes: Mapping[str, Array]) -> bytes:
        """The stored bytes of a whole chunk: pass name -> (rows, W, C) float32. Halves beyond half's range become its
        largest; compressed where that makes them smaller."""
        chunk = np.empty((len(passes[self.channels[0].source]), self._row_bytes), np.uint8)
        halves = {name: _halves(passes[name]) for name in self._narrow}  # a pass at once: less work than by channels
        offset = 0
        for channel in self.channels:
            size = self._width * (4 if channel.wide else 2)
            samples = chunk[:, offset : offset + size].view("<f4" if channel.wide else "<f2")
            if channel.source in halves:
                samples[...] = halves[channel.source][..., channel.index]
            else:
                values = passes[channel.source][..., channel.index]
                samples[...] = values if channel.wide else _halves(values)
            offset += size
        raw = chunk.reshape(-1)
        data = _zipped(raw, self._level) if self._level else None
        return raw.tobytes() if data is None or len(data) >= raw.size else data


class ZipFile:
    """An EXR file being written, chunk by chunk in order; `close` finishes it.

    Any failure to write is an OSError with the system's reason.
    """

    def __init__(self, path: Path, width: int, height: int, encoder: ZipEncoder, header: Header) -> None:
        self._encoder = encoder
        self._height = height
        self._next_row = 0
        self._offsets: list[int] = []
        self._file = path.open("wb")
        self._file.write(_header_bytes(width, height, encoder.channels, encoder.number, header))
        self._table = self._file.tell()
        self._file.write(bytes(8 * -(-height // encoder.rows)))

    def append(self, data: bytes) -> None:
        """The next chunk, as the encoder made it."""
        self._offsets.append(self._file.tell())
        self._file.write(struct.pack("<ii", self._next_row, len(data)))
        self._file.write(data)
        self._next_row += self._encoder.rows

    def close(self) -> None:
        """Write the table of chunks and close. Without it the file is not an EXR yet."""
        try:
            if self._next_row >= self._height:
                self._file.seek(self._table)
                self._file.write(struct.pack(f"<{len(self._offsets)}Q", *self._offsets))
        finally:
            self._file.close()


def _halves(values: Array) -> Array:
    """As half; what is beyond its range becomes its largest, NaN stays NaN."""
    if values.max() <= HALF_MAX and values.min() >= -HALF_MAX:  # finding out costs a tenth of clipping; NaN is clipped
        return to_half(values)
    return to_half(np.clip(values, -HALF_MAX, HALF_MAX))


def _zipped(raw: UInt8, level: int) -> bytes:
    """Bytes (n,) as OpenEXR's ZIP stores them: even bytes then odd ones, as differences plus 128, deflated."""
    half = raw.size // 2  # samples have 2 or 4 bytes
    pairs = raw.view("<u2")
    parted = np.empty_like(raw)
    np.copyto(parted[:half], pairs, casting="unsafe")  # the low byte: numpy has no faster way to take every second
    np.copyto(parted[half:], pairs >> 8, casting="unsafe")
    changes = np.empty_like(raw)
    changes[0] = parted[0]
    np.subtract(parted[1:], parted[:-1], out=changes[1:])
    changes[1:] += np.uint8(128)
    if HAS_ISAL and level in _FAST_LEVELS:
        return bytes(isal_zlib.compress(changes.data, min(level, 2)))
    return zlib.compress(changes.data, level)


def _header_bytes(width: int, height: int, channels: Sequence[Channel], compression: int, header: Header) -> bytes:
    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    attributes: dict[str, tuple[str, bytes]] = {
        "channels": ("chlist", _channel_list(channels)),
        "chromaticities": ("chromaticities", struct.pack("<8f", *REC709)),
        "compression": ("compression", bytes([compression])),
        "dataWindow": ("box2i", window),
        "displayWindow": ("box2i", window),
        "lineOrder": ("lineOrder", b"\0"),
        "pixelAspectRatio": ("float", struct.pack("<f", 1.0)),
        "screenWindowCenter": ("v2f", struct.pack("<2f", 0.0, 0.0)),
        "screenWindowWidth": ("float", struct.pack("<f", 1.0)),
    }
    for key, value in header.items():
        if value != "":  # as OpenImageIO does: it stores no empty strings
            attributes["pixelAspectRatio" if key == "PixelAspectRatio" else key] = _attribute(value)
    names = [*attributes, *(channel.name for channel in channels)]
    version = 2 | (_LONG_NAMES if max(len(name.encode()) for name in names) > _SHORT else 0)
    parts = [struct.pack("<2i", 20000630, version)]
    for name, (kind, data) in sorted(attributes.items()):
        parts += [name.encode() + b"\0", kind.encode() + b"\0", struct.pack("<i", len(data)), data]
    return b"".join([*parts, b"\0"])


def _channel_list(channels: Sequence[Channel]) -> bytes:
    entries = [
        channel.name.encode() + b"\0" + struct.pack("<iB3xii", 2 if channel.wide else 1, 0, 1, 1)
        for channel in channels
    ]
    return b"".join([*entries, b"\0"])


def _attribute(value: str | int | float | Fraction) -> tuple[str, bytes]:
    if isinstance(value, str):
        return "string", value.encode()
    if isinstance(value, Fraction):
        return "rational", struct.pack("<iI", value.numerator, value.denominator)
    if isinstance(value, int):
        return "int", struct.pack("<i", value)
    return "float", struct.pack("<f", value)
