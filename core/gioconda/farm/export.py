"""`gioconda farm export`: a job or a batch becomes the folder that a farm's own tools submit."""

from __future__ import annotations

import argparse
import shlex
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..batch.plan import make_plan
from ..batch.settings import Delivery, read_batch, read_job
from ..errors import GiocondaError, OutputError, SettingsError
from ..imaging.video import video_info
from ..job.document import read_document
from ..job.frame_range import FrameRange
from ..job.job import REST, Job
from ..motion.files import is_video
from ..neural.choice import resolved
from ..provenance.policy import Policy
from ..provenance.rights import open_policy, with_consent
from ..render.open_motion import open_motion
from ..render.sequence import chosen_frames
from ..worker.messages import Report, Stage
from . import flamenco, opencue, openjd, shell
from .tasks import CHUNK, Submission, SubmissionItem, Task, named_items, write_jobs, write_new

# Engine → what makes its files, name in the folder → text, of a submission and its tasks.
FILES: dict[str, Callable[[Submission, Sequence[Task]], dict[str, str]]] = {
    "openjd": openjd.files,
    "deadline": openjd.files,  # a Deadline Cloud job bundle is an Open Job Description template with two files more
    "flamenco": flamenco.files,
    "opencue": opencue.files,
    "shell": shell.files,
}
NEXT = {
    "openjd": "openjd run {folder}/template.yaml",
    "deadline": "deadline bundle submit {folder}",
    "flamenco": "curl -X POST -H 'Content-Type: application/json' -d @{folder}/submit/NAME.json MANAGER/api/v3/jobs",
    "opencue": "python {folder}/outline_job.py SHOW SHOT USER",
    "shell": "sh {folder}/run.sh",
}


def export(arguments: argparse.Namespace, report: Report, *, interactive: bool) -> dict[str, Any]:
    """Run the command. Returns what was written, as plain data. Raises: GiocondaError."""
    policy = open_policy(arguments.policy)
    items = items_of(arguments.file, policy, report, interactive=interactive)
    chunk = CHUNK if arguments.chunk is None else arguments.chunk
    submission = Submission(arguments.file.stem, items, chunk, arguments.program)
    made = write(submission, arguments.to, arguments.output)
    frames = sum(len(item.frames) for item in items)
    command = NEXT[arguments.to].format(folder=shlex.quote(str(arguments.output)))
    text = f"{len(items)} jobs, {frames} frames, written to {arguments.output} for {arguments.to}. Next: {command}"
    return {"files": [str(path) for path in made], "jobs": len(items), "frames": frames, "text": text}


def write(submission: Submission, to: str, folder: Path) -> list[Path]:
    """Write a submission for an engine into a new folder. Returns the files. Raises: OutputError, SettingsError."""
    folder = folder.absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"{folder} is not empty; name a new folder.")
    try:
        tasks = write_jobs(submission, folder, relative=to == "flamenco")
        made = [task.job_file for task in tasks]
        for name, text in FILES[to](submission, tasks).items():
            made.append(folder / name)
            write_new(made[-1], text)
            if text.startswith("#!"):
                made[-1].chmod(0o755)
    except GiocondaError:  # half a submission is none
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return made


def items_of(path: Path, policy: Policy, report: Report, *, interactive: bool) -> tuple[SubmissionItem, ...]:
    """What a job file or a batch file renders. Raises: InputError, SettingsError, MotionError."""
    if "portraits" in read_document(path).data:
        return _batch_items(path, policy, report)
    job = resolved(with_consent(read_job(path), policy, interactive=interactive), report)
    return named_items([(path.stem, job, frames_of(job, report))])


def _batch_items(path: Path, policy: Policy, report: Report) -> tuple[SubmissionItem, ...]:
    plan = make_plan(read_batch(path), report, policy=policy)
    jobs, bad = [], []
    for item in plan.items:
        try:
            jobs.append((item.name, plan.usable_job(item), FrameRange.parse(plan.frames(item)[0]).numbers()))
        except GiocondaError as error:
            bad.append((item, error))
    if bad:
        more = f" ({len(bad)} items of {len(plan.items)} cannot be rendered.)" if len(bad) > 1 else ""
        raise SettingsError(f"{path}: {bad[0][0].name}: {bad[0][1]}{more}")
    return named_items(jobs, _delivery_words(plan.batch.delivery))


def _delivery_words(delivery: Delivery) -> list[str]:
    """A batch's deliverables as words for `gioconda deliver`; on a farm the EXR frames stay."""
    formats = [name for name in delivery.formats if name != "exr"]
    if not formats:
        return []
    words = ["--formats", ",".join(formats), "--alpha", delivery.alpha, "--quality", str(delivery.quality)]
    words += ["--size", str(delivery.size)] if delivery.size else []
    return words + (["--columns", str(delivery.columns)] if delivery.columns else [])


def frames_of(job: Job, report: Report) -> list[int]:
    """The frame numbers that a job renders; a video is counted, not tracked. Raises: MotionError, SettingsError."""
    if is_video(job.motion):
        report(Stage("motion", f"Counting the frames of {job.motion}"))
        count = video_info(job.motion).frames
        if count < 1:
            raise SettingsError(
                f"{job.motion} does not say how many frames it has; turn it into a motion: gioconda track."
            )
        there = list(range(count))
    elif job.motion == REST:
        return FrameRange.parse(job.frames).numbers() or [1]
    else:
        there = [int(number) for number in open_motion(job, report).frames]
    return chosen_frames(job.frames, there, report)
