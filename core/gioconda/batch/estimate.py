"""How long a batch will take and how much disk it needs, from a few frames rendered as the batch would render them."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..job.frame_range import FrameRange
from ..job.job import Job
from ..machine import free_disk
from ..worker.messages import BatchProgress, Error, Log, Report, Result, Stage
from .plan import Item, Plan
from .pool import Pool
from .resources import Share
from .run import render_request, worker_command

PORTRAITS = 3  # tried at most, where the first cannot be rendered
FRAMES = 3  # rendered to measure; the first one warms up and does not count
LONGEST = 300.0  # seconds a calibration may take
EFFICIENCY = 0.92  # of processes side by side, against one alone: they share caches and disks


@dataclass(frozen=True)
class Calibration:
    """What one process needs here."""

    start: float  # seconds until a process is ready for its first item
    portrait: float  # seconds per pixel of a portrait: analysed and made ready
    frame: float  # seconds per pixel of a frame: rendered, encoded, made into the other formats
    disk: float  # bytes per pixel of a frame, all formats


def calibrate(plan: Plan, share: Share, report: Report) -> Calibration | None:
    """Render a few frames of the first item that works, in a process like the batch's. None: none of a few did."""
    tried: dict[str, Item] = {}  # one item of each portrait
    for item in plan.items:
        if len(tried) < PORTRAITS and item.portrait.name not in tried and not plan.problem(item)[0]:
            tried[item.portrait.name] = item
    found = (_measured(plan, item, share, report) for item in tried.values())
    return next((calibration for calibration in found if calibration), None)


def _measured(plan: Plan, item: Item, share: Share, report: Report) -> Calibration | None:
    report(Stage("calibrate", f"Rendering a few frames of {item.name} to see how long the rest will take"))
    with tempfile.TemporaryDirectory(prefix="gioconda-") as name:
        folder = Path(name)
        job, count = _short(plan, item, share, folder)
        manifest = str(folder / "manifest.jsonl")
        request = render_request(job, plan.batch.delivery, manifest=manifest, overwrite=True)
        seconds, times = _run(request, share, folder, report)
        if not seconds:
            return None
        pixels = item.portrait.size[0] * item.portrait.size[1]
        size = sum(path.stat().st_size for path in (folder / "frames").rglob("*") if path.is_file())
        # the first frame carries what is done once
        each = (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else seconds.get("render", 0.0)
        deliver = seconds.get("deliver", 0.0) / count
        once = sum(seconds.get(name, 0.0) for name in ("read", "analyse", "prepare"))
        start = seconds["process"] + seconds.get("motion", 0.0)
        return Calibration(start, once / pixels, (each + deliver) / pixels, size / count / pixels)


def _short(plan: Plan, item: Item, share: Share, folder: Path) -> tuple[Job, int]:
    """The item's job cut down to a few frames, writing elsewhere, with nothing prepared before."""
    job = plan.job(item)
    numbers = FrameRange.parse(plan.frames(item)[0]).numbers()
    few = numbers[:: max(1, len(numbers) // FRAMES)][:FRAMES]
    short = replace(
        job,
        output=str(folder / "frames" / "####.exr"),
        frames=FrameRange.format(few),
        cache=str(folder / "cache"),
        review=None,
        sheet=None,
        threads=job.threads or share.threads,
    )
    return short, len(few)


def _run(
    request: Mapping[str, Any], share: Share, folder: Path, report: Report
) -> tuple[dict[str, float], list[float]]:
    """(seconds by stage, when each frame was finished); ({}, []) where the item could not be rendered."""
    times: list[float] = []
    began = time.monotonic()
    first: float | None = None
    with Pool(*worker_command(), folder) as pool:
        worker = pool.start(share.environment(1))
        worker.ask(request)
        while time.monotonic() - began < LONGEST:
            report(BatchProgress(0, 0, 0, len(times), FRAMES))  # and a chance to be stopped
            for _, _, message in pool.events(0.2):
                if isinstance(message, Error):
                    report(Log(message.text))
                if message is None or isinstance(message, Error):
                    return {}, []
                if isinstance(message, Stage) and first is None:
                    first = time.monotonic()
                if getattr(message, "path", None):
                    times.append(time.monotonic())
                if isinstance(message, Result):
                    return {**message.data["seconds"], "process": (first or began) - began}, times
    return {}, []


def estimate(plan: Plan, share: Share, calibration: Calibration | None) -> dict[str, Any]:
    """The whole plan as plain data: items, frames, disk, time, and what stands in the way."""
    items, problems, frames, pixels, portraits = [], [], 0, 0.0, {}
    for item in plan.items:
        text, code = plan.problem(item)
        if text:
            problems.append({"item": item.index, "name": item.name, "code": code, "text": text})
            continue
        numbers, count = plan.frames(item)
        size = item.portrait.size[0] * item.portrait.size[1]
        frames += count
        pixels += float(count * size)
        portraits[plan.portrait_key(item)] = size
        items.append(
            {
                "item": item.index,
                "name": item.name,
                "frames": numbers,
                "count": count,
                "size": list(item.portrait.size),
                "output": plan.output(item),
            }
        )
    facts: dict[str, Any] = {
        "batch": str(plan.batch.path),
        "portraits": len(plan.portraits),
        "motions": len(plan.motions),
        "items": len(items),
        "excluded": plan.excluded,
        "frames": frames,
        "processes": share.processes,
        "threads": share.threads,
        "why": share.reason,
        "formats": list(plan.batch.delivery.formats),
        "seconds": None,
        "disk_bytes": None,
        "free_bytes": _free(plan),
        "problems": problems,
        "list": items,
    }
    if calibration and frames:
        work = calibration.portrait * sum(portraits.values()) + calibration.frame * pixels
        facts["seconds"] = round(calibration.start + work / (share.processes * EFFICIENCY), 1)
        facts["disk_bytes"] = round(calibration.disk * pixels)
        facts["frames_per_second"] = round(frames / facts["seconds"], 2)
    return {**facts, "text": sentence(facts)}


def _free(plan: Plan) -> int | None:
    try:
        return free_disk(Path(plan.output(plan.items[0])).parent)
    except OSError:
        return None


def sentence(facts: dict[str, Any]) -> str:
    """The plan for people."""
    lines = [
        f"{facts['portraits']} portraits × {facts['motions']} motions: {facts['items']} items, {facts['frames']} frames"
        + (f" ({facts['excluded']} pairs left out)" if facts["excluded"] else ""),
        f"{facts['processes']} processes with {facts['threads']} threads each ({facts['why']})",
    ]
    if facts["seconds"] is not None:
        free = f" ({facts['free_bytes'] / 1e9:.1f} GB are free)" if facts["free_bytes"] is not None else ""
        lines.append(f"about {_time(facts['seconds'])}, {facts['disk_bytes'] / 1e9:.2f} GB{free}")
        if facts["free_bytes"] is not None and facts["free_bytes"] < facts["disk_bytes"]:
            lines.append("! The disk is too small for all of it.")
    shown = facts["list"][:12]
    width = max((len(item["name"]) for item in shown), default=0)
    for item in shown:
        size = f"{item['size'][0]} × {item['size'][1]}"
        lines.append(f"  {item['name']:<{width}}  {item['count']:>5} frames  {size:>11}  {_near(item['output'])}")
    if len(facts["list"]) > len(shown):
        lines.append(f"  … and {len(facts['list']) - len(shown)} more (--json lists all)")
    lines += [f"! {problem['name']}: {problem['text']}" for problem in facts["problems"][:20]]
    if len(facts["problems"]) > 20:
        lines.append(f"! … and {len(facts['problems']) - 20} more")
    return "\n".join(lines)


def _near(path: str) -> str:
    """As seen from here, where it lies below."""
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path


def _time(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 100 else f"{minutes / 60:.1f} h"
