"""Is an interpreter fit to run the core? Runs `doctor` in it and says so in a few lines. No bpy."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core.gioconda.worker.messages import Result
from ..core.gioconda.worker.process import Process

OLDEST = (3, 11)
NEEDED = {  # what to import, and what pip calls it
    "numpy": "numpy",
    "cv2": "opencv-python-headless",
    "yaml": "pyyaml",
    "onnxruntime": "onnxruntime",
    "OpenImageIO": "openimageio",
    "av": "av",
}
SECONDS = 300.0  # far longer than a first start takes
TOO_OLD, LACKS = 90, 91  # exit statuses of the probe, which then writes what is wrong to its log

# Runs in whatever Python it may be, so it is written for an old one.
PROBE = """
import sys
oldest, needed, core = {oldest!r}, {needed!r}, sys.argv[1]
if sys.version_info[:2] < oldest:
    sys.stderr.write("%d.%d" % sys.version_info[:2]); sys.exit({too_old})
from importlib.util import find_spec
lacking = [needed[name] for name in sorted(needed) if find_spec(name) is None]
if lacking:
    sys.stderr.write(" ".join(lacking)); sys.exit({lacks})
import runpy
sys.argv = [core, "doctor", "--json"]
sys.path.insert(0, core)
runpy.run_path(core, run_name="__main__")
"""


class Check(Process):
    """One look at one interpreter. Ask `is_over()` until it is; then `lines` and `error` hold.

    Attributes:
        lines: what was found, for people.
        error: one sentence about what stands in the way, "" if nothing does.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], *, log: Path) -> None:
        """`command`, `environment`: what `interpreter.command()` gives."""
        self.lines: list[str] = []
        self._python, core = command[0], command[-1]
        self._ends = time.monotonic() + SECONDS
        probe = PROBE.format(oldest=OLDEST, needed=NEEDED, too_old=TOO_OLD, lacks=LACKS)
        super().__init__([self._python, "-s", "-c", probe, core], environment, log=log)

    def is_over(self) -> bool:
        """Never waits."""
        for _, message in self.poll():
            if isinstance(message, Result):
                self.lines, self.error = in_lines(message.data), " ".join(message.data["problems"])
        if not self.ended and time.monotonic() > self._ends:
            self.error = f"The Python {self._python} did not answer within {SECONDS:g} seconds; choose another."
            self.kill()
            self.ended = True
        elif self.ended and not self.lines:
            self.error = self.error or self.why_it_ended(0)
        return self.ended

    def why_it_ended(self, status: int) -> str:
        last = self.last_log_line()
        if status == TOO_OLD:
            needed = ".".join(map(str, OLDEST))
            return f"{self._python} is Python {last}; Gioconda needs {needed} or newer: choose another."
        if status == LACKS:
            return f"{self._python} lacks {last.replace(' ', ', ')}: run “{self._python} -m pip install {last}”."
        return f"{self._python} cannot run Gioconda ({last or 'it said nothing'}): choose another."

    def why_not_started(self, program: str, error: OSError) -> str:
        path = Path(program)
        if path.is_dir():
            return f"{program} is a folder: choose the interpreter in it, such as bin/python or python.exe."
        if not path.exists():
            return f"There is no Python at {program}: choose the program itself, such as …/bin/python or python.exe."
        return f"{program} cannot be started ({error.strerror or error}): choose a Python interpreter."


def in_lines(found: Mapping[str, Any]) -> list[str]:
    """What the doctor found, in a few lines that fit a panel."""
    libraries = ", ".join(f"{name} {version}" for name, version in found["libraries"].items())
    whole = sum(state == "whole" for state in found["models"].values())
    lines = [f"Python {found['python']}", libraries]
    lines += [f"Device {name}: {state}" for name, state in found["devices"].items()]
    lines += [f"{gpu}" for gpu in found["gpus"]]
    lines += [f"{found['cores']} cores, {found['memory_mb'] / 1000:.0f} GB of memory"]
    lines += [f"{whole} of {len(found['models'])} nets in {found['models_folder']}"]
    if found["cache"]:
        lines += [f"Cache {found['cache']['path']}: {found['cache']['free_mb'] / 1000:.0f} GB free"]
    return lines
