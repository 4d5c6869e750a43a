"""Write a file whole or not at all. Standard library only.

The content goes to a hidden name beside the file and is renamed when it is complete. A process killed in the middle
leaves at most that hidden file; the next attempt to write the same file removes it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from .errors import DiskFullError, OutputError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_HOST = re.sub(r"\W", "", platform.node())[:20]  # so that farm nodes leave each other's parts alone
_ALMOST_NOTHING = 64 * 1024  # bytes free below which a failed write is blamed on a full disk


@contextlib.contextmanager
def whole_file(path: Path | str) -> Iterator[Path]:
    """`with whole_file(path) as part:` write to `part`; on leaving it becomes `path`, or after an error it is gone.

    Makes the folder where it is missing. Raises: OutputError, also for any OSError inside the block.
    """
    target = Path(path)
    part = target.with_name(f".{target.name}.{_HOST}-{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target)
        if target.is_dir():
            raise OutputError(f"Cannot write {target}: there is a folder of that name; give another name.")
        # where the folder is not writable this says so better than any image library does
        part.touch()
        yield part
        with part.open("rb+") as written:
            os.fsync(written.fileno())
        part.replace(target)
    except OSError as error:
        raise unwritable(target, error) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def unwritable(path: Path, reason: OSError | str) -> OutputError:
    """The sentence for a file that could not be written; `reason` is the system's or a library's own words."""
    code = reason.errno if isinstance(reason, OSError) else None
    if code in _FULL or (code is None and _disk_is_full(path.parent)):
        return DiskFullError(f"Cannot write {path}: the disk is full; free some space and run the same command again.")
    words = (reason.strerror or str(reason)) if isinstance(reason, OSError) else reason.strip().replace("\n", "; ")
    if code in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputError(f"Cannot write {path}: {words}; choose a folder you may write to.")
    return OutputError(
        f"Cannot write {path}: {words or 'the file could not be completed'}; check the path and the disk."
    )


def _disk_is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _ALMOST_NOTHING
    except OSError:
        return False


def _sweep(target: Path) -> None:
    """Remove what processes killed on this machine left of this file; what a living one is writing stays."""
    for part in target.parent.glob(f".{_escaped(target.name)}.*.part"):
        host, _, process = part.name.split(".")[-2].rpartition("-")
        if host == _HOST and process.isdigit() and not _is_alive(int(process)):
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)


def _escaped(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _is_alive(process: int) -> bool:
    if process == os.getpid():
        return False  # our own earlier attempt
    # on Windows an open file cannot be deleted anyway
    return os.name == "posix" and is_running(process)


def is_running(process: int) -> bool:
    """Whether a process of this number (> 0) runs on this machine. POSIX only: elsewhere signal 0 would end it."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
