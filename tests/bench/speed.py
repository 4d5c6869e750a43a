"""The speed half of the benchmark: frames, stages, set-up and memory by picture size, against OpenCV's remap."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .portrait import ROOT, TimingPortrait
from .report import Column, Goal, print_goals, print_table

SIZES = (512, 1024, 2048, 4096)
QUICK_SIZES = (512, 1024)
VARIANTS = ("default passes", "all passes", "preview")


def measure(portrait: TimingPortrait, sizes: Sequence[int], *, models: Path, out: Path) -> dict[str, Any]:
    """Times every size in a process of its own; prints and returns the figures."""
    print("Speed: medians; default passes are RGBA, matte, motion vectors and STMap; x is times the remap's time")
    results = []
    for size in sizes:
        try:
            results.append(_at(size, portrait, models, out))
        except subprocess.CalledProcessError as error:
            print(f"  FAILED at {size} x {size}: {error.stderr.strip().splitlines()[-1]}")
    if not results:
        return {"failed": True}
    print_table(_FRAME_COLUMNS, [_frame_row(r) for r in results], labels=("size",))
    print("\nStages of a frame with the default passes, ms")
    _print_stages(results)
    print("\nSet-up, seconds, and most memory held, MB")
    print_table(_SETUP_COLUMNS, [_setup_row(r) for r in results], labels=("size",))
    print()
    goals = _goals(results)
    print_goals(goals)
    return {"sizes": results, "goals": [vars(g) | {"met": g.met} for g in goals]}


def _at(size: int, portrait: TimingPortrait, models: Path, out: Path) -> dict[str, Any]:
    picture = portrait.at(size, out)
    command = [sys.executable, "-m", "tests.bench.speed_child", str(size), str(picture), str(models)]
    finished = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return result


_FRAME_COLUMNS = (
    Column("remap", "remap ms", 1),
    *(c for v in VARIANTS for c in (Column(v, f"{v} ms", 1), Column(f"{v} ratio", "x"))),
)
_SETUP_COLUMNS = tuple(
    Column(key, heading)
    for key, heading in (
        ("nets", "open nets"),
        ("read", "read"),
        ("analyse", "analyse"),
        ("prepare", "matte, prepare"),
        ("peak_prepare", "MB set-up"),
        ("peak_render", "MB rendering"),
    )
)


def _frame_row(result: Mapping[str, Any]) -> dict[str, Any]:
    times = result["ms"]
    ratios = {f"{name} ratio": times[name] / times["remap"] for name in VARIANTS}
    return {"size": f"{result['size']}²"} | times | ratios


def _setup_row(result: Mapping[str, Any]) -> dict[str, Any]:
    peaks = {f"peak_{name}": value for name, value in result["peak_mb"].items()}
    return {"size": f"{result['size']}²"} | result["seconds"] | peaks


def _print_stages(results: Sequence[Mapping[str, Any]]) -> None:
    names = list(dict.fromkeys(name for r in results for name in r["stages_ms"]))
    rows = [{"stage": name} | {str(r["size"]): r["stages_ms"].get(name) for r in results} for name in names]
    print_table([Column(str(r["size"]), f"{r['size']}²", 1) for r in results], rows, labels=("stage",))


def _goals(results: Sequence[Mapping[str, Any]]) -> list[Goal]:
    """The bars of the first issue."""
    goals = []
    for result in results:
        size, times = result["size"], result["ms"]
        if size >= 1024:
            ratio = times["default passes"] / times["remap"]
            goals.append(Goal(f"frame at {size}², times the remap", ratio, at_most=1.8))
        if size == 2048:
            seconds = result["seconds"]["analyse"] + result["seconds"]["nets"]
            goals.append(Goal(f"analyse at {size}², s", seconds, at_most=10))
        if size == 4096:
            goals.append(Goal(f"most memory at {size}², MB", max(result["peak_mb"].values()), at_most=1500))
    return goals
