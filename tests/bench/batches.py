"""`python -m tests.bench.batches`: how fast a batch is against one process alone, and whether memory grows.

The single process's rate is measured in the same run, on the same machine: one worker with the threads that each of
the pool's workers gets and as many cores, on the first
ten portraits. Rates count from the first finished frame to the last.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from gioconda.machine import cores
from gioconda.worker.messages import BatchProgress, from_line

from .batch_data import make_portraits, make_takes, pictures, write_batch
from .chaos import ROOT, children, command
from .report import Goal, print_goals

GOAL = 0.85


def main() -> int:
    words = argparse.ArgumentParser("python -m tests.bench.batches", description=__doc__.split("\n", 1)[0])
    words.add_argument("--portraits", type=int, default=100, help="default: %(default)s")
    words.add_argument("--takes", type=int, default=2, help="default: %(default)s")
    words.add_argument("--frames", type=int, default=12, help="of each take (default: %(default)s)")
    words.add_argument("--size", type=int, default=512, help="of the portraits, pixels (default: %(default)s)")
    words.add_argument("--processes", type=int, help="of the pool (default: what the machine carries)")
    words.add_argument("--out", type=Path, default=ROOT / "out" / "bench" / "batches.json", help="the figures")
    arguments = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="gioconda-bench-") as name:
        found = measure(Path(name), arguments)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))
    print_goals(
        [
            Goal("a pool's rate / (processes × one process's rate)", found["efficiency"], at_least=GOAL),
            Goal("a worker's memory, last fifth / first fifth of the run", found["memory_growth"], at_most=1.1),
            Goal("items accounted for", found["accounted"] / found["items"], at_least=1.0),
        ]
    )
    return 0


def measure(folder: Path, wanted: Any) -> dict[str, Any]:
    """Figures of a single process and of the pool."""
    sources = pictures(wanted.portraits)
    make_portraits(folder / "portraits", sources, wanted.size)
    make_takes(folder / "takes", wanted.takes, wanted.frames)
    few = write_batch(folder, output="alone", portraits="portraits/p00*.png")
    pool = write_batch(folder, output="pool")
    processes = wanted.processes or planned(pool)
    threads = max(1, cores() // processes)
    alone = timed(few, 1, threads)
    together = timed(pool, processes, threads)
    single, many = alone["rate"], together["rate"]
    return {
        "portraits": len(sources),
        "takes": wanted.takes,
        "frames": wanted.frames,
        "size": wanted.size,
        "processes": processes,
        "threads": threads,
        "single_fps": round(single, 3),
        "pool_fps": round(many, 3),
        "efficiency": round(many / (processes * single), 3),
        "items": together["items"],
        "accounted": together["done"] + together["failed"] + together["waiting"],
        "done": together["done"],
        "memory_growth": together["growth"],
        "worker_mb_first": together["first_mb"],
        "worker_mb_last": together["last_mb"],
        "worker_mb_peak": together["peak_mb"],
        "pool_mb_peak": together["pool_mb"],
        "load_before": together["load"],
        "seconds": together["seconds"],
        "alone_seconds": alone["seconds"],
    }


def planned(batch: Path) -> int:
    words = [sys.executable, "-P", str(ROOT / "core"), "batch", "plan", str(batch), "--json", "--no-calibration"]
    said = subprocess.run(words, capture_output=True, text=True, check=True, timeout=600).stdout
    count: int = json.loads(said.splitlines()[-1])["data"]["processes"]
    return count


def timed(batch: Path, processes: int, threads: int) -> dict[str, Any]:
    """A run on as many cores as its threads: frames a second from the first to the last frame, and memory."""
    load = os.getloadavg()[0]
    mine = sorted(os.sched_getaffinity(0))[: processes * threads]
    words = ["taskset", "-c", ",".join(map(str, mine)), *command(batch, processes)]
    began = time.monotonic()
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    samples: list[tuple[float, float, float]] = []
    watcher = threading.Thread(target=watch, args=(process, samples), daemon=True)
    watcher.start()
    boards: list[tuple[float, int]] = []
    settled = float("inf")  # when every worker has done something
    for line in process.stdout or ():
        if isinstance(message := from_line(line), BatchProgress):
            boards.append((time.monotonic(), message.frames))
            settled = min(settled, boards[-1][0] if message.done >= 2 * processes else settled)
    ended = time.monotonic()
    process.wait()
    report = json.loads((batch.with_name(f"{batch.stem}.report") / "report.json").read_text(encoding="utf-8"))
    first = next((board for board in boards if board[1] > 0), (began, 0))
    warm = [largest for at, largest, _ in samples if at > settled and largest] or [float("nan")]
    fifth = max(1, len(warm) // 5)
    early, late = (sum(part) / len(part) for part in (warm[:fifth], warm[-fifth:]))
    return {
        **{name: report[name] for name in ("items", "done", "failed", "waiting", "rendered")},
        "seconds": round(ended - began, 1),
        "rate": (report["rendered"] - first[1]) / (ended - first[0]),
        "load": round(load, 2),
        "growth": round(late / early, 3),
        "first_mb": round(early, 1),
        "last_mb": round(late, 1),
        "peak_mb": round(max(sample[1] for sample in samples)),
        "pool_mb": round(max(sample[2] for sample in samples)),
    }


def watch(process: subprocess.Popen[str], samples: list[tuple[float, float, float]]) -> None:
    """(time, MB of the largest worker, MB of the pool) every second."""
    while process.poll() is None:
        workers = [resident_mb(child) for child in children(process.pid)]
        samples.append((time.monotonic(), max(workers, default=0.0), resident_mb(process.pid)))
        time.sleep(1)


def resident_mb(process: int) -> float:
    try:
        text = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    return next((int(line.split()[1]) * 1024 / 1e6 for line in text.splitlines() if line.startswith("VmRSS:")), 0.0)


if __name__ == "__main__":
    sys.exit(main())
