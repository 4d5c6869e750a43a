"""The command line over many frames: are both cores busy, does memory grow, how much does a large picture need?"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gioconda.motion.files import save_motion

from .long_take import long_take
from .portrait import TimingPortrait
from .report import Goal, print_goals
from .worker import CAN_WATCH, Moment, Run, watch

# The machine the goals are set for has two cores; elsewhere "both" means all of them.
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def measure(portrait: TimingPortrait, *, out: Path, models: Path, quick: bool) -> dict[str, Any]:
    """Runs `gioconda animate` three times, prints and returns the figures. Needs Linux."""
    if not CAN_WATCH:
        print("SKIPPED long runs: they are watched through /proc, which is not here")
        return {"skipped": True}
    print("Long runs of `gioconda animate`")
    folder = out / "long"
    motion = out / "long_take.npz"
    save_motion(long_take(10_000), motion)
    goals: list[Goal] = []
    report: dict[str, Any] = {}
    try:
        for name, experiment, amount in (
            ("busy", _busy, 40 if quick else 200),
            ("growth", _growth, 300 if quick else 1000),
            ("large", _large, 2048 if quick else 4096),
        ):
            try:
                report[name], more = experiment(portrait, motion, folder, models, amount)
                goals += more
            except RuntimeError as error:
                print(f"  FAILED: {error}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print_goals(goals)
    return report | {"goals": [vars(g) | {"met": g.met} for g in goals]}


def busy(moments: Sequence[Moment]) -> tuple[float, float, float]:
    """How the cores were used between the first and the last of these moments.

    -> share of all cores in use by us; share of what was to be had, which is what we used and what nobody used; seconds
    a frame. On a machine that does nothing else the two shares are the same.
    """
    first, last = moments[0], moments[-1]
    wall, ours = last.wall - first.wall, last.processor - first.processor
    return ours / wall / CORES, ours / (ours + last.idle - first.idle), wall / (len(moments) - 1)


def _busy(portrait: TimingPortrait, motion: Path, folder: Path, models: Path, frames: int) -> Any:
    size = 2048
    run = _animate(portrait.at(size, folder.parent), motion, folder, models, f"1-{frames}")
    share, of_free, seconds = busy(run.frames())
    print(f"  {frames} frames at {size}²: {seconds:.3f} s a frame, {run.peak_mb:.0f} MB")
    print(f"    {share:.0%} of {CORES} cores, {of_free:.0%} of what other work on the machine left of them")
    goal = Goal(f"cores busy over {frames} frames at {size}², % of what other work left", 100 * of_free, at_least=85)
    figures = {"seconds_a_frame": seconds, "busy": share, "busy_of_free": of_free, "peak_mb": run.peak_mb}
    return {"frames": frames} | figures, [goal]


def _growth(portrait: TimingPortrait, motion: Path, folder: Path, models: Path, frames: int) -> Any:
    size, early = 256, 100
    run = _animate(portrait.at(size, folder.parent), motion, folder, models, f"1-{frames}")
    moments = run.frames()
    growth = moments[-1].memory_mb - moments[early - 1].memory_mb
    print(
        f"  a 10,000-frame motion at {size}²: {moments[early - 1].memory_mb:.0f} MB after {early} frames, "
        f"{moments[-1].memory_mb:.0f} MB after {frames}"
    )
    goal = Goal(f"growth from frame {early} to {frames}, MB", growth, at_most=20)
    return {"frames": frames, "growth_mb": growth, "peak_mb": run.peak_mb}, [goal]


def _large(portrait: TimingPortrait, motion: Path, folder: Path, models: Path, size: int) -> Any:
    run = _animate(portrait.at(size, folder.parent), motion, folder, models, "1-4")
    print(f"  a whole run at {size}², from reading to writing: {run.peak_mb:.0f} MB at most, {run.wall:.0f} s")
    return {"size": size, "peak_mb": run.peak_mb}, [
        Goal(f"memory of a whole run at {size}², MB", run.peak_mb, at_most=1500)
    ]


def _animate(picture: Path, motion: Path, folder: Path, models: Path, frames: str) -> Run:
    """One run, its finished frames deleted as they come.

    Raises:
        RuntimeError: the command failed.
    """
    run = watch(
        [
            "animate",
            str(picture),
            str(motion),
            "-o",
            str(folder / "####.exr"),
            "--frames",
            frames,
            "--overwrite",
            "--consent",
            "public_domain:Gioconda's measurements",
            "--models",
            str(models),
            "--cache",
            str(folder / "cache"),
            "--neutral",
            "1",
        ],
        consume=True,
    )
    if run.exit_code != 0 or len(run.frames()) < 2:
        raise RuntimeError(f"gioconda animate {picture.name}: {run.complaint()}")
    return run
