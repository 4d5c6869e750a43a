"""The command lines that a farm's tasks run, the same for every engine: prepare, render a chunk, finish.

Prepare follows a video once for all tasks and renders the first frame: the portrait is then ready in the cache, and a
bad input fails before hundreds of tasks begin. Finish sees that every frame is whole, makes what is made of all frames
together (the preview video, the signed manifest), and verifies it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import SettingsError
from ..files import write_text
from ..job.frame_range import FrameRange
from ..job.job import LARGEST, Job
from ..motion.files import is_video
from .submission import Submission, SubmissionItem

FRAMES = "{frames}"  # stands for a task's frames; every engine puts its own variable there


@dataclass(frozen=True)
class Task:
    """What an item needs on a farm, as words of a command line without the program's name."""

    item: SubmissionItem
    job_file: Path
    tracked: Path | None  # where the motion of a video will be
    prepare: tuple[tuple[str, ...], ...]
    render: tuple[str, ...]  # FRAMES stands for the chunk
    finish: tuple[tuple[str, ...], ...]


def write_jobs(submission: Submission, folder: Path) -> list[Task]:
    """Write every item's job file into `folder`/jobs, make `folder`/motion, and say what is to be run.

    Raises:
        OutputError: the folder cannot be written.
        SettingsError: two items write the same frames.
    """
    _check_outputs(submission)
    (folder / "motion").mkdir(parents=True, exist_ok=True)
    tasks = []
    for item in submission.items:
        tracked = folder / "motion" / f"{item.name}.npz" if _is_video(item.job) else None
        job = replace(
            item.job,
            motion=str(tracked or item.job.motion),
            resume=True,
            overwrite=False,
            frames=FrameRange.format(item.frames),
        )
        path = folder / "jobs" / f"{item.name}.json"
        write_text(path, job.to_json())
        tasks.append(_task(item, path, tracked))
    return tasks


def _task(item: SubmissionItem, path: Path, tracked: Path | None) -> Task:
    run = ("job", str(path), "--resume", "--allow-outside")
    first = (*run, f"--frames={item.frames[0]}", "--no-review")
    nets = ("--models", item.job.models) if item.job.models else ()
    follow = ("track", item.job.motion, "-o", str(tracked), "--face", LARGEST, "--device", item.job.device, *nets)
    track = (follow,) if tracked else ()
    output = str(Path(item.job.output).parent)
    deliver = (("deliver", item.job.output, *item.delivery),) if item.delivery else ()
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


def _is_video(job: Job) -> bool:
    return is_video(job.motion)


def _check_outputs(submission: Submission) -> None:
    seen: dict[str, str] = {}
    for item in submission.items:
        pattern = re.sub(r"#+|@+|%0?\d*d", "#", item.job.output)
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
    """What `farm run` runs: ["track", "a.mp4", …, "then", "job", "x.json"] → one list of words a command.

    Raises:
        SettingsError: a command that farm tasks do not run.
    """
    commands: list[list[str]] = [[]]
    for word in words:
        if word == THEN:
            commands.append([])
        else:
            commands[-1].append(word)
    wrong = next((command for command in commands if not command or command[0] not in RUNNABLE), None)
    if wrong is not None:
        raise SettingsError(f"farm run: “{' '.join(wrong)}” is none of {', '.join(RUNNABLE)} with its words.")
    return commands
