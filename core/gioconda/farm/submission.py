"""What one submission to a farm renders: named jobs with their frame numbers. Plain data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import SettingsError
from ..job.frame_range import FrameRange
from ..job.job import Job

CHUNK = 24  # frames in one task, unless told otherwise


@dataclass(frozen=True)
class SubmissionItem:
    """One job and the frames of its motion that it renders."""

    name: str  # letters, digits, - and _; unique in its submission
    job: Job  # every path absolute
    frames: tuple[int, ...]  # ascending, at least one
    delivery: tuple[str, ...] = ()  # words for `gioconda deliver` on the finished frames; none: it is not run


@dataclass(frozen=True)
class Submission:
    """Everything that one submission to a farm renders."""

    name: str  # what the farm shows
    items: tuple[SubmissionItem, ...]  # at least one
    chunk: int = CHUNK  # frames in one task, ≥ 1
    command: str = "gioconda"  # the program on the farm's machines

    def __post_init__(self) -> None:
        """Raises: SettingsError: nothing to render, a chunk of no frames, two items of the same name."""
        if not self.items or not all(item.frames for item in self.items):
            raise SettingsError(f"There is nothing to render in “{self.name}”; give at least one job with one frame.")
        if self.chunk < 1:
            raise SettingsError(f"A task of {self.chunk} frames cannot be; give --chunk 1 or more.")
        names = [item.name for item in self.items]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise SettingsError(f"Two jobs are called “{twice}”; give them different names.")


def named_items(
    jobs: Iterable[tuple[str, Job, Sequence[int]]], delivery: Sequence[str] = ()
) -> tuple[SubmissionItem, ...]:
    """Items from (name, job, frame numbers): names that every engine takes, made unique by a number."""
    items: list[SubmissionItem] = []
    taken: set[str] = set()
    for wanted, job, frames in jobs:
        stem = re.sub(r"[^A-Za-z0-9_-]+", "_", wanted).strip("_")[:40] or "job"
        name, n = stem, 1
        while name in taken:
            n += 1
            name = f"{stem}_{n}"
        taken.add(name)
        items.append(SubmissionItem(name, job.anchored(Path.cwd()), tuple(sorted(set(frames))), tuple(delivery)))
    return tuple(items)


def chunks(frames: Sequence[int], size: int) -> list[str]:
    """Frame numbers in tasks of at most `size` frames, each as a range: ["1-24", "25-48", "50"]."""
    return [FrameRange.format(frames[i : i + size]) for i in range(0, len(frames), size)]
