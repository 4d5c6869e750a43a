"""`gioconda batch …` and `gioconda deliver`: from the command line's words to what does the work."""

from __future__ import annotations

import argparse
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..errors import InputError, SettingsError
from ..job.frame_range import FramePattern, FrameRange
from ..worker.messages import Log, Progress, Report, Result, Stage
from .settings import FORMATS, Batch, Delivery, read_batch, schema

Arguments = argparse.Namespace


def batch(arguments: Arguments, report: Report) -> None:
    """plan, run or schema. Raises: GiocondaError."""
    if arguments.action == "schema":
        text = json.dumps(schema(arguments.file or "batch"), indent=2, ensure_ascii=False)
        report(Result("batch", {"text": text}))
    elif arguments.action == "plan":
        report(Result("batch", _plan(arguments, report)))
    else:
        report(Result("batch", _run(arguments, report)))


def _plan(arguments: Arguments, report: Report) -> dict[str, Any]:
    from ..provenance.rights import open_policy
    from . import estimate, resources
    from .plan import make_plan

    confined, policy = not arguments.allow_outside, open_policy(arguments.policy)
    plan = make_plan(_batch_of(arguments), report, policy=policy, confined=confined)
    largest = max((p.size[0] * p.size[1] for p in plan.portraits), default=0)
    device = str(plan.batch.settings.get("device", "auto"))
    share = resources.share(len(plan.items), largest, device=device, wanted=arguments.processes or plan.batch.processes)
    calibration = None if arguments.no_calibration else estimate.calibrate(plan, share, report)
    return estimate.estimate(plan, share, calibration)


def _run(arguments: Arguments, report: Report) -> dict[str, Any]:
    from ..provenance.rights import open_policy
    from .plan import make_plan
    from .run import RunSettings, run

    read = _batch_of(arguments)
    report(Stage("plan", f"Reading {arguments.file}"))
    confined, policy = not arguments.allow_outside, open_policy(arguments.policy)
    plan = make_plan(read, report, policy=policy, confined=confined)
    report(Log(f"{len(plan.items)} items: {len(plan.portraits)} portraits × {len(plan.motions)} motions"))
    settings = RunSettings(
        overwrite=arguments.overwrite,
        keep_going=arguments.keep_going,
        processes=arguments.processes,
        timeout=arguments.timeout,
    )
    return run(plan, settings, report)


def _batch_of(arguments: Arguments) -> Batch:
    if not arguments.file:
        raise InputError("Which batch? Name its file: gioconda batch run npcs.yaml.")
    return read_batch(arguments.file)


def deliver(arguments: Arguments, report: Report) -> None:
    """Other formats of finished frames. Raises: GiocondaError."""
    from ..imaging.exr_read import read_header
    from ..provenance.manifest import frame_numbers
    from .deliver import Frames
    from .deliver import deliver as make

    formats = tuple(name.strip().lower() for name in arguments.formats.split(",") if name.strip())
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        raise SettingsError(f"There is no format “{', '.join(unknown)}”; choose from {', '.join(FORMATS[1:])}.")
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
    files = [str(path) for path in made]
    report(Result("deliver", {"files": files, "text": text + (" …" if len(made) > 4 else "")}))
