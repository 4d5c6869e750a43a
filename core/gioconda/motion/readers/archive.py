"""Reading an untrusted .npz: every array's size is known and allowed before anything is unpacked."""

from __future__ import annotations

import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import MotionError, one_line
from ...files import DAMAGED_NPZ

MAX_BYTES = 2 << 30  # of all arrays: 350,000 frames with 478 landmarks
# More than so many bytes, from so many times fewer: nothing that moves packs that well.
BOMB_BYTES = 64_000_000
BOMB_RATIO = 100


def read_arrays(path: Path, known: Collection[str]) -> dict[str, npt.NDArray[Any]]:
    """The arrays of an .npz that bear a known name; no pickles.

    Raises:
        MotionError: unreadable, an unknown name, or more than `MAX_BYTES`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check(archive, path, known)
        with np.load(path, allow_pickle=False) as data:
            return {name: data[name] for name in data.files}
    except DAMAGED_NPZ as error:
        raise MotionError(f"{path} is not a motion we saved, or it is damaged ({one_line(error)})") from None


def _check(archive: zipfile.ZipFile, path: Path, known: Collection[str]) -> None:
    total, packed = 0, sum(entry.compress_size for entry in archive.infolist())
    claimed = sum(entry.file_size for entry in archive.infolist())
    if claimed > BOMB_BYTES and claimed > BOMB_RATIO * packed:
        raise ValueError(f"{packed / 1e6:.1f} MB would unpack to {claimed / 1e6:.0f} MB, which no motion does")
    for entry in archive.infolist():
        if entry.filename.removesuffix(".npy") not in known or total > MAX_BYTES:
            raise ValueError(f"it holds {entry.filename[:40]!r}")
        with archive.open(entry) as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, dtype = read(file)
        if dtype.hasobject:
            raise ValueError("it holds Python objects")
        size = dtype.itemsize
        for side in shape:
            size *= int(side)
        if size < 0 or size > entry.file_size:
            raise ValueError(f"{entry.filename} claims more than it holds")
        total += entry.file_size
    if total > MAX_BYTES:
        raise ValueError(f"it would unpack to {total >> 20} MiB, {MAX_BYTES >> 20} are the most")
