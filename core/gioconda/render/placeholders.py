"""Frames that stand in for those not rendered yet: the portrait as it is, a whole valid EXR with every pass asked for.

Written once, then linked: a thousand of them take the disk space of one. Each says in its header what it is, and a real
frame takes its place as a whole.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from ..files import unwritable
from ..imaging.exr import is_whole
from .frame_files import FrameFiles, is_placeholder

MARK = "gioconda:placeholder"  # of the header: the identity of the portrait as it is


def missing(files: FrameFiles, numbers: list[int], mark: str) -> list[Path]:
    """Where there is neither a frame nor a placeholder of this mark, but perhaps one of another."""
    paths = [files.path(number) for number in numbers]
    return [path for path in paths if not path.exists() or (is_placeholder(path) and not is_whole(path, {MARK: mark}))]


def put(paths: list[Path], mark: str, draw: Callable[[Path], None]) -> None:
    """Make placeholders, of which `draw` writes one; a frame that appears meanwhile stays. Raises: OutputError."""
    master = paths[0].with_name(f".placeholder-{mark[:16]}-{os.getpid()}.exr")
    try:
        draw(master)
        for path in paths:
            _link(master, path)
    finally:
        with contextlib.suppress(OSError):
            master.unlink(missing_ok=True)


def _link(master: Path, path: Path) -> None:
    """Give `master` another name, unless a file has that name by now."""
    try:
        if path.exists() and is_placeholder(path):  # of another portrait
            path.unlink(missing_ok=True)
        try:
            os.link(master, path)
        except FileExistsError:
            return
        except OSError:  # not on this disk
            _copy(master, path)
    except OSError as error:
        raise unwritable(path, error) from error


def _copy(master: Path, path: Path) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.copy")
    try:
        shutil.copyfile(master, part)
        if not path.exists():
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)
