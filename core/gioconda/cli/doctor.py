"""What was found here: machine, libraries, devices, models, colour, disk. Changes nothing."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import GiocondaError
from ..files import cache_folder, config_folder
from ..gpu import trial
from ..machine import cores, free_disk, nvidia_smi
from ..models import load_registry, model_path, models_folder
from ..models.runtime import Session, available_devices

LIBRARIES = (
    "numpy",
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxruntime-ep-webgpu",
    "opencv-python-headless",
    "OpenImageIO",
    "av",
)
MB = 1_000_000


def examine(models: Path | None = None, cache: Path | None = None) -> dict[str, Any]:
    """Everything as plain data. "problems" holds a sentence for whatever stands in the way of rendering.

    `models`, `cache`: the folders of the nets and of prepared portraits; None: the usual ones.
    """
    folder = models_folder(models)
    found: dict[str, Any] = {
        "gioconda": __version__,
        "python": f"{platform.python_version()} ({sys.executable})",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "cores": cores(),
        "memory_mb": _memory_mb(),
        "gpus": nvidia_smi("name,memory.total,driver_version"),
        "libraries": _libraries(),
        "models_folder": str(folder),
        "models": {name: _tried("whole", model_path, name, folder) for name in load_registry(folder)},
        "ocio": os.environ.get("OCIO") or "built in",
        "defaults": str(config / "defaults.yaml") if (config := config_folder()) else "none: there is no home folder",
        "live": _live(),
        "cache": _disk(folder_of_cache) if (folder_of_cache := cache or cache_folder()) else None,
        "here": _disk(Path.cwd()),
    }
    found["devices"] = _devices(folder, found["models"])
    found["trials"] = [str(one) for one in trial.kept().values()]
    found["problems"] = _problems(found)
    return found


def report(found: dict[str, Any]) -> str:
    """The same for people, a line each."""
    gpus = ", ".join(found["gpus"]) or "no NVIDIA GPU found"
    lines = [
        ("gioconda", found["gioconda"]),
        ("python", found["python"]),
        ("system", found["system"]),
        ("processor", f"{found['processor']}, {found['cores']} cores, {found['memory_mb'] / 1000:.1f} GB of memory"),
        ("gpu", gpus),
        *((name, version) for name, version in found["libraries"].items()),
        *((f"device {name}", state) for name, state in found["devices"].items()),
        *(("frames on", text) for text in found["trials"]),
        ("models", found["models_folder"]),
        *((f"  {name}", state) for name, state in found["models"].items()),
        ("colour", f"OpenColorIO configuration: {found['ocio']}"),
        *((f"live {name}", state) for name, state in found["live"].items()),
        ("defaults", found["defaults"] + ("" if Path(found["defaults"]).is_file() else " (not there)")),
        *((what, f"{d['path']}, {d['free_mb'] / 1000:.1f} GB") for what in ("cache", "here") if (d := found[what])),
    ]
    width = max(len(name) for name, _ in lines)
    text = "\n".join(f"{name:<{width}}  {value}" for name, value in lines)
    verdict = "\n".join(found["problems"]) or "All is well."
    return f"{text}\n\n{verdict}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8", errors="replace").splitlines() if info.is_file() else ()
    models = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or platform.machine())


def _memory_mb() -> int:
    """0 where the system does not say."""
    try:
        return int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / MB)
    except (AttributeError, ValueError, OSError):
        return 0


def _libraries() -> dict[str, str]:
    versions = {}
    for name in LIBRARIES:
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return versions


def _live() -> dict[str, str]:
    """What `gioconda live` finds: window, source VMC, virtual camera, cameras."""
    from ..live.camera import loopback_devices
    from ..live.window import available

    cameras = [path.name for path in sorted(Path("/dev").glob("video*")) if path not in loopback_devices()]
    return {
        "window": available(),
        "vmc": "works" if find_spec("pythonosc") else "needs python-osc: pip install gioconda[live]",
        "virtual camera": ", ".join(map(str, loopback_devices())) or "none (see docs/live.md); --page works without",
        **({"cameras": ", ".join(cameras) or "none"} if sys.platform == "linux" else {}),
    }


def _devices(folder: Path, models: dict[str, str]) -> dict[str, str]:
    """Device → "works", tried with the first whole net, or why it does not."""
    whole = next((name for name, state in models.items() if state == "whole"), None)
    if whole is None:
        return dict.fromkeys(available_devices(), "not tried: no net is there")
    return {device: _tried("works", Session, model_path(whole, folder), device) for device in available_devices()}


def _tried(good: str, work: Callable[..., object], *given: Any) -> str:
    """`good`, or the sentence that says what is wrong."""
    try:
        work(*given)
    except GiocondaError as error:
        return str(error)
    return good


def _disk(path: Path) -> dict[str, Any]:
    return {"path": str(path), "free_mb": free_disk(path) // MB}


def _problems(found: dict[str, Any]) -> list[str]:
    problems = [state for state in found["models"].values() if state != "whole"]
    if "works" not in found["devices"].values() and not problems:
        problems.append("No device can run the nets; install ONNX Runtime again (pip install onnxruntime).")
    disks = [disk for disk in (found["cache"], found["here"]) if disk]
    return problems + [f"Less than 1 GB is free at {disk['path']}." for disk in disks if disk["free_mb"] < 1000]
