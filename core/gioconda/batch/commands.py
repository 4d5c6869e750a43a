"""`gioconda batch …` and `gioconda deliver`: from the command line's words to what does the work."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..errors import InputError, SettingsError
from ..job.frame_range import FramePattern, FrameRange
from ..job.job import Job
from ..worker.messages import Log, Progress, Report, Stage
from .settings import FORMATS, Delivery, read_batch, schema

Arguments = argparse.Namespace


def batch(arguments: Arguments, report: Report) -> dict[str, Any]:
    """plan, run or schema. Returns the result's data. Raises: GiocondaError."""
    if arguments.action == "schema":
        return {"text": json.dumps(schema(arguments.file or "batch"), indent=2, ensure_ascii=False)}
    from ..provenance.rights import open_policy
    from . import estimate
    from .plan import make_plan
    from .run import RunSettings, run, share_of

    if not arguments.file:
        raise InputError("Which batch? Name its file: gioconda batch run npcs.yaml.")
    read, only_plan = read_batch(arguments.file), arguments.action == "plan"
    if not only_plan:
        report(Stage("plan", f"Reading {arguments.file}"))
    plan = make_plan(read, report, policy=open_policy(arguments.policy), confined=not arguments.allow_outside)
    if only_plan:
        share = share_of(plan, len(plan.items), arguments.processes)
        calibration = None if arguments.no_calibration else estimate.calibrate(plan, share, report)
        return estimate.estimate(plan, share, calibration)
    report(Log(f"{len(plan.items)} items: {len(plan.portraits)} portraits × {len(plan.motions)} motions"))
    settings = RunSettings(arguments.overwrite, arguments.keep_going, arguments.processes, arguments.timeout)
    return run(plan, settings, report)


def deliver(arguments: Arguments, report: Report) -> dict[str, Any]:
    """Other formats of finished frames. Returns the result's data. Raises: GiocondaError."""
    from ..imaging.exr_read import read_header
    from ..provenance.manifest import frame_numbers
    from ..provenance.sign import sign_delivered
    from .deliver import Frames
    from .deliver import deliver as make

    formats = formats_of(arguments.formats)
    output, pattern = Path(arguments.output), FramePattern.parse(arguments.output)
    frames = Frames(
        pattern,
        FrameRange.parse(arguments.frames).numbers() or sorted(frame_numbers(output.name, output.parent).values()),
    )
    if not frames.numbers:
        raise InputError(f"There is no frame {arguments.output}; check the pattern.")
    rate = arguments.fps or float(read_header(pattern.path(frames.numbers[0])).get("framesPerSecond", Fraction(24)))
    delivery = Delivery(formats, arguments.size, arguments.alpha, arguments.columns, arguments.quality)
    total = len(frames.numbers)
    done = iter(range(1, total + 1))
    made = make(frames, delivery, fps=rate, on_frame=lambda number: report(Progress(next(done), total, frame=number)))
    text = f"{total} frames at {rate:g} per second: " + ", ".join(str(path) for path in made[:4])
    sign_delivered(arguments.output, made, arguments.keys, report)
    files = [str(path) for path in made]
    return {"files": files, "text": text + (" …" if len(made) > 4 else "")}


def formats_of(text: str) -> tuple[str, ...]:
    """ "png, WebM" → ("png", "webm"). Raises: SettingsError: one there is not, or none."""
    formats = tuple(dict.fromkeys(name.strip().lower() for name in text.split(",") if name.strip()))
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        raise SettingsError(f"There is no format “{', '.join(unknown)}”; choose from {', '.join(FORMATS)}.")
    return formats


def deliver_job(job: Job, delivery: Delivery, rendered: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Other formats of the frames that a job rendered; without “exr” among them the EXR frames and their manifest go.

    `rendered`: what `render.sequence.render` returned. Returns it with the files. Raises: GiocondaError.
    """
    from ..imaging.exr_read import read_header
    from ..provenance.manifest import manifest_path
    from ..provenance.sign import sign_delivered
    from .deliver import Frames
    from .deliver import deliver as make

    frames = Frames(FramePattern.parse(job.output), FrameRange.parse(rendered["frames"]).numbers())
    rate = float(read_header(frames.pattern.path(frames.numbers[0])).get("framesPerSecond", Fraction(24)))
    report(Stage("deliver", f"Making {', '.join(delivery.formats)}"))
    made = make(frames, delivery, fps=rate, on_frame=lambda number: report(Progress(0, 0, frame=number)))
    sign_delivered(job.output, made, job.keys, report)
    if "exr" not in delivery.formats:
        for number in frames.numbers:
            frames.pattern.path(number).unlink(missing_ok=True)
        manifest_path(job.output).unlink(missing_ok=True)  # it speaks of those frames
    shown = ", ".join(str(path) for path in made[:4]) + (" …" if len(made) > 4 else "")
    return {**rendered, "files": [str(path) for path in made], "text": f"{rendered['text']}; {shown}"}
