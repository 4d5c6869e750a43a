"""One picture size, timed in a process of its own so that its memory is its own: `python -m tests.bench.speed_child`.

Prints one JSON object. Times are medians over repetitions in which the reference and every variant take turns, so that
what else the machine does falls on all of them alike.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from gioconda.engine import ALL_PASSES, DEFAULT_PASSES, Portrait, kernels, place, render_rows
from gioconda.pose import Performance

from . import product

REPETITIONS = {512: 25, 1024: 15, 2048: 9, 4096: 5}
# Poses far enough apart in the take that eyes, mouth and head are somewhere else each time.
POSES = 8


def main(size: int, picture: Path, models: Path) -> dict[str, Any]:
    """Everything that is measured at one size."""
    seconds: dict[str, float] = {}
    with _clocked(seconds, "nets"):
        nets = product.open_nets(models, threads=None)
    with _clocked(seconds, "read"):
        source = product.read_portrait(picture)
    with _clocked(seconds, "analyse"):
        analysis = product.analyse_portrait(source, nets)
    with _clocked(seconds, "prepare"):
        portrait = product.prepare_portrait(source, analysis)
    peaks = {"prepare": peak_mb()}
    performance = product.take_for(portrait)
    variants = _variants(portrait, performance)
    for frame in (variants["default passes"], variants["all passes"], variants["preview"]):
        frame(0)  # compiles, or loads what was compiled
    reset_peak()
    for i in range(2):
        variants["default passes"](i)
    peaks["render"] = peak_mb()
    repetitions = REPETITIONS.get(size, 5)
    times = _take_turns({"remap": _reference(size)} | variants, repetitions)
    stages = _stages(portrait, performance, repetitions)
    return {"size": size, "seconds": seconds, "peak_mb": peaks, "ms": times, "stages_ms": stages}


def _variants(portrait: Portrait, performance: Performance) -> dict[str, Callable[[int], None]]:
    """Ways to make one frame, by name; each takes a counter that chooses the pose."""
    steps = np.linspace(1, len(performance) - 2, POSES).astype(int)

    def frame(i: int, passes: tuple[str, ...], smooth_edges: bool) -> None:
        k = int(steps[i % POSES])
        placed = place(portrait, performance[k], previous=performance[k - 1], following=performance[k + 1])
        for row, rows in product.bands(portrait, passes):
            render_rows(placed, row, rows, passes=passes, smooth_edges=smooth_edges)

    return {
        "default passes": lambda i: frame(i, DEFAULT_PASSES, True),
        "all passes": lambda i: frame(i, ALL_PASSES, True),
        "preview": lambda i: frame(i, ("Combined",), False),
    }


def _reference(size: int) -> Callable[[int], None]:
    """The yardstick: OpenCV's bicubic remap of a float32 RGBA picture of the same size, turned by 3 degrees."""
    picture = np.random.default_rng(0).random((size, size, 4), np.float32)
    turn = np.radians(3.0)
    y, x = np.mgrid[:size, :size].astype(np.float32) - np.float32(size / 2)
    maps = np.stack([np.cos(turn) * x - np.sin(turn) * y, np.sin(turn) * x + np.cos(turn) * y], 2) + size / 2
    maps = np.ascontiguousarray(maps, np.float32)

    def remap(_i: int) -> None:
        cv2.remap(picture, maps, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)

    return remap


def _take_turns(calls: dict[str, Callable[[int], None]], repetitions: int) -> dict[str, float]:
    """Median milliseconds of each, called in turn."""
    spent: dict[str, list[float]] = {name: [] for name in calls}
    for i in range(repetitions + 1):
        for name, call in calls.items():
            began = time.perf_counter()
            call(i)
            spent[name].append((time.perf_counter() - began) * 1e3)
    return {name: statistics.median(times[1:]) for name, times in spent.items()}


def _stages(portrait: Portrait, performance: Performance, repetitions: int) -> dict[str, float]:
    """Where a frame of the default passes spends its time, median milliseconds: placing, each kernel, the rest."""
    steps = np.linspace(1, len(performance) - 2, POSES).astype(int)
    spent: list[dict[str, float]] = []
    for i in range(repetitions):
        k = int(steps[i % POSES])
        clock: dict[str, float] = {}
        with _clocked(clock, "place: mesh, eyes, mouth"):
            placed = place(portrait, performance[k], previous=performance[k - 1], following=performance[k + 1])
        began = time.perf_counter()
        inside: dict[str, float] = {}
        with _clocked_kernels(inside):
            render_rows(placed, 0, portrait.height, passes=DEFAULT_PASSES)
        rest = time.perf_counter() - began - sum(inside.values())
        spent.append(clock | inside | {"memory, patches, the rest": rest})
    names = list(dict.fromkeys(name for clock in spent for name in clock))
    return {name: 1e3 * statistics.median(clock.get(name, 0.0) for clock in spent) for name in names}


@contextmanager
def _clocked(clock: dict[str, float], name: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    clock[name] = clock.get(name, 0.0) + time.perf_counter() - began


@contextmanager
def _clocked_kernels(clock: dict[str, float]) -> Iterator[None]:
    """Every compiled kernel the engine calls from Python is timed under its own name."""
    compiled = {name: kernel for name, kernel in vars(kernels).items() if hasattr(kernel, "py_func")}

    def timed(name: str, kernel: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            with _clocked(clock, name):
                return kernel(*arguments)

        return call

    for name, kernel in compiled.items():
        setattr(kernels, name, timed(name, kernel))
    try:
        yield
    finally:
        for name, kernel in compiled.items():
            setattr(kernels, name, kernel)


def peak_mb() -> float:
    """The most memory this process has held since it began, or since `reset_peak`, MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    return float("nan")


def reset_peak() -> None:
    """Forget the peak (Linux: "5" into clear_refs); where that is not allowed, the earlier peak stays."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))))
