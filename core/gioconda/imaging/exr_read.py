"""Read EXR frames back, and tell whether one is whole. OpenImageIO does the format."""

from __future__ import annotations

import os
import struct
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import OpenImageIO as oiio  # noqa: TID251

from ..arrays import Float32
from ..errors import PictureError
from ..files import open_regular

Header = Mapping[str, str | int | float | Fraction]

_MAGIC = 20000630
_BAND_BYTES = 32_000_000  # decoded at a time by `decodes`
# rows per chunk, by the compression's number: none, rle, zips, zip, piz, pxr24, b44, b44a, dwaa, dwab
_ROWS = (1, 1, 1, 16, 32, 16, 32, 32, 32, 256)


def said(source: Any) -> str:
    """What OpenImageIO complains of; a broken file can put words into it that are no text."""
    try:
        return str(source.geterror())
    except UnicodeDecodeError:
        return "its header holds what is no text"


@contextmanager
def legible(path: Path) -> Iterator[None]:
    """Around reading a header. Raises: PictureError where something in it should be text and is none."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise PictureError(f"{path} is damaged or incomplete (its header holds what is no text).") from error


def read_exr(path: Path | str, only: Collection[str] | None = None) -> tuple[dict[str, Float32], dict[str, Any]]:
    """A file of `ExrWriter` or a similar one: pass name -> (H, W, C) float32 in the order of its letters; the header.

    only: these passes, of which those that are there are read; None: all.

    Raises: PictureError for a file that is missing, damaged or no EXR.
    """
    path = Path(path)
    source = _open(path)
    spec = source.spec()
    try:
        with legible(path):
            places, header = _places(spec.channelnames), _header_of(spec)
        wanted = {name: at for name, at in places.items() if only is None or name in only}
        spans = _spans(wanted, spec.nchannels if only is None else 0)
        found = {}
        for first, last, passes in spans:
            stored = source.read_image(0, 0, first, last, "float")
            if stored is None:
                raise PictureError(
                    f"{path} is damaged or incomplete ({said(source).strip()}); render that frame again."
                )
            pixels = np.asarray(stored, np.float32).reshape(spec.height, spec.width, last - first)
            for name, at in passes.items():
                found[name] = _chosen(pixels, [channel - first for channel in at])
    finally:
        source.close()
    return found, header


def _spans(wanted: Mapping[str, list[int]], all_of: int) -> list[tuple[int, int, dict[str, list[int]]]]:
    """Neighbouring channels to read at once: (first, last + 1, the passes among them). The library unpacks every chunk
    for each read, so passes that lie together are one; what lies between others would cost more. all_of: how many
    channels there are, where all are wanted; else 0."""
    if all_of:
        return [(0, all_of, dict(wanted))]
    spans: list[tuple[int, int, dict[str, list[int]]]] = []
    for name, at in sorted(wanted.items(), key=lambda one: min(one[1])):
        first, last = min(at), max(at) + 1
        if spans and first <= spans[-1][1]:
            start, end, passes = spans[-1]
            spans[-1] = start, max(end, last), {**passes, name: at}
        else:
            spans.append((first, last, {name: at}))
    return spans


def _chosen(pixels: Float32, at: Sequence[int]) -> Float32:
    """(H, W, C) → the channels at these places, in this order, as an array of its own."""
    if list(at) == list(range(at[0], at[0] + len(at))):  # a slice is copied several times faster than a choice
        return np.ascontiguousarray(pixels[..., at[0] : at[0] + len(at)])
    return np.ascontiguousarray(pixels[..., list(at)])


def read_header(path: Path | str) -> dict[str, Any]:
    """A frame's header alone; no pixels are decoded. Raises: PictureError."""
    source = _open(Path(path))
    try:
        with legible(Path(path)):
            return _header_of(source.spec())
    finally:
        source.close()


def is_whole(path: Path | str, expected: Header | None = None) -> bool:
    """Whether a frame is there, complete and made with this header: `expected` must be a part of what the file says.

    No pixels are decoded: the file's table of chunks is checked against its length.
    """
    if not has_every_chunk(Path(path)):
        return False
    try:
        header = read_header(path)
    except PictureError:
        return False
    return all(_same(header.get(key), value) for key, value in (expected or {}).items())


def decodes(path: Path | str) -> bool:
    """Whether every pixel of a frame can be read. What ZIP and RLE compressed is found when it was damaged; of files
    without compression any bytes are pixels."""
    try:
        source = _open(Path(path))
    except PictureError:
        return False
    spec = source.spec()
    rows = max(16, _BAND_BYTES // (2 * spec.width * spec.nchannels) // 16 * 16)
    try:
        for y in range(spec.y, spec.y + spec.height, rows):
            end = min(y + rows, spec.y + spec.height)
            if source.read_scanlines(0, 0, y, end, 0, 0, spec.nchannels, "half") is None:
                said(source)
                return False
    finally:
        source.close()
    return True


def _open(path: Path) -> Any:
    if not path.is_file():
        raise PictureError(f"There is no file {path}; check the path.")
    said(oiio)  # of others before
    source = oiio.ImageInput.open(str(path))
    if source is None or source.format_name() != "openexr":
        raise PictureError(f"{path} is not an EXR file that can be read ({said(oiio).strip() or 'another format'}).")
    return source


def _places(names: Sequence[str]) -> dict[str, list[int]]:
    """Pass name -> where its channels are, in the order of its letters."""
    found: dict[str, dict[str, int]] = {}
    for index, full in enumerate(names):
        *parts, letter = full.split(".")
        name = parts[-1] if parts else ("Depth" if letter == "Z" else "Combined")
        found.setdefault(name, {})[letter] = index
    order = "RGBXYZWUVA"
    return {name: [at[one] for one in sorted(at, key=lambda c: order.find(c))] for name, at in found.items()}


def _header_of(spec: Any) -> dict[str, Any]:
    header = {attribute.name: attribute.value for attribute in spec.extra_attribs}
    # OpenImageIO's names for what we wrote as something else
    header["comments"] = header.pop("ImageDescription", "")
    rate = header.pop("FramesPerSecond", None) or header.pop("framesPerSecond", None)
    if rate and rate[1]:  # a broken file's rate has no denominator
        header["framesPerSecond"] = Fraction(*rate)
    return header


def _same(found: Any, wanted: str | int | float | Fraction) -> bool:
    if isinstance(wanted, float):
        return found is not None and np.float32(found) == np.float32(wanted)
    return bool(found == wanted) or (found is None and wanted == "")  # empty strings are not stored


def has_every_chunk(path: Path) -> bool:
    """Whether every chunk of a single-part scan-line EXR lies in the file, one after the other, to the last byte.

    A full disk or a killed process leaves a file whose table of chunks is missing or points past the end. The format:
    https://openexr.com/en/latest/OpenEXRFileLayout.html
    """
    try:
        with open_regular(path) as file:
            return _is_complete(file, os.fstat(file.fileno()).st_size)
    except (OSError, struct.error, KeyError, ValueError, IndexError):
        return False


def _is_complete(file: BinaryIO, size: int) -> bool:
    attributes = header_attributes(file, size)
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


def header_attributes(file: BinaryIO, size: int) -> dict[str, bytes]:
    """Name -> raw value of every header attribute of a single-part scan-line EXR of `size` bytes; the file stands at
    the chunk table afterwards. Raises: ValueError, struct.error: it is none."""
    magic, version = struct.unpack("<iI", file.read(8))
    if magic != _MAGIC or version & 0x1A00:
        raise ValueError("tiled, deep, multi-part, or no EXR")
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
