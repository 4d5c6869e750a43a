"""Uncompressed TIFF with four channels, written from an array: exactly the values, no codec, no colour management.

For pixels that Blender holds in memory only. Blender's own `Image.save` converts colours on the way.
"""

import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...core.gioconda.errors import OutputError
from ...core.gioconda.files import unwritable

LIMIT = 2**32 - 1024  # bytes: TIFF counts in 32 bits
_LONG, _SHORT = 4, 3
_RGB, _ASSOCIATED, _STRAIGHT, _UNSIGNED, _FLOAT = 2, 1, 2, 1, 3


def write_tiff(path: Path, pixels: npt.NDArray[np.float32] | npt.NDArray[np.uint8]) -> None:
    """(H, W, 4), rows from the top: uint8 with straight alpha, or float32 premultiplied.

    Raises: OutputError: the file cannot be written, the picture is too large.
    """
    height, width, channels = pixels.shape
    kind = _FLOAT if pixels.dtype == np.float32 else _UNSIGNED
    if pixels.nbytes > LIMIT:
        raise OutputError(f"The picture is too large to be written to {path}: save it as a file, and choose that.")
    entries = [
        (256, _LONG, width),
        (257, _LONG, height),
        (258, _SHORT, (8 * pixels.itemsize,) * channels),
        (259, _SHORT, 1),
        (262, _SHORT, _RGB),
        (273, _LONG, 0),
        (277, _SHORT, channels),
        (278, _LONG, height),
        (279, _LONG, pixels.nbytes),
        (338, _SHORT, _ASSOCIATED if kind == _FLOAT else _STRAIGHT),
        (339, _SHORT, (kind,) * channels),
    ]
    size = 2 + 12 * len(entries) + 4
    extra = b""
    table = struct.pack("<H", len(entries))
    start = 8 + size + 2 * 2 * channels  # of the pixels
    for tag, form, value in entries:
        if isinstance(value, tuple):
            table += struct.pack("<HHLL", tag, form, len(value), 8 + size + len(extra))
            extra += struct.pack(f"<{len(value)}H", *value)
        else:
            table += struct.pack("<HHLL", tag, form, 1, start if tag == 273 else value)
    try:
        with path.open("wb") as file:
            file.write(struct.pack("<2sHL", b"II", 42, 8) + table + b"\0\0\0\0" + extra)
            np.ascontiguousarray(pixels).tofile(file)
    except OSError as error:
        raise unwritable(path, error) from error
