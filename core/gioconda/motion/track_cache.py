"""Tracked videos kept on disk beside the prepared portraits, found again by the content of what they were made from."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from .. import ENGINE_VERSION
from ..errors import GiocondaError
from ..files import file_sha256
from .files import load_motion, save_motion
from .motion import Motion

MAX_KEPT = 200  # a minute of video takes some 8 MB


def key_of(video: Path, nets: Iterable[str], face: int | str | None) -> str:
    """A hash of all that a tracked motion depends on; `nets`: their hashes. Raises: InputError."""
    facts = f"{ENGINE_VERSION} {face} {' '.join(sorted(nets))} {file_sha256(video)}"
    return hashlib.sha256(facts.encode()).hexdigest()


def load(folder: Path, key: str) -> Motion | None:
    """The motion kept under a key; None where there is none that is whole."""
    path = _path(folder, key)
    if not path.is_file():
        return None
    try:
        motion = load_motion(path)
    except GiocondaError:
        return None
    with suppress(OSError):
        os.utime(path)  # used just now
    return motion


def save(folder: Path, key: str, motion: Motion) -> None:
    """Keep a motion; of more than `MAX_KEPT`, those go that were not used for longest. Raises: OutputError."""
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    save_motion(motion, _path(folder, key))
    with suppress(OSError):
        kept = sorted(folder.glob("track-*.npz"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in kept[MAX_KEPT:]:
            path.unlink()


def _path(folder: Path, key: str) -> Path:
    return folder / f"track-{key}.npz"
