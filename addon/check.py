"""Is an interpreter fit to run the core? Runs `doctor` in it and says so in a few lines. No bpy."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core.gioconda.worker.messages import Error, Result, from_line

OLDEST = (3, 11)
NEEDED = {  # what to import, and what pip calls it
    "numpy": "numpy",
    "scipy": "scipy",
    "numba": "numba",
    "cv2": "opencv-python-headless",
    "yaml": "pyyaml",
    "onnxruntime": "onnxruntime",
    "OpenImageIO": "openimageio",
    "pymatting": "pymatting",
    "av": "av",
}
SECONDS = 300.0  # far longer than a first start takes, with all that is compiled in it

# Runs in whatever Python it may be, so it is written for an old one.
PROBE = """
import sys
oldest, needed, core = {oldest!r}, {needed!r}, sys.argv[1]
if sys.version_info[:2] < oldest:
    print("OLD %d.%d" % sys.version_info[:2]); sys.exit()
from importlib.util import find_spec
lacking = [needed[name] for name in sorted(needed) if find_spec(name) is None]
if lacking:
    print("LACKS " + " ".join(lacking)); sys.exit()
import runpy
sys.argv = [core, "doctor", "--json"]
sys.path.insert(0, core)
runpy.run_path(core, run_name="__main__")
"""


class Check:
    """One look at one interpreter. `poll()` until it returns True; then `lines` and `problem` hold.

    Attributes:
        lines: what was found, for people.
        problem: one sentence about what stands in the way, "" if nothing does.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """`command`, `environment`: what `interpreter.command()` gives."""
        self.lines: list[str] = []
        self.problem = ""
        self._python, self._core = command[0], command[-1]
        self._ends = time.monotonic() + SECONDS
        self._said, self._log = (tempfile.TemporaryFile("w+b") for _ in range(2))  # noqa: SIM115  closed by _text
        self._process: subprocess.Popen[bytes] | None = None
        probe = PROBE.format(oldest=OLDEST, needed=NEEDED)
        try:
            self._process = subprocess.Popen(
                [self._python, "-s", "-c", probe, self._core],
                stdin=subprocess.DEVNULL,
                stdout=self._said,
                stderr=self._log,
                env=dict(environment),
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            self.problem = _not_started(self._python, error)

    def poll(self) -> bool:
        """Whether it is over. Never waits."""
        if self._process is None:
            return True
        if self._process.poll() is None:
            if time.monotonic() < self._ends:
                return False
            self.problem = f"The Python {self._python} did not answer within {SECONDS:g} seconds; choose another."
            self.stop()
        else:
            self._understand(_text(self._said), _text(self._log))
        self._process = None
        return True

    def stop(self) -> None:
        """End it, whatever it is at."""
        if self._process is not None:
            with contextlib.suppress(OSError):
                self._process.kill()
                self._process.wait(5)

    def _understand(self, said: str, log: str) -> None:
        word, _, rest = said.partition("\n")[0].partition(" ")
        if word == "OLD":
            needed = ".".join(map(str, OLDEST))
            self.problem = f"{self._python} is Python {rest}; Gioconda needs {needed} or newer: choose another."
            return
        if word == "LACKS":
            self.problem = (
                f"{self._python} lacks {rest.replace(' ', ', ')}: run “{self._python} -m pip install {rest}”."
            )
            return
        messages = [message for line in said.splitlines() if (message := from_line(line))]
        last = messages[-1] if messages else None
        if isinstance(last, Result):
            self.lines, self.problem = in_lines(last.data), " ".join(last.data["problems"])
        elif isinstance(last, Error):
            self.problem = last.text
        else:
            reason = next((line.strip() for line in reversed(log.splitlines()) if line.strip()), "it said nothing")
            self.problem = f"{self._python} cannot run Gioconda ({reason[:200]}): choose another."


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


def _not_started(python: str, error: OSError) -> str:
    path = Path(python)
    if path.is_dir():
        return f"{python} is a folder: choose the interpreter in it, such as bin/python or python.exe."
    if not path.exists():
        return f"There is no Python at {python}: choose the program itself, such as …/bin/python or python.exe."
    return f"{python} cannot be started ({error.strerror or error}): choose a Python interpreter."


def _text(file: Any) -> str:
    with file:
        file.seek(0)
        return bytes(file.read()).decode("utf-8", "replace")
