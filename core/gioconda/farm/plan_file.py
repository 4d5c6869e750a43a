"""The file beside a submission's jobs that says what its tasks do: `gioconda farm task STAGE jobs/plan.json …`.

    {"gioconda_farm": 1, "outputs": "/projects/out", "items": [{"name": "hopper", "frames": "1-24", "delivery": […],
     "clip": "/projects/clip.mp4"}]}

The job of an item is NAME.json beside it. Frames of all items together are counted through from 1, as slots, so that
one step with one range of numbers serves any number of items. `outputs`: the folder above everything that is written,
null where there is none; a farm may put another in its place.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError, SettingsError
from ..files import read_regular
from ..job.frame_range import FrameRange

NAME = "plan.json"
VERSION = 1
MAX_BYTES = 100_000_000


@dataclass(frozen=True)
class Entry:
    """What a plan says of one item."""

    name: str  # its job is NAME.json
    frames: tuple[int, ...]  # ascending
    delivery: tuple[str, ...] = ()  # words for `gioconda deliver`; none: it is not run
    clip: str | None = None  # a video that becomes the job's motion first


@dataclass(frozen=True)
class PlanFile:
    """A plan."""

    folder: Path  # where it lies
    outputs: str | None
    entries: tuple[Entry, ...]

    def chosen(
        self, *, item: int | None = None, frames: str = "", slots: str = "", only: str = ""
    ) -> Iterator[tuple[Entry, list[int]]]:
        """Entries with the frames that are wanted of them, where there are any.

        item: its number, from 1; None: all. frames: these instead of the plan's; "": the plan's. slots: a range of
        numbers counted through all items; "": all. only: none but these of any item; "": all.

        Raises: SettingsError: a range that is none, an item that is not there.
        """
        if item is not None and not 1 <= item <= len(self.entries):
            raise SettingsError(f"There is no item {item} in {self.folder / NAME}; it has 1 to {len(self.entries)}.")
        numbers, wanted = FrameRange.parse(slots).numbers(), set(FrameRange.parse(only).numbers())
        instead = FrameRange.parse(frames).numbers()
        before, at = 0, 0  # slots of the items before; the next of `numbers`
        for index, entry in enumerate(self.entries, 1):
            found: Sequence[int] = instead or entry.frames
            if numbers:
                start = at
                while at < len(numbers) and numbers[at] <= before + len(entry.frames):
                    at += 1
                found = [entry.frames[n - before - 1] for n in numbers[start:at]]
                before += len(entry.frames)
            if item in (None, index) and (left := [frame for frame in found if not wanted or frame in wanted]):
                yield entry, left


def common_folder(outputs: Sequence[str]) -> str | None:
    """The folder above all of them, None where that would be a whole disk, or where there is none."""
    try:
        found = os.path.commonpath([str(Path(path).parent) for path in outputs])
    except ValueError:  # on several drives
        return None
    return found if len(Path(found).parts) > 1 else None


def to_json(outputs: str | None, entries: Sequence[Entry]) -> str:
    """A plan as text."""
    items = [
        {
            "name": entry.name,
            "frames": FrameRange.format(entry.frames),
            **({"delivery": entry.delivery} if entry.delivery else {}),
            **({"clip": entry.clip} if entry.clip else {}),
        }
        for entry in entries
    ]
    return json.dumps({"gioconda_farm": VERSION, "outputs": outputs, "items": items}, indent=0, ensure_ascii=False)


def read_plan(path: Path) -> PlanFile:
    """Raises: InputError: it cannot be read, or is no plan."""
    try:
        data: Any = json.loads(read_regular(path, MAX_BYTES))
        if data["gioconda_farm"] != VERSION or not isinstance(data["outputs"], str | None):
            raise ValueError("of another version")
        return PlanFile(path.absolute().parent, data["outputs"], tuple(_entry(item) for item in data["items"]))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; check the path.") from error
    except (ValueError, KeyError, TypeError, RecursionError, SettingsError) as error:
        raise InputError(f"{path} is not what farm export writes; export the jobs again.") from error


def _entry(item: Any) -> Entry:
    name, clip = item["name"], item.get("clip")
    delivery = tuple(item.get("delivery", ()))
    frames = tuple(FrameRange.parse(item["frames"]).numbers())
    if Path(name).name != name or not isinstance(clip, str | None) or not all(isinstance(w, str) for w in delivery):
        raise ValueError("an item of another kind")
    return Entry(name, frames, delivery, clip)
