"""What one task of a submission does: `gioconda farm task STAGE plan.json …`, see `plan_file` and `tasks`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from ..batch.settings import read_job
from ..job.frame_range import FrameRange
from ..job.job import LARGEST, Job
from ..worker.messages import Message, Progress, Report, Stage
from .path_map import Rule, load_rules, mapped, mapped_job, rules_between
from .plan_file import Entry, PlanFile, read_plan


class Command(Protocol):
    """Runs a command of the command line, with its words."""

    def __call__(self, *words: str) -> None: ...


def run_stage(
    arguments: argparse.Namespace, report: Report, *, render: Callable[[Job, Report], Any], command: Command
) -> None:
    """Do a task's work, item after item. `render` runs a job. Raises: GiocondaError."""
    plan, rules = read_plan(arguments.plan), load_rules(arguments.path_map)
    moved = rules_between(plan.outputs, arguments.output) if plan.outputs and arguments.output else []
    chosen = [
        (entry, frames[:1] if arguments.stage == "prepare" else frames)
        for entry, frames in plan.chosen(
            item=arguments.item, frames=arguments.frames, slots=arguments.slots, only=arguments.only
        )
    ]
    total, done = sum(len(frames) for _, frames in chosen), 0
    for entry, frames in chosen:
        share = _share_of(report, done, len(frames), total)
        job, motion = job_of(plan, entry, rules, moved, arguments.motions)
        job = replace(job, frames=FrameRange.format(frames))
        share(Stage(arguments.stage, f"{arguments.stage} {entry.name}: frames {job.frames}"))
        if arguments.stage == "prepare" and motion is not None:
            _follow(job, mapped(str(entry.clip), rules), motion, command)
        if arguments.stage == "review":
            render(job, share)
            _finish(job, entry, command)
        else:
            render(replace(job, review=None, sheet=None), share)
        done += len(frames)
    report(Progress(1, 1))


def _share_of(report: Report, done: int, count: int, total: int) -> Report:
    """Progress of one item of a task as the whole task's."""

    def tell(message: Message) -> None:
        if isinstance(message, Progress) and message.total == count:
            message = replace(message, done=done + message.done, total=total, seconds_left=None)
        report(message)

    return tell


def job_of(
    plan: PlanFile, entry: Entry, rules: list[Rule], moved: list[Rule], motions: Path | None
) -> tuple[Job, Path | None]:
    """An item's job with paths as they are here, and where the motion of its video is kept, if it has one."""

    def placed(job: Job) -> Job:
        return mapped_job(mapped_job(job, rules, "file", "folder", "local"), [*moved, *rules], "output")

    job = replace(read_job(plan.folder / f"{entry.name}.json", placed), resume=True, overwrite=False)
    if entry.clip is None:
        return job, None
    motion = (motions or plan.folder.parent / "motion") / f"{entry.name}.npz"
    return replace(job, motion=str(motion)), motion


def _follow(job: Job, clip: str, motion: Path, command: Command) -> None:
    """Follow a video once for all tasks."""
    nets = ("--models", job.models) if job.models else ()
    command("track", clip, "-o", str(motion), "--face", str(job.motion_face or LARGEST), "--device", job.device, *nets)


def _finish(job: Job, entry: Entry, command: Command) -> None:
    """What is made of all frames together, and whether everything fits."""
    if entry.delivery:
        command("deliver", job.output, *entry.delivery, *(("--keys", job.keys) if job.keys else ()))
    command("verify", str(Path(job.output).parent))
