"""What one submission to a farm renders, and the command lines of its tasks: prepare, render a chunk, finish.

Prepare follows a video once for all tasks and renders the first frame: the portrait is then ready in the cache, and a
bad input fails before hundreds of tasks begin. Finish sees that every frame is whole, makes what is made of all frames
together (the preview video, the signed manifest), and verifies it.
"""

from __future__ import annotations

import os
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from ..errors import SettingsError
from ..files import make_folder, unwritable
from ..job.frame_range import FramePattern, FrameRange
from ..job.job import LARGEST, Job
from ..motion.files import is_video

CHUNK = 24  # frames in one task, unless told otherwise
FRAMES = "{frames}"  # stands for a task's frames; every engine puts its own variable there


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
        name, count = Counter(item.name for item in self.items).most_common(1)[0]
        if count > 1:
            raise SettingsError(f"Two jobs are called “{name}”; give them different names.")


def named_items(
    jobs: Iterable[tuple[str, Job, Sequence[int]]], delivery: Sequence[str] = ()
) -> tuple[SubmissionItem, ...]:
    """Items from (name, job, frame numbers): names that every engine takes, made unique by a number."""
    items: list[SubmissionItem] = []
    taken: set[str] = set()
    used: Counter[str] = Counter()  # stem → the last number that was put behind it
    for wanted, job, frames in jobs:
        name = stem = re.sub(r"[^A-Za-z0-9_-]+", "_", wanted).strip("_")[:40] or "job"
        while name in taken:
            used[stem] += 1
            name = f"{stem}_{used[stem] + 1}"
        taken.add(name)
        items.append(SubmissionItem(name, job.anchored(Path.cwd()), tuple(sorted(set(frames))), tuple(delivery)))
    return tuple(items)


def chunks(frames: Sequence[int], size: int) -> list[str]:
    """Frame numbers in tasks of at most `size` frames, each as a range: ["1-24", "25-48", "50"]."""
    return [FrameRange.format(frames[i : i + size]) for i in range(0, len(frames), size)]


@dataclass(frozen=True)
class Task:
    """What an item needs on a farm, as words of a command line without the program's name."""

    item: SubmissionItem
    job_file: Path
    tracked: Path | None  # where the motion of a video will be
    prepare: tuple[tuple[str, ...], ...]
    render: tuple[str, ...]  # FRAMES stands for the chunk
    finish: tuple[tuple[str, ...], ...]


def write_jobs(submission: Submission, folder: Path, *, relative: bool = False) -> list[Task]:
    """Write `folder`/jobs, make `folder`/motion, say what is to be run.

    relative: paths in the job files count from where these lie, so that they hold wherever the storage is mounted.

    Raises: OutputError, SettingsError.
    """
    _check_outputs(submission)
    _check_words(submission, folder)
    for name in ("jobs", "motion"):
        make_folder(folder / name)
    tasks = []
    for item in submission.items:
        face = is_video(item.job.motion) and not item.job.sound_drives
        tracked = folder / "motion" / f"{item.name}.npz" if face else None
        changes = {"resume": True, "overwrite": False, "frames": FrameRange.format(item.frames)}
        job = replace(item.job, motion=str(tracked)) if tracked else item.job
        path = folder / "jobs" / f"{item.name}.json"
        job = job.with_paths(_seen_from(job, path.parent)) if relative else job
        write_new(path, job.to_json(indent=None, **changes))
        tasks.append(_task(item, path, tracked))
    return tasks


def write_new(path: Path, text: str) -> None:
    """A file of a new folder that nobody reads yet: thousands of them take no time. Raises: OutputError."""
    try:
        try:
            path.write_text(text, encoding="utf-8")
        except FileNotFoundError:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise unwritable(path, error) from error


def _seen_from(job: Job, folder: Path) -> dict[str, str]:
    """The job's paths as they count from a folder, where they lie on the same drive."""
    changes = {}
    for name, path in job.paths("file", "folder", "output").items():
        with suppress(ValueError):
            changes[name] = Path(os.path.relpath(path, folder)).as_posix()
    return changes


# What engines put something else in place of: {{Session.…}} of Open Job Description, {variable} of Flamenco, #IFRAME#
# and others of OpenCue; and what would begin a new line in a log or a list of commands.
_REPLACED = re.compile(r"\{\{|\}\}|\{\w+\}|#[A-Za-z_]+#|[\x00-\x1f\x7f\x85\u2028\u2029]")


def _check_words(submission: Submission, folder: Path) -> None:
    """Raises: SettingsError: a path that an engine would not pass on as it is."""
    named = {"the program": submission.command, "the folder": str(folder), "the name": submission.name}
    for item in submission.items:
        named |= {f"“{name}” of {item.name}": path for name, path in item.job.paths().items()}
        wrong = next(((what, text, found) for what, text in named.items() if (found := _REPLACED.search(text))), None)
        if wrong:
            what, text, found = wrong
            raise SettingsError(
                f"{what[0].upper()}{what[1:]}, {text!r}, holds {found[0]!r}, which farms do not pass on as it is; "
                "give it another name."
            )
        named = {}


def _task(item: SubmissionItem, path: Path, tracked: Path | None) -> Task:
    run = ("job", str(path), "--resume", "--allow-outside")
    first = (*run, f"--frames={item.frames[0]}", "--no-review")
    nets = ("--models", item.job.models) if item.job.models else ()
    face = str(item.job.motion_face or LARGEST)
    follow = ("track", item.job.motion, "-o", str(tracked), "--face", face, "--device", item.job.device, *nets)
    track = (follow,) if tracked else ()
    output = str(Path(item.job.output).parent)
    keys = ("--keys", item.job.keys) if item.job.keys else ()
    deliver = (("deliver", item.job.output, *item.delivery, *keys),) if item.delivery else ()
    return Task(
        item,
        path,
        tracked,
        prepare=(*track, first),
        render=(*run, f"--frames={FRAMES}", "--no-review"),
        finish=(run, *deliver, ("verify", output)),
    )


def shell_line(program: str, words: Sequence[str], frames: str | None = None) -> str:
    """One command line for a POSIX shell, quoted; `frames` replaces FRAMES as it is, unquoted."""
    quoted = " ".join(shlex.quote(word) for word in (program, *words))
    return quoted if frames is None else quoted.replace(shlex.quote(f"--frames={FRAMES}"), f"--frames={frames}")


def _check_outputs(submission: Submission) -> None:
    seen: dict[str, str] = {}
    for item in submission.items:
        pattern = FramePattern.NUMBER.sub("#", item.job.output)
        if pattern in seen:
            raise SettingsError(
                f"“{seen[pattern]}” and “{item.name}” both write {item.job.output}; give each its own folder."
            )
        seen[pattern] = item.name


THEN = "then"  # between the commands of `farm run`
RUNNABLE = ("job", "track", "deliver", "verify")


def as_one_command(commands: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Several commands as the words of one; `split_commands` takes them apart."""
    if len(commands) == 1:
        return tuple(commands[0])
    return ("farm", "run", *[word for command in commands for word in (THEN, *command)][1:])


def split_commands(words: Sequence[str]) -> list[list[str]]:
    """["track", "a.mp4", "then", "job", "x.json"] → the words of each command of `farm run`. Raises: SettingsError."""
    ends = [i for i, word in enumerate(words) if word == THEN]
    commands = [list(words[i + 1 : j]) for i, j in pairwise((-1, *ends, len(words)))]
    wrong = next((command for command in commands if not command or command[0] not in RUNNABLE), None)
    if wrong is not None:
        raise SettingsError(f"farm run: “{' '.join(wrong)}” is none of {', '.join(RUNNABLE)} with its words.")
    return commands
