"""What this machine has. Standard library only."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import subprocess
from pathlib import Path

# numpy and its BLAS choose code by the processor's instructions, and last bits with it. All x86-64 processors that
# numpy runs on have what is left of these.
SAME_CODE = {
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
    "OPENBLAS_CORETYPE": "Nehalem",
}


def compute_alike() -> None:
    """Let numpy, in this process and its children, compute the same bits on all x86-64 machines; before it is imported.

    What the environment says already is kept. (`imaging.resample` tells OpenCV, `native` needs nothing.)
    """
    if platform.machine().lower() in ("x86_64", "amd64"):
        for name, value in SAME_CODE.items():
            os.environ.setdefault(name, value)


def cores() -> int:
    """The processor cores this process may use, in its container too."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        if quota != "max":
            count = min(count, max(1, round(int(quota) / int(period))))
    return count


def free_disk(path: Path) -> int:
    """Bytes free at a path, or at the first folder above it that exists. Raises: OSError."""
    path = path.absolute()
    return shutil.disk_usage(next((folder for folder in (path, *path.parents) if folder.exists()), path)).free


def nvidia_smi(query: str, *more: str) -> list[str]:
    """What NVIDIA's own program says of its cards (name, memory.total …), a line each; [] without card or program."""
    program = shutil.which("nvidia-smi")
    if not program:
        return []
    command = [program, f"--query-gpu={query}", ",".join(("--format=csv", "noheader", *more))]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in answer.splitlines() if line.strip()]
