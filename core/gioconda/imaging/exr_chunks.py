"""Whether an EXR file has all its chunks, from its table of contents alone. Standard library only.

A full disk or a killed process leaves a file whose table is missing or points past the end. The format:
https://openexr.com/en/latest/OpenEXRFileLayout.html (single part, scan lines; that is what we write).
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

_MAGIC = 20000630
# rows per chunk, by the compression's number: none, rle, zips, zip, piz, pxr24, b44, b44a, dwaa, dwab
_ROWS = (1, 1, 1, 16, 32, 16, 32, 32, 32, 256)


def has_every_chunk(path: Path) -> bool:
    """Whether every chunk of a single-part scan-line EXR lies in the file, one after the other, to the last byte."""
    try:
        with path.open("rb") as file:
            return _is_complete(file, os.fstat(file.fileno()).st_size)
    except (OSError, struct.error, KeyError, ValueError, IndexError):
        return False


def _is_complete(file: BinaryIO, size: int) -> bool:
    magic, version = struct.unpack("<iI", file.read(8))
    if magic != _MAGIC or version & 0x1A00:  # tiled, deep, multi-part
        return False
    attributes = _attributes(file, size)
    _, top, _, bottom = struct.unpack("<4i", attributes["dataWindow"])
    rows = _ROWS[attributes["compression"][0]]
    count = -(-(bottom - top + 1) // rows)
    if not 0 < 8 * count <= size:
        raise ValueError("more chunks than the file has room for")
    offsets = sorted(struct.unpack(f"<{count}Q", file.read(8 * count)))
    end = file.tell()
    for offset in offsets:
        if offset != end:
            return False
        file.seek(offset)
        _, length = struct.unpack("<ii", file.read(8))
        end = offset + 8 + length
    return end == size


def _attributes(file: BinaryIO, size: int) -> dict[str, bytes]:
    """Name -> raw value of every header attribute; the file stands at the chunk table afterwards."""
    found: dict[str, bytes] = {}
    while name := _word(file):
        _word(file)  # its type
        (length,) = struct.unpack("<i", file.read(4))
        if not 0 <= length <= size:
            raise ValueError("longer than the file")
        found[name] = file.read(length)
    return found


def _word(file: BinaryIO) -> str:
    letters = bytearray()
    while (letter := file.read(1)) != b"\0":
        if not letter or len(letters) > 255:
            raise ValueError("the header is cut off")
        letters += letter
    return letters.decode("latin-1")
