"""`python -m tests.bench.neural_cost PICTURE MODELS NETWORKS THREADS`: milliseconds that corrections add to a frame.

Measured in a process of its own, geometry and networks taking turns; medians.
Prints one JSON object of medians, ms: {"frame": geometry alone, "added": by the networks} on the clock, and the same of
processor time over all threads ("frame_processor", "added_processor"), which is steadier on a busy machine.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from . import product
from .contact import LOOKS

REPETITIONS = 20


def main(picture: Path, models: Path, networks: str, threads: int) -> dict[str, float]:
    sitter = product.Sitting(picture, models, neural=networks, threads=threads)
    poses = sitter.poses([(look.channels, look.yaw) for look in LOOKS])
    spent: list[tuple[tuple[float, float], ...]] = []
    for k in range(REPETITIONS + len(poses)):  # the first round compiles, or loads what was compiled
        pose = poses[k % len(poses)]
        spent.append(tuple(_timed(lambda way=way, pose=pose: way(pose)) for way in (sitter.geometry, sitter.corrected)))
    found = {}
    for kind, name in enumerate(("", "_processor")):
        frame, whole = (1e3 * statistics.median(s[way][kind] for s in spent[len(poses) :]) for way in (0, 1))
        found |= {f"frame{name}": frame, f"added{name}": whole - frame}
    return found


def _timed(call: Callable[[], object]) -> tuple[float, float]:
    """Seconds on the clock, and of processor time."""
    wall, processor = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - wall, time.process_time() - processor


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))))
