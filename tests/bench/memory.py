"""How much memory this process has held at most. Linux; elsewhere NaN."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

STATUS = Path("/proc/self/status")


def peak_mb() -> float:
    """The most memory this process has held since it began, or since `reset_peak`, MB."""
    for line in STATUS.read_text().splitlines() if STATUS.exists() else ():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    return float("nan")


def reset_peak() -> None:
    """Forget the peak (Linux: "5" into clear_refs); where that is not allowed, the earlier peak stays."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
