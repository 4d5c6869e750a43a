"""One picture size, timed in a process of its own so that its memory is its own: `python -m tests.bench.speed_child`.

Prints one JSON object. Times are medians over repetitions in which the reference and every variant take turns, so that
what else the machine does falls on all of them alike.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from gioconda.engine import Portrait
from gioconda.job.passes import ALL_PASSES, DEFAULT_PASSES, LOSSLESS
from gioconda.pose import Performance

from . import product
from .memory import peak_mb, reset_peak
from .stages import stages

REPETITIONS = {512: 25, 1024: 15, 2048: 9, 4096: 5}
POSES = 8
EXR_SIZE = 2048


def main(size: int, picture: Path, models: Path) -> dict[str, Any]:
    """Everything that is measured at one size."""
    if os.environ.get("GIOCONDA_THREADS") == "1":
        product.use_one_thread()
    clock = product.StageClock()
    portrait = product.portrait_at(picture, models, report=clock).portrait
    clock.stop()
    peaks = dict(clock.peaks_mb)
    performance = product.long_performance(portrait, 240)
    variants = _variants(portrait, performance)
    for frame in variants.values():
        frame(0)  # compiles, or loads what was compiled
    reset_peak()
    for i in range(2):
        variants["default passes"](i)
    peaks["render"] = peak_mb()
    repetitions = REPETITIONS.get(size, 5)
    times = _take_turns({"remap": _reference(size)} | variants, repetitions)
    by_stage = stages(portrait, performance, [chosen(performance, i) for i in range(repetitions)])
    exr = _exr(portrait, performance, picture.parent) if size == EXR_SIZE else []
    return {"size": size, "seconds": clock.seconds, "peak_mb": peaks, "ms": times, "stages_ms": by_stage, "exr": exr}


def chosen(performance: Performance, i: int) -> int:
    """The frame of the `i`-th repetition: eyes, mouth and head are somewhere else each time."""
    return int(np.linspace(1, len(performance) - 2, POSES)[i % POSES])


def _variants(portrait: Portrait, performance: Performance) -> dict[str, Callable[[int], None]]:
    """Ways to make one frame, by name; each takes a counter that chooses the pose."""

    def frame(i: int, passes: Sequence[str], draft: bool) -> None:
        for _ in product.render_as_written(portrait, performance, chosen(performance, i), passes, draft=draft):
            pass

    return {
        "default passes": lambda i: frame(i, DEFAULT_PASSES, False),
        "all passes": lambda i: frame(i, ALL_PASSES, False),
        "preview": lambda i: frame(i, ("Combined",), True),
    }


def _reference(size: int) -> Callable[[int], None]:
    """The yardstick: OpenCV's bicubic remap of a float32 RGBA picture of the same size, turned by 3 degrees."""
    picture = np.random.default_rng(0).random((size, size, 4), np.float32)
    turn = np.radians(3.0)
    y, x = np.mgrid[:size, :size].astype(np.float32) - np.float32(size / 2)
    maps = np.stack([np.cos(turn) * x - np.sin(turn) * y, np.sin(turn) * x + np.cos(turn) * y], 2) + size / 2
    maps = np.ascontiguousarray(maps, np.float32)

    def remap(_i: int) -> None:
        cv2.setUseOptimized(True)  # as fast as OpenCV can: the engine keeps it to what all processors compute alike
        cv2.remap(picture, maps, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        cv2.setUseOptimized(False)

    return remap


def _take_turns(calls: dict[str, Callable[[int], None]], repetitions: int) -> dict[str, dict[str, float]]:
    """Median milliseconds of each, called in turn: on the clock ("wall") and summed over threads ("processor")."""
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for i in range(repetitions + 1):
        for name, call in calls.items():
            wall, processor = time.perf_counter(), time.process_time()
            call(i)
            spent[name].append((time.perf_counter() - wall, time.process_time() - processor))
    return {
        kind: {name: 1e3 * statistics.median(t[k] for t in times[1:]) for name, times in spent.items()}
        for k, kind in enumerate(("wall", "processor"))
    }


def _exr(portrait: Portrait, performance: Performance, folder: Path) -> list[dict[str, Any]]:
    """Writing one frame of the default passes, by compression: milliseconds and megabytes."""
    bands = list(product.render_as_written(portrait, performance, chosen(performance, 3), DEFAULT_PASSES))
    path = folder / "compression.exr"
    results = []
    for compression in LOSSLESS:
        times = _take_turns({"write": lambda _i, c=compression: product.write_frame(path, portrait, bands, c)}, 2)
        figures = {kind: values["write"] for kind, values in times.items()}
        results.append({"compression": compression, "mb": path.stat().st_size / 1e6} | figures)
    path.unlink()
    return results


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))))
