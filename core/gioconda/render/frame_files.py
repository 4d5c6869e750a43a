"""Where frames go: their names, their headers, which are kept, and what is made of them for looking at.

The methods of an `OpenFrame` run on the writing thread, its pieces on several at once.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..arrays import Float32
from ..errors import CancelledError, OutputError, PictureError
from ..external.folder import read_notice
from ..files import file_sha256, open_regular, unwritable
from ..imaging.color import Display, display_srgb
from ..imaging.exr import ExrWriter, check_compression, decodes, is_whole, read_exr
from ..imaging.exr_read import has_every_chunk, read_header
from ..imaging.image import write_png
from ..job.frame_range import FramePattern, FrameRange
from ..job.job import PATHS, Job, names_file
from ..job.passes import FLOAT32_PASSES
from ..machine import cores
from ..neural.choice import used_models
from ..pose import Pose
from ..provenance.manifest import PreviousManifest
from ..provenance.sign import signed_before
from ..worker.messages import Progress, Report, Warn

PROCESSOR = "cpu"  # in a frame's header: rendered by the engine's own kernels
_HEADER_BYTES = 65536  # of an EXR, that hold its header
_EXR = b"\x76\x2f\x31\x01"
_LISTEN_SECONDS = 0.5  # between two moments at which looking through finished frames can be stopped


def contents_of(job: Job, **known: str) -> dict[str, str]:
    """What a job's frames are made of: setting or network → SHA-256; what is no file stands for itself.

    known: hashes that were made before.

    Raises: InputError: a file cannot be read; ModelError, SettingsError: the networks or the engine cannot be used.
    """
    contents = dict(known)
    for name, kind in PATHS.items():
        if kind == "file" and name not in known:
            value = getattr(job, name)
            contents[name] = file_sha256(value) if names_file(name, value) else value or ""
    of_persons = {name: path for name, path in job.paths("file").items() if name.startswith("persons[")}
    contents |= {name: file_sha256(path) for name, path in of_persons.items() if name not in known}
    contents |= {name: model.sha256 for name, model in used_models(job).items()}
    return contents | ({"engine": read_notice(Path(job.engine)).digest()} if job.engine else {})


def frame_fingerprint(job_fingerprint: str, poses: Iterable[Pose | None]) -> str:
    """A hash of all that one frame depends on: `poses` are its own, and its neighbours' where a pass shows them."""
    digest = hashlib.sha256(job_fingerprint.encode())
    for pose in poses:
        parts = () if pose is None else (pose.displacement, pose.rotation, pose.translation, np.float64(pose.scale))
        digest.update(b"|%d" % len(parts))
        for part in parts:
            digest.update((np.asarray(part, np.float64) + 0.0).tobytes())  # + 0: no minus zero
    return digest.hexdigest()


def is_ours(path: Path) -> bool:
    """Whether a file is a frame of this program, whole or not, of whatever job. An empty file is nobody's: True."""
    return _has(path, b"gioconda:job") or not path.stat().st_size


def is_placeholder(path: Path) -> bool:
    """Whether a frame only stands in for one that is not rendered yet, see `placeholders`."""
    return _has(path, b"gioconda:placeholder")


def _has(path: Path, attribute: bytes) -> bool:
    """Whether a file is an EXR whose header has an attribute. Raises: OutputError where it cannot be read."""
    try:
        with open_regular(path) as file:
            head = file.read(_HEADER_BYTES)
    except OSError as error:
        raise unwritable(path, error) from error
    return head.startswith(_EXR) and attribute + b"\0" in head


def check_output(job: Job, numbers: list[int]) -> None:
    """Before any work: the folder can be written, the compression suits, nothing is there that must not be replaced.

    --resume replaces what is ours: placeholders, frames cut off, frames that would come out differently now.

    Raises: OutputError, SettingsError.
    """
    check_compression(job.compression, job.passes)
    pattern = FramePattern.parse(job.output)
    folder = pattern.path(0).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise unwritable(folder, error) from error
    if job.overwrite:
        return
    there = [path for path in map(pattern.path, numbers) if path.is_file() and not is_placeholder(path)]
    foreign = [path for path in there if not is_ours(path)]
    if job.resume and foreign:
        raise OutputError(
            f"{foreign[0]} is no frame of Gioconda's ({len(foreign)} of {len(there)} files there are not): "
            "--overwrite replaces it, another -o leaves it alone."
        )
    if there and not job.resume:
        raise OutputError(
            f"{there[0]} is there already ({len(there)} of {len(numbers)} frames are): --resume keeps what would come "
            "out the same, --overwrite replaces them, another -o leaves them alone."
        )


Look = Callable[[int, npt.NDArray[np.uint8]], None]  # takes a frame's number and its picture (H, W, 3) uint8 sRGB


class FrameFiles:
    """The frames of one job on disk."""

    def __init__(
        self, job: Job, size: tuple[int, int], header: Callable[[int | None], dict[str, Any]], display: Display
    ) -> None:
        """`size`: (width, height), pixels. `header`: frame number (None: the portrait as it is) → the EXR's header."""
        self.job, self.size, self.header, self.display = job, size, header, display
        self.pattern = FramePattern.parse(job.output)
        self.passes = ("Combined", *(name for name in job.passes if name != "Combined"))
        self.looks: list[Look] = []  # who else sees each frame: a video, a contact sheet
        self.begun: OpenFrame | None = None

    def path(self, number: int) -> Path:
        return self.pattern.path(number)

    def writer(self, path: Path, header: Mapping[str, Any]) -> ExrWriter:
        """For one frame, as the job wants them."""
        return ExrWriter(
            path,
            *self.size,
            self.passes,
            header=header,
            compression=self.job.compression,
            float32=("all",) if self.job.full_float else FLOAT32_PASSES,
        )

    def kept(self, numbers: Iterable[int], report: Report) -> set[int]:
        """The frames that are there, whole, undamaged, and as they would come out now; of the others it is said why
        they are rendered again. (--overwrite keeps none.)"""
        if self.job.overwrite:
            return set()
        numbers = list(numbers)
        again: defaultdict[str, list[int]] = defaultdict(list)
        sound: set[int] = set()
        pool = ThreadPoolExecutor(self.job.threads or cores())
        try:
            listened = time.monotonic()
            for number, why in zip(numbers, pool.map(self._why_again, numbers), strict=True):
                if why is None:
                    sound.add(number)
                elif why:
                    again[why].append(number)
                if time.monotonic() - listened > _LISTEN_SECONDS:
                    listened = time.monotonic()
                    report(Progress(0, len(numbers)))  # may be told to stop
        finally:
            pool.shutdown(cancel_futures=True)
        for why, which in again.items():
            report(Warn(f"Frame{'s' if len(which) > 1 else ''} {FrameRange.format(which)} rendered again: {why}."))
        return sound

    def _why_again(self, number: int) -> str | None:
        """Why a frame has to be rendered; "" where there is none yet, None where it is kept."""
        path = self.path(number)
        if not path.is_file() or is_placeholder(path):
            return ""
        header = self.header(number)
        if not is_whole(path, {name: header[name] for name in ("gioconda:job", "imageCounter")}):
            return _what_differs(path, header)
        signed = self._signed.digest(number, path) if self._signed else None
        undamaged = file_sha256(path, OutputError) == signed if signed else decodes(path)
        return None if undamaged else "what is on disk was damaged since"

    @cached_property
    def _signed(self) -> PreviousManifest | None:
        """What this user signed of these frames before: a hash tells damage sooner than decoding, and always."""
        return signed_before(self.job)

    def show_again(self, number: int) -> None:
        """Let the looks see a kept frame."""
        if self.looks or self.job.png:
            passes, _ = read_exr(self.path(number), ("Combined",))
            self._show(number, display_srgb(passes["Combined"], exposure=self.display))

    def _show(self, number: int, srgb: npt.NDArray[np.uint8]) -> None:
        if self.job.png:
            write_png(self.path(number).with_suffix(".png"), srgb)
        for look in self.looks:
            look(number, srgb)

    def abandon(self) -> None:
        """After a failure: leave nothing of the frame that was being written."""
        if self.begun:
            self.begun.writer.__exit__(CancelledError, CancelledError("abandoned"), None)


def _what_differs(path: Path, now: Mapping[str, Any]) -> str:
    """Why a frame on disk is not the one that its header would be `now`, for people."""
    if not has_every_chunk(path):
        return "what is on disk is cut off"
    try:
        then = read_header(path)
    except PictureError:
        return "what is on disk was damaged since"
    made, is_made = (header.get("gioconda:version", 0) for header in (then, now))
    if made != is_made or then.get("Software") != now["Software"]:
        engine = f", engine {made}" if made else ""
        return (
            f"made by {then.get('Software') or 'another version'}{engine}; this is {now['Software']}, engine {is_made}"
        )
    differs = {"gioconda:source": "the portrait", "gioconda:settings": _settings_that_differ(then, now)}
    changed = [what for name, what in differs.items() if then.get(name, "") != now[name]]
    return f"{' and '.join(changed)} changed" if changed else "the motion, networks or other files changed"


def _settings_that_differ(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    try:
        before, after = (json.loads(header["gioconda:settings"]) for header in (then, now))
        names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
        return "settings"
    return f"“{'”, “'.join(names)}”" if names else "settings"


class OpenFrame:
    """A frame being written: `rows` from top to bottom, then `finish`; before, the rows' `pieces` on any thread."""

    def __init__(self, files: FrameFiles, number: int, *, renderer: str = PROCESSOR) -> None:
        """renderer: what draws it, for the header: “cpu” or “graph/” and a device."""
        job = files.job
        self.files, self.number = files, number
        # no part of the frame's hash: both draw the same within a stated tolerance, and farms have both
        header = {**files.header(number), "gioconda:renderer": renderer}
        self.writer = files.writer(files.path(number), header)
        width, height = files.size
        shown = bool(files.looks) or job.png
        self.srgb = np.empty((height, width, 3), np.uint8) if shown else None

    def pieces(self, row: int, passes: Mapping[str, Float32]) -> list[Callable[[], Any]]:
        """What is to be made of rows before `rows` can write them."""
        show = [] if self.srgb is None else [partial(self._show_rows, self.srgb, row, passes["Combined"])]
        return [*show, *self.writer.pieces(passes)]

    def _show_rows(self, srgb: npt.NDArray[np.uint8], row: int, band: Float32) -> None:
        srgb[row : row + len(band)] = display_srgb(band, exposure=self.files.display)

    def rows(self, row: int, count: int, *made: Any) -> None:
        """The next `count` rows, from what their pieces returned."""
        if row == 0:
            self.writer.__enter__()
            self.files.begun = self
        self.writer.write_pieces(row, count, *made[self.srgb is not None :])

    def finish(self) -> None:
        self.files.begun = None
        self.writer.__exit__(None, None, None)
        if self.srgb is not None:
            self.files._show(self.number, self.srgb)
