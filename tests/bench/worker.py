"""The command line as users run it, watched from outside: time and memory at every finished frame."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PROC = Path("/proc")
CAN_WATCH = (PROC / "self" / "stat").exists()


@dataclass(frozen=True)
class Moment:
    """The worker at one of its messages.

    Attributes:
        message: what it said, as plain data with "kind".
        wall: seconds since it was started.
        processor: seconds of processor time spent so far, user and system, all threads.
        idle: seconds of processor time that nobody on the machine used since it started, all cores.
        memory_mb: resident memory.
    """

    message: dict[str, Any]
    wall: float
    processor: float
    idle: float
    memory_mb: float


@dataclass
class Run:
    """One finished run of the command line."""

    exit_code: int
    wall: float
    processor: float
    peak_mb: float
    moments: list[Moment] = field(default_factory=list)
    log: str = ""

    def frames(self) -> list[Moment]:
        """The moments at which a frame was whole on disk."""
        return [m for m in self.moments if m.message["kind"] == "progress" and m.message.get("path")]

    def complaint(self) -> str:
        """Why it failed, in its own words."""
        said = [m.message["text"] for m in self.moments if m.message["kind"] == "error"]
        return said[-1] if said else f"exit status {self.exit_code}: {self.log[-300:]}"


def watch(arguments: Sequence[str], *, consume: bool = False) -> Run:
    """Runs `gioconda ARGUMENTS --json` and watches it; needs /proc (Linux).

    Args:
        consume: delete every finished frame but the newest, so that a long run needs little disk.
    """
    began = time.monotonic()
    command = [sys.executable, str(ROOT / "core"), *arguments, "--json"]
    log = ROOT / "out" / "bench" / "worker.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w+") as stderr:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True, cwd=ROOT)
        moments: list[Moment] = []
        finished: Path | None = None
        for line in child.stdout or ():
            message = json.loads(line)
            processor, memory_mb = _spent(child.pid)
            moments.append(Moment(message, time.monotonic() - began, processor, _idle(), memory_mb))
            if consume and message["kind"] == "progress" and message.get("path"):
                if finished:
                    finished.unlink(missing_ok=True)
                finished = Path(message["path"])
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        stderr.seek(0)
        return Run(
            child.returncode,
            time.monotonic() - began,
            usage.ru_utime + usage.ru_stime,
            usage.ru_maxrss / 1024,
            moments,
            stderr.read(),
        )


def _spent(pid: int) -> tuple[float, float]:
    """(processor seconds, resident MB) of a process now; (0, 0) where it is already gone."""
    try:
        stat = (PROC / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()
        pages = int((PROC / str(pid) / "statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0, 0.0
    ticks = sum(int(value) for value in stat[11:15])  # user and system, its own and those of children it has waited for
    return ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _idle() -> float:
    """Seconds of processor time nobody used since the machine started, waiting for disks included."""
    ticks = (PROC / "stat").read_text().splitlines()[0].split()
    return (int(ticks[4]) + int(ticks[5])) / os.sysconf("SC_CLK_TCK")
