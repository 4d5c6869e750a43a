"""What this machine has. Standard library only."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def cores() -> int:
    """The processor cores this process may use, in its container too."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        if quota != "max":
            count = min(count, max(1, round(int(quota) / int(period))))
    return count
