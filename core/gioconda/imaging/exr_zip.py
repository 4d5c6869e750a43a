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

import ctypes
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from .. import native
from ..arrays import Array, UInt8

HAS_ISAL = find_spec("isal") is not None  # there are no wheels for rarer machines
if HAS_ISAL:
    from isal import isal_zlib

Header = Mapping[str, str | int | float | Fraction]

_NUMBER = {"none": 0, "zips": 2, "zip": 3}
_ROWS = {"none": 1, "zips": 1, "zip": 16}
COMPRESSIONS = tuple(_NUMBER)
# ISA-L's 1 and 2 take the same time; zlib's 4 takes ten times as long and saves a tenth (2048² frames with passes)
_LEVEL = 2
_FAST_LEVELS = (1, 2, 3)  # `zip:3` is ISA-L's second level too
REC709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
_LONG_NAMES = 0x400
HALF_MAX = float(native.constant("HALF_MAX"))
_SHORT = 31  # letters of a name that need no flag
_SIZE, _BYTES, _INT = ctypes.c_int64, native.Array.of(np.uint8), native.Array.of(np.int32)
_pack = native.kernel("exr_pack", native.Array.of(np.uint64), _INT, _INT, _BYTES, _SIZE, _SIZE, _SIZE, _BYTES)
_predict = native.kernel("exr_predict", _BYTES, _SIZE, _BYTES, _BYTES)


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
        self._sources = [one.source for one in self.channels]
        self._index = np.array([one.index for one in self.channels], np.int32)
        self._wide = np.array([one.wide for one in self.channels], np.uint8)

    def encode(self, passes: Mapping[str, Array]) -> bytes:
        """The stored bytes of a whole chunk: pass name -> (rows, W, C) float32. Halves beyond half's range become its
        largest; compressed where that makes them smaller."""
        given = {name: np.ascontiguousarray(passes[name], np.float32) for name in self._sources}
        rows = len(given[self._sources[0]])
        places = np.array([native.address(given[name], np.float32) for name in self._sources], np.uint64)
        counts = np.array([given[name].shape[2] for name in self._sources], np.int32)
        raw = np.empty(rows * self._row_bytes, np.uint8)
        _pack(places, counts, self._index, self._wide, len(places), rows, self._width, raw)
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


def _zipped(raw: UInt8, level: int) -> bytes:
    """Bytes (n,) as OpenEXR's ZIP stores them: even bytes then odd ones, as differences plus 128, deflated."""
    changes = np.empty_like(raw)
    _predict(raw, raw.size, np.empty_like(raw), changes)
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
