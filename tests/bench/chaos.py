"""`python -m tests.bench.chaos`: a batch during which everything goes wrong; afterwards nothing may be lost.

Workers are killed at random moments, the pool itself once, the disk fills once, one portrait is corrupt and one CSV
malformed. After resuming, all good items must be byte for byte those of an undisturbed run, the bad two named.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from gioconda.worker.messages import Error, from_line

from .batch_data import make_portraits, make_takes, pictures, write_batch

ROOT = Path(__file__).resolve().parents[2]
BAD_CSV = "Timecode,BlendshapeCount,EyeBlinkLeft\n00:00:00:00,1,x\n"
PARTIAL = 8


def main() -> int:
    words = argparse.ArgumentParser("python -m tests.bench.chaos", description=__doc__.split("\n", 1)[0])
    words.add_argument("--portraits", type=int, default=10, help="good ones (default: %(default)s)")
    words.add_argument("--takes", type=int, default=3, help="good ones (default: %(default)s)")
    words.add_argument("--frames", type=int, default=20, help="of each take (default: %(default)s)")
    words.add_argument("--size", type=int, default=256, help="of the portraits, pixels (default: %(default)s)")
    words.add_argument("--kills", type=int, default=20, help="of workers (default: %(default)s)")
    words.add_argument("--processes", type=int, default=2, help="of the pool (default: %(default)s)")
    words.add_argument("--seed", type=int, default=1, help="of the moments (default: %(default)s)")
    words.add_argument("--folder", type=Path, help="where to work (default: a temporary one)")
    words.add_argument("--out", type=Path, default=ROOT / "out" / "bench" / "chaos.json", help="the figures")
    arguments = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="gioconda-chaos-", dir=arguments.folder) as name:
        found = chaos(Path(name), arguments)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))
    return 0 if found["passed"] else 1


def chaos(folder: Path, wanted: Any) -> dict[str, Any]:
    """The whole of it. Returns figures; "passed" says whether nothing was lost."""
    began = time.monotonic()
    make_portraits(folder / "portraits", pictures(wanted.portraits), wanted.size)
    make_takes(folder / "takes", wanted.takes, wanted.frames)
    calm = write_batch(folder, output="calm")
    calm_code = run(calm, wanted.processes)[0]
    whole = frames(folder / "calm")
    smallest = min(path.stat().st_size for path in (folder / "calm").rglob("*.exr"))
    (folder / "portraits" / "corrupt.png").write_bytes((folder / "portraits" / "p000.png").read_bytes()[:5000])
    (folder / "takes" / "malformed.csv").write_text(BAD_CSV, encoding="utf-8")
    wild = write_batch(folder, output="wild", attempts=10)
    dice = random.Random(wanted.seed)
    total, kills, runs, full = len(whole), 0, [], False
    moments = sorted(dice.uniform(0, 0.95) for _ in range(wanted.kills))
    for round_number in range(12):
        share = total * (0.35, 0.6, 1)[min(round_number, 2)]
        limit = smallest - 1 if round_number == 1 else None
        code, said, killed = disturbed(wild, wanted.processes, folder / "wild", total, moments, dice, share, limit)
        kills += killed
        count = len(frames(folder / "wild"))
        runs.append({"code": code, "killed": killed, "frames": count, "said": said.replace(str(folder), "…")[:200]})
        full = full or (limit is not None and "disk is full" in said)
        print(f"run {round_number + 1}: exit status {code}, {killed} workers killed, {count} frames", flush=True)
        if code == PARTIAL and not moments:
            break
    after = frames(folder / "wild")
    report = json.loads((folder / "wild.report" / "report.json").read_text(encoding="utf-8"))
    bad = {item["name"]: item["text"] for item in report["list"] if item["state"] == "failed"}
    expected = {f"corrupt/{take}" for take in [*(f"t{n}" for n in range(wanted.takes)), "malformed"]}
    expected |= {f"p{n:03d}/malformed" for n in range(wanted.portraits)}
    lost = sorted(set(whole) - set(after))
    changed = sorted(name for name in whole if name in after and after[name] != whole[name])
    found = {
        "frames": total,
        "kills": kills,
        "runs": runs,
        "disk_filled": full,
        "lost": lost,
        "changed": changed,
        "extra": sorted(set(after) - set(whole)),
        "bad_items": len(bad),
        "bad_as_expected": set(bad) == expected,
        "reasons": sorted({text.replace(str(folder), "…") for text in bad.values()}),
        "undisturbed_code": calm_code,
        "unaccounted": report["waiting"],
        "leftovers": [p.name for p in (folder / "wild").rglob("*.part")],
        "seconds": round(time.monotonic() - began, 1),
    }
    fine = calm_code == 0 and not lost and not changed and not found["extra"] and not report["waiting"]
    return {"passed": fine and full and kills >= wanted.kills and found["bad_as_expected"], **found}


def command(batch: Path, processes: int) -> list[str]:
    words = ["batch", "run", str(batch), "--json", "--processes", str(processes)]
    return [sys.executable, "-P", str(ROOT / "core"), *words]


def run(batch: Path, processes: int) -> tuple[int, str]:
    process = subprocess.run(command(batch, processes), capture_output=True, text=True, timeout=7200)
    return process.returncode, last_words(process.stdout)


def last_words(said: str) -> str:
    errors = [message.text for line in said.splitlines() if isinstance(message := from_line(line), Error)]
    return errors[-1] if errors else ""


def disturbed(
    batch: Path,
    processes: int,
    output: Path,
    total: int,
    moments: list[float],
    dice: random.Random,
    until: float,
    limit: int | None,
) -> tuple[int, str, int]:
    """One run: workers are killed when the next of `moments` (parts of the frames) has come; the pool is killed once
    `until` frames are there. `limit`: bytes after which the disk is full. → (exit status, last words, kills)."""

    def fill() -> None:
        if limit:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    log = batch.with_suffix(".log").open("a")
    process = subprocess.Popen(
        command(batch, processes), stdout=subprocess.PIPE, stderr=log, text=True, preexec_fn=fill
    )
    killed = 0
    while process.poll() is None:
        done = sum(1 for _ in output.rglob("*.exr"))
        if moments and done >= moments[0] * total and (workers := children(process.pid)):
            os.kill(dice.choice(workers), signal.SIGKILL)
            moments.pop(0)
            killed += 1
        if until < total and done >= until:
            process.kill()
        time.sleep(dice.uniform(0.01, 0.2))
    said = process.stdout.read() if process.stdout else ""
    log.close()
    return process.returncode, last_words(said), killed


def children(process: int) -> list[int]:
    try:
        text = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
    except OSError:
        return []
    return [int(child) for child in text.split()]


def frames(folder: Path) -> dict[str, bytes]:
    """Name → hash of every frame."""
    there = sorted(folder.rglob("*.exr")) if folder.exists() else []
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).digest() for path in there}


if __name__ == "__main__":
    sys.exit(main())
