"""Compiles the kernels with Zig's C compiler, for this machine or for any: `python -m gioconda.native --all`.

`pip install ziglang` brings the compiler for every platform; nothing else is needed.
"""

from __future__ import annotations

import platform
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Platform → the compiler's target, and the oldest processor: what all of them have, so that results are the same.
TARGETS = {
    "linux-x86_64": ("x86_64-linux-gnu.2.17", "x86_64_v2"),
    "linux-aarch64": ("aarch64-linux-gnu.2.17", "generic"),
    "windows-x86_64": ("x86_64-windows-gnu", "x86_64_v2"),
    "macos-arm64": ("aarch64-macos.11.0", "apple_m1"),
    "macos-x86_64": ("x86_64-macos.10.15", "x86_64_v2"),
}
# Nothing that lets the order of operations depend on the instruction set: no contraction, no fast maths.
FLAGS = ("-O3", "-std=c11", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off", "-fno-math-errno", "-s", "-shared")
_SUFFIXES = {"linux": ".so", "windows": ".dll", "macos": ".dylib"}


class BuildError(Exception):
    """The compiler said no."""


def this_platform() -> str:
    """The key of `TARGETS` for this machine."""
    system = {"win32": "windows", "darwin": "macos"}.get(sys.platform, sys.platform)
    machine = platform.machine().lower().replace("amd64", "x86_64")
    return f"{system}-{machine.replace('aarch64', 'arm64') if system == 'macos' else machine}"


def path_of(target: str) -> Path:
    """Where the library for a platform is."""
    return HERE / "lib" / f"gioconda-{target}{_SUFFIXES.get(target.partition('-')[0], '.so')}"


def sources() -> list[Path]:
    """The C files."""
    return sorted(HERE.glob("*.c"))


def is_outdated(path: Path) -> bool:
    """Whether there is no library, or one that is older than its sources."""
    if not path.exists():
        return True
    newest = max((file.stat().st_mtime for file in HERE.glob("*.[ch]")), default=0.0)
    return newest > path.stat().st_mtime and find_spec("ziglang") is not None


def build(target: str) -> Path:
    """Compile the library for a platform. Raises: ImportError: no ziglang; BuildError: what the compiler said."""
    if find_spec("ziglang") is None:
        raise ImportError("there is no ziglang")
    if target not in TARGETS:
        raise BuildError(f"no target for {target}")
    triple, processor = TARGETS[target]
    path = path_of(target)
    path.parent.mkdir(exist_ok=True)
    # in a folder of its own: another process may build it, too, and some linkers leave more than was asked for
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".building-") as folder:
        made = Path(folder) / path.name
        target_flags = ("-target", triple, f"-mcpu={processor}", *(("-lm",) if target.startswith("linux") else ()))
        command = [sys.executable, "-m", "ziglang", "cc", *FLAGS, *map(str, sources()), *target_flags, "-o", str(made)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise BuildError(done.stderr.strip())
        made.replace(path)
    return path
