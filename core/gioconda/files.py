"""The file system: files written whole or not at all, their hashes, the user's own folders. Standard library only.

What is written goes to a hidden name beside the file and is renamed when it is complete. A process killed in the middle
leaves at most that hidden file; the next one that writes into the folder removes it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import platform
import re
import shutil
import stat
import struct
import sys
import time
import tokenize
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from io import BufferedReader
from pathlib import Path

from .errors import DiskFullError, GiocondaError, InputError, OutputError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_HOST = re.sub(r"\W", "", platform.node())[:20]  # so that farm nodes leave each other's parts alone
_ALMOST_NOTHING = 64 * 1024  # bytes free below which a failed write is blamed on a full disk

# Variables of the environment; only this file and `models.registry` read it.
CONFIG_VARIABLE = "GIOCONDA_CONFIG"  # a folder to use instead of the user's own
CACHE_VARIABLE = "GIOCONDA_CACHE"  # likewise
POLICY_VARIABLE = "GIOCONDA_POLICY"  # the studio's policy file
POLICY_FILE = "policy.yaml"


@contextlib.contextmanager
def whole_file(path: Path | str, *, make_folder: bool = True) -> Iterator[Path]:
    """`with whole_file(path) as part:` write to `part`; on leaving it becomes `path`, or after an error it is gone.

    A missing folder is made, or with `make_folder=False` an error. Raises: OutputError, also for any OSError inside.
    """
    target = Path(path)
    part = target.with_name(f".{target.name}.{_HOST}-{os.getpid()}.part")
    try:
        if make_folder:
            target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target.parent)
        if target.is_dir():
            raise OutputError(f"Cannot write {target}: there is a folder of that name; give another name.")
        # where the folder is not writable this says so better than any image library does
        part.open("wb").close()
        yield part
        with part.open("rb+") as written:
            os.fsync(written.fileno())
        part.replace(target)
    except OSError as error:
        raise unwritable(target, error) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def write_text(path: Path, text: str, *, make_folder: bool = True) -> None:
    """A text file, whole or not at all, UTF-8. Raises: OutputError."""
    with whole_file(path, make_folder=make_folder) as part:
        part.write_text(text, encoding="utf-8")


def make_folder(folder: Path) -> None:
    """With its parents, if it is not there. Raises: OutputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {folder} cannot be made: {error.strerror or error}.") from error


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


def _sweep(folder: Path) -> None:
    """Remove what processes killed on this machine left in a folder; what a living one is writing stays. Of a large
    folder, whose listing takes long, not for every file: a twentieth of the time at most."""
    began = time.monotonic()
    if began < _swept.get(folder, 0.0):
        return
    for part in folder.glob(".*.part"):
        host, _, process = part.name.split(".")[-2].rpartition("-")
        if host == _HOST and process.isdigit() and not _is_alive(int(process)):
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
    ended = time.monotonic()
    if len(_swept) > 1000:
        _swept.clear()
    _swept[folder] = ended + 20 * (ended - began) if ended - began > _QUICK else 0.0


_QUICK = 0.002  # seconds that any folder may take
_swept: dict[Path, float] = {}  # folder → when it is looked through again


def _is_alive(process: int) -> bool:
    if process == os.getpid():
        return True  # another thread's; `whole_file` begins its own anew
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


def open_regular(path: Path | str) -> BufferedReader:
    """A file, opened to be read; never a pipe or a device of that name, which would let us wait, or read for ever.

    Raises: OSError.
    """
    mode = os.stat(path).st_mode  # noqa: PTH116 - of text or path alike
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise OSError(errno.EINVAL, "it is a pipe or a device, no file")
    return Path(path).open("rb")


def read_regular(path: Path | str, most: int) -> bytes:
    """The content of a file as `open_regular` takes it, or its first `most` + 1 bytes. Raises: OSError."""
    with open_regular(path) as file:
        return file.read(most + 1)


# All that a damaged or foreign .npz can make zipfile, numpy and json raise.
DAMAGED_NPZ = (
    *(OSError, EOFError, MemoryError, ValueError, TypeError, LookupError, ArithmeticError, RuntimeError, SyntaxError),
    *(zipfile.BadZipFile, zlib.error, struct.error, tokenize.TokenError),
)


# Hashes ---------------------------------------------------------------------------------------------------------------


def file_sha256(path: Path | str | None, error: type[GiocondaError] = InputError) -> str:
    """Of a file's bytes, hexadecimal; "" for no file. Raises: `error`: it cannot be read."""
    if path is None:
        return ""
    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as reason:
        raise error(f"{path} cannot be read: {reason.strerror}; check the path.") from reason


def is_below(path: Path, folders: Iterable[Path]) -> bool:
    """Whether a path lies in one of the (resolved) folders or is one of them; links count as what they point to."""
    real = path.absolute().resolve()
    return any(real == folder or folder in real.parents for folder in folders)


# The user's folders ---------------------------------------------------------------------------------------------------


def config_folder() -> Path | None:
    """For keys, remembered statements and the policy: $GIOCONDA_CONFIG, else where this system keeps settings.

    None for a user without a home.
    """
    return _user_folder(
        CONFIG_VARIABLE,
        windows=("APPDATA", "AppData/Roaming", "gioconda"),
        mac="Application Support",
        other=("XDG_CONFIG_HOME", ".config"),
    )


def cache_folder() -> Path | None:
    """For prepared portraits and tracked videos unless a job names another: $GIOCONDA_CACHE, else the user's cache.

    None for a user without a home.
    """
    return _user_folder(
        CACHE_VARIABLE,
        windows=("LOCALAPPDATA", "AppData/Local", "gioconda/cache"),
        mac="Caches",
        other=("XDG_CACHE_HOME", ".cache"),
    )


def _user_folder(variable: str, *, windows: tuple[str, str, str], mac: str, other: tuple[str, str]) -> Path | None:
    if os.environ.get(variable):
        return Path(os.environ[variable])
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "win32":
        named, below, own = windows
        return Path(os.environ.get(named) or home / below) / own
    if sys.platform == "darwin":
        return home / "Library" / mac / "gioconda"
    return Path(os.environ.get(other[0]) or home / other[1]) / "gioconda"


def expanded(path: str) -> str:
    """A path with ~ and $NAME (in Windows %NAME% too) replaced; what is not set stays as it is written."""
    return os.path.expanduser(os.path.expandvars(path)) if "://" not in path else path  # noqa: PTH111


def policy_file() -> Path | None:
    """$GIOCONDA_POLICY, else policy.yaml in /etc/gioconda or in the user's folder; None where there is none."""
    named = os.environ.get(POLICY_VARIABLE)
    if named:
        return Path(named)
    system = Path("/etc") if os.name == "posix" else Path(os.environ.get("PROGRAMDATA", ""))
    candidates = [folder / POLICY_FILE for folder in (system / "gioconda", config_folder()) if folder]
    return next((path for path in candidates if path.is_file()), None)
