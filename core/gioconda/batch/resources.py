"""How many processes this machine carries, by its cores, memory and GPUs."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from ..job.job import CARDS
from ..machine import cores, nvidia_smi

BASE_BYTES = 700_000_000  # of a process, whatever the picture: libraries, nets, compiled code, the matte's solver
PIXEL_BYTES = 100  # more for every pixel: picture, person and background as float, and what is being written
GPU_BYTES = 2_000_000_000  # of a graphics card, for one process's nets
# what the libraries read when they are loaded
THREADS = (
    "GIOCONDA_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
    "OPENIMAGEIO_THREADS",
)
RESERVE = 0.15  # of the memory stays free for the system and for writing


@dataclass(frozen=True)
class Share:
    """What each process of a pool gets."""

    processes: int
    threads: int  # for each
    gpus: tuple[str, ...]  # the cards to spread processes over; () without any
    reason: str  # what set the number, for people

    def environment(self, number: int) -> dict[str, str]:
        """The variables of the process with this number, from 1."""
        threads = {name: str(self.threads) for name in THREADS}
        if len(self.gpus) > 1:
            threads["CUDA_VISIBLE_DEVICES"] = self.gpus[(number - 1) % len(self.gpus)]
        return threads


def share(items: int, largest_pixels: int, *, device: str = "auto", wanted: int | None = None) -> Share:
    """How many processes, with how many threads each.

    `device`: the job's; the processor's cores alone count for “cpu”. `wanted`: the user's own number.
    """
    count = cores()
    cards = gpus() if device == "auto" or device in CARDS else []
    limits = {f"{count} cores": count, f"{items} items": max(1, items)}
    free = free_bytes()
    if free:
        need = BASE_BYTES + PIXEL_BYTES * largest_pixels
        fitting = int(free * (1 - RESERVE) // need)
        limits[f"{free / 1e9:.1f} GB of memory at {need / 1e9:.1f} GB a process"] = max(1, fitting)
    if cards:
        fitting = sum(max(1, int(memory // GPU_BYTES)) for _, memory in cards)
        limits[f"{len(cards)} GPUs"] = fitting
    elif device in CARDS:
        limits["one GPU of unknown memory"] = 1
    reason, processes = min(limits.items(), key=lambda limit: limit[1])
    if wanted:
        reason, processes = "as asked", min(wanted, max(1, items))
    return Share(processes, max(1, count // processes), tuple(card for card, _ in cards), reason)


def free_bytes() -> int:
    """Memory that can be had, in its container too; 0 where the system does not say."""
    limits = []
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        line = next(line for line in lines if line.startswith("MemAvailable:"))
        limits.append(int(line.split()[1]) * 1024)
    with contextlib.suppress(OSError, ValueError):
        most = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
        if most != "max":
            used = int(Path("/sys/fs/cgroup/memory.current").read_text(encoding="ascii"))
            limits.append(max(0, int(most) - used))
    if not limits and hasattr(os, "sysconf"):
        with contextlib.suppress(OSError, ValueError):
            limits.append(int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 0.7))
    return min(limits, default=0)


def oom_kills() -> int:
    """How often the system has killed a process for want of memory; 0 where it does not say."""
    counts = []
    for path in ("/sys/fs/cgroup/memory.events", "/proc/vmstat"):
        with contextlib.suppress(OSError, ValueError):
            for line in Path(path).read_text(encoding="ascii").splitlines():
                if line.startswith("oom_kill "):
                    counts.append(int(line.split()[1]))
    return max(counts, default=0)


def gpus() -> list[tuple[str, int]]:
    """NVIDIA cards this process may use: (index or id, free bytes)."""
    cards = []
    for line in nvidia_smi("index,memory.free", "nounits"):
        index, _, free = line.partition(",")
        with contextlib.suppress(ValueError):
            cards.append((index.strip(), int(free) * 1_048_576))
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return cards
    allowed = [part.strip() for part in visible.split(",") if part.strip()]
    return [card for card in cards if card[0] in allowed]
