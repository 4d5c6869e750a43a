"""The speed half of the benchmark: frames, stages, set-up and memory by picture size, against OpenCV's remap."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .portrait import ROOT, TimingPortrait
from .report import Column, Goal, print_goals, print_table

SIZES = (512, 1024, 2048, 4096)
QUICK_SIZES = (512, 1024)
# Read by our kernels, OpenMP and BLAS when a process starts.
ONE_THREAD = {"GIOCONDA_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
VARIANTS = ("default passes", "all passes", "preview")


def measure(
    portrait: TimingPortrait, sizes: Sequence[int], *, models: Path, out: Path, one_thread: bool
) -> dict[str, Any]:
    """Times every size in a process of its own; prints and returns the figures."""
    print(
        "Speed: medians. Default passes: RGBA, matte, motion vectors, STMap. x: times the remap's time; (cpu): the same"
    )
    print(f"in processor time, which other work on the machine disturbs less (load now: {_load()})")
    results = []
    for size in sizes:
        try:
            results.append(_at(size, portrait, models, out, one_thread))
        except subprocess.CalledProcessError as error:
            print(f"  FAILED at {size} x {size}: {error.stderr.strip().splitlines()[-1]}")
    if not results:
        return {"failed": True}
    print_table(_FRAME_COLUMNS, [_frame_row(r) for r in results], labels=("size",))
    print("\nStages of a frame with the default passes, ms")
    _print_stages(results)
    print("\nSet-up, seconds, and the most memory held during each stage, MB")
    print_table(_SETUP_COLUMNS, [_setup_row(r) for r in results], labels=("size",))
    for result in results:
        if result["exr"]:
            print(f"\nWriting one EXR of the default passes at {result['size']}², by compression")
            print_table(_EXR_COLUMNS, result["exr"], labels=("compression",))
    print()
    goals = _goals(results)
    print_goals(goals)
    return {"sizes": results, "goals": [vars(g) | {"met": g.met} for g in goals]}


def _at(size: int, portrait: TimingPortrait, models: Path, out: Path, one_thread: bool) -> dict[str, Any]:
    picture = portrait.at(size, out)
    command = [sys.executable, "-m", "tests.bench.speed_child", str(size), str(picture), str(models)]
    environment = dict(os.environ) | (ONE_THREAD if one_thread else {})
    finished = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return result


_FRAME_COLUMNS = (
    Column("remap", "remap ms", 1),
    *(
        column
        for name in VARIANTS
        for column in (Column(name, f"{name} ms", 1), Column(f"{name} wall", "x"), Column(f"{name} processor", "(cpu)"))
    ),
)
_SETUP_COLUMNS = (
    Column("read", "read, open nets"),
    Column("analyse", "find the face"),
    Column("prepare", "matte, prepare"),
    Column("mb_read", "MB reading", 0),
    Column("mb_analyse", "finding", 0),
    Column("mb_prepare", "preparing", 0),
    Column("mb_render", "rendering", 0),
)
_EXR_COLUMNS = (Column("wall", "ms", 0), Column("processor", "cpu ms", 0), Column("mb", "MB", 1))


def _frame_row(result: Mapping[str, Any]) -> dict[str, Any]:
    times = result["ms"]
    ratios = {f"{name} {kind}": times[kind][name] / times[kind]["remap"] for name in VARIANTS for kind in times}
    return {"size": f"{result['size']}²"} | times["wall"] | ratios


def _setup_row(result: Mapping[str, Any]) -> dict[str, Any]:
    peaks = {f"mb_{name}": value for name, value in result["peak_mb"].items()}
    return {"size": f"{result['size']}²"} | result["seconds"] | peaks


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores" if hasattr(os, "getloadavg") else "unknown"


def _print_stages(results: Sequence[Mapping[str, Any]]) -> None:
    names = list(dict.fromkeys(name for r in results for name in r["stages_ms"]))
    rows = [{"stage": name} | {str(r["size"]): r["stages_ms"].get(name) for r in results} for name in names]
    print_table([Column(str(r["size"]), f"{r['size']}²", 1) for r in results], rows, labels=("stage",))


def _goals(results: Sequence[Mapping[str, Any]]) -> list[Goal]:
    """The bars of the first issue."""
    goals = []
    for result in results:
        size, times = result["size"], result["ms"]["wall"]
        if size >= 1024:
            ratio = times["default passes"] / times["remap"]
            goals.append(Goal(f"frame at {size}², times the remap", ratio, at_most=1.8))
        if size == 2048:
            goals.append(
                Goal(f"reading, analysing, preparing at {size}², s", sum(result["seconds"].values()), at_most=10)
            )
        if size == 4096:
            goals.append(Goal(f"most memory at {size}², MB", max(result["peak_mb"].values()), at_most=1500))
    return goals
