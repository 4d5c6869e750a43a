"""A job from first frame to last: open motion and portrait, retarget, render and write each frame.

The main thread renders; a `Spool` encodes on all cores and writes in order. A frame is rendered in bands of rows, so
that memory does not grow with the picture, and appears under its name only when it is whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from . import __version__
from .color import Floats
from .engine import CHANNELS, Portrait, place, render_rows
from .errors import SettingsError
from .exr import provenance
from .frames import FrameFiles, OpenFrame, check_output, identity, settings_of
from .inputs import Opened, file_sha256, open_motion, open_portrait
from .models import load_registry
from .pose import Performance, Pose
from .protocol import TAKE, Job, Progress, Report, Stage, Warn
from .retarget import RetargetSettings, retarget
from .review import Preview
from .sequence import FrameRange
from .spool import Spool

BAND_BYTES = 16_000_000  # of rendered rows in one band
BANDS = 6  # waiting, being encoded or being written; one more is being rendered


def render(job: Job, report: Report, *, opener: Callable[[Job, Report], Opened] = open_portrait) -> dict[str, Any]:
    """Run a job. Returns what was made, as plain data.

    opener: opens the portrait; another one may have it open already.

    Raises:
        GiocondaError: anything the user can put right; finished frames stay, unfinished ones leave nothing behind.
    """
    started = time.monotonic()
    motion = open_motion(job, report)
    there = [int(number) for number in motion.frames]
    settings = retarget_settings(job, there)
    numbers = chosen_frames(job.frames, there, report)
    check_output(job, numbers)
    opened = opener(job, report)
    performance = retarget(motion, opened.portrait.landmarks, settings)
    files = frame_files(job, opened, performance.fps)
    report(Stage("render", f"Rendering {len(numbers)} frames of {files.size[0]} × {files.size[1]} to {job.output}"))
    with Preview(fps=performance.fps, video=job.review, sheet=job.sheet) as preview:
        if job.review or job.sheet:
            files.looks.append(preview.add)
        kept = write_frames(job, files, opened.portrait, performance, numbers, report)
    return summary(job, files, numbers, kept, time.monotonic() - started)


def summary(job: Job, files: FrameFiles, numbers: list[int], kept: int, seconds: float) -> dict[str, Any]:
    """What a job made, with the sentence for people."""
    new = len(numbers) - kept
    where = ", ".join(str(path) for path in (files.path(numbers[0]).parent, job.review, job.sheet) if path)
    text = f"{new} frames in {seconds:.1f} s: {where}"
    return {
        "frames": FrameRange.format(numbers),
        "rendered": new,
        "kept": kept,
        "seconds": round(seconds, 2),
        "output": job.output,
        "review": job.review,
        "sheet": job.sheet,
        "text": text + (f" ({kept} frames were whole already)" if kept else ""),
    }


def write_frames(
    job: Job, files: FrameFiles, portrait: Portrait, performance: Performance, numbers: list[int], report: Report
) -> int:
    """Render what is missing, in order, writing beside rendering. Returns how many frames were kept as they were."""
    progress = Counter(len(numbers), report)
    index = {int(number): i for i, number in enumerate(performance.frames)}
    kept = 0
    try:
        with Spool(BANDS, workers=job.threads) as spool:
            for number in numbers:
                if files.is_kept(number):
                    kept += 1
                    finish: Callable[[], None] = partial(files.show_again, number)
                else:
                    frame = OpenFrame(files, number)
                    for row, passes in bands(job, files, portrait, performance, index[number]):
                        spool.put(partial(frame.rows, row, len(passes["Combined"])), *frame.pieces(row, passes))
                    finish = frame.finish
                spool.put(partial(progress, number, str(files.path(number)), finish))
    finally:
        files.abandon()
    return kept


def bands(
    job: Job, files: FrameFiles, portrait: Portrait, performance: Performance, i: int
) -> Iterator[tuple[int, dict[str, Floats]]]:
    """A frame from top to bottom: (first row, passes of (rows, W, channels) float32)."""
    width, height = files.size
    previous, following = (neighbour(performance, i, step) for step in (-1, 1))
    placed = place(portrait, performance[i], previous=previous, following=following)
    step = band_rows(width, sum(CHANNELS[name] for name in files.passes))
    for row in range(0, height, step):
        frame = render_rows(placed, row, min(step, height - row), passes=files.passes, smooth_edges=not job.draft)
        yield row, frame.passes


def band_rows(width: int, channels: int) -> int:
    """Rows in a band: a multiple of 16, the height of EXR's blocks."""
    return max(16, BAND_BYTES // (4 * width * channels) // 16 * 16)


def retarget_settings(job: Job, frames: list[int]) -> RetargetSettings:
    """The job's, with the number of the neutral frame turned into its index among the motion's `frames`.

    Raises:
        SettingsError: a field that does not exist, a value that cannot be used, a neutral frame that is not there.
    """
    if not isinstance(job.neutral, int):
        return RetargetSettings.from_dict({"neutral": job.neutral or "auto", **job.retarget})
    if job.neutral not in frames:
        raise SettingsError(
            f"The neutral frame {job.neutral} is not in the motion; it has {FrameRange.format(frames)}."
        )
    return RetargetSettings.from_dict({"neutral": frames.index(job.neutral), **job.retarget})


def neighbour(performance: Performance, i: int, step: int) -> Pose | None:
    """The pose of the frame number just before (-1) or after (1), None where the motion has none."""
    j = i + step
    if not 0 <= j < len(performance) or performance.frames[j] - performance.frames[i] != step:
        return None
    return performance[j]


def chosen_frames(text: str, there: list[int], report: Report) -> list[int]:
    """The motion's frames that a range asks for; its numbers in a gap of the motion are told and left out.

    Raises:
        SettingsError: a number lies before the motion's first or after its last frame.
    """
    wanted = FrameRange.parse(text).numbers()
    if not wanted:
        return there
    outside = [number for number in (wanted[0], wanted[-1]) if not there[0] <= number <= there[-1]]
    if outside:
        raise SettingsError(f"There is no frame {outside[0]} in the motion; it has {FrameRange.format(there)}.")
    missing = sorted(set(wanted) - set(there))
    if missing:
        report(Warn(f"The motion has no frame {FrameRange.format(missing)}: left out."))
    chosen = sorted(set(wanted) & set(there))
    if not chosen:
        raise SettingsError(f"The motion has none of the frames {text}; it has {FrameRange.format(there)}.")
    return chosen


def frame_files(job: Job, opened: Opened, fps: float) -> FrameFiles:
    """Where the frames go, with the header each of them gets."""
    motion = TAKE if job.motion == TAKE else file_sha256(job.motion)
    contents = {
        "portrait": opened.sha256,
        "motion": motion,
        **{name: file_sha256(getattr(job, name)) for name in ("points", "matte", "plate")},
        "ocio": job.ocio if job.ocio and "://" in job.ocio else file_sha256(job.ocio),
        **{
            name: model.sha256 for name, model in load_registry(Path(job.models) if job.models else None).models.items()
        },
    }

    def header(number: int) -> dict[str, Any]:
        return provenance(
            software=f"Gioconda {__version__}", frame=number, fps=fps, pixel_aspect=opened.pixel_aspect,
            source_sha256=opened.sha256, motion_sha256=motion, settings=settings_of(job), job=job_hash,
        )  # fmt: skip

    job_hash = identity(job, contents)
    return FrameFiles(job, (opened.portrait.width, opened.portrait.height), header, opened.display)


class Counter:
    """Finishes frames, counts them and tells how long the rest will take. Called on the writing thread."""

    def __init__(self, total: int, report: Report) -> None:
        self.total, self.report = total, report
        self.done = 0
        self.started = time.monotonic()

    def __call__(self, number: int, path: str, finish: Callable[[], None]) -> None:
        finish()
        self.done += 1
        each = (time.monotonic() - self.started) / self.done
        left = round(each * (self.total - self.done), 1)
        self.report(Progress(self.done, self.total, frame=number, path=path, seconds_left=left))
