"""Whether a card draws frames faster than this machine's processor: tried once, kept in the user's cache folder.

A verdict holds for what it was measured with: the card and its driver, the packages, the engine, the networks, and
about this many pixels (within a factor of two).
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from .. import ENGINE_VERSION
from ..engine import Portrait, pose_portrait
from ..errors import DeviceError, GiocondaError
from ..files import cache_folder, write_text
from ..machine import cores, nvidia_smi
from ..models.runtime import webgpu_device
from ..neural.bands import corrected_bands
from ..neural.corrector import Corrector
from ..pose import Pose, rotation_matrix

if TYPE_CHECKING:
    from .renderer import Renderer

FILE = "device_trials.json"
PACKAGES = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-ep-webgpu", "numpy")
PASSES = ("Combined", "Matte")
SECONDS = 20.0  # a card that takes longer for its first frame, shaders and all, is not worth waiting for
TURNED = Pose(rotation=rotation_matrix(yaw=9.0, pitch=3.0))


@dataclass(frozen=True)
class Trial:
    """What was measured.

    Attributes:
        device: “cuda” or “webgpu”; pixels: of the frame; networks: their quality, or “off”.
        card, processor: seconds a frame, the quickest of two; first: of the card's first frame, shaders included.
    """

    device: str
    pixels: int
    networks: str
    card: float
    processor: float
    first: float

    @property
    def faster(self) -> bool:
        """Whether the card is to be taken."""
        return self.card < self.processor and self.first < SECONDS

    def __str__(self) -> str:
        taken = "auto takes the card" if self.faster else "auto takes the processor"
        return (
            f"{self.device}, {self.pixels / 1e6:.1f} megapixels, networks {self.networks}: {1e3 * self.card:.0f} ms a "
            f"frame (the first {self.first:.1f} s), the processor {1e3 * self.processor:.0f} ms: {taken}"
        )


def key(device: str, pixels: int, networks: str, threads: int | None) -> str:
    """What a trial's result depends on, as a hash."""
    versions = []
    for name in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            versions.append(f"{name} {metadata.version(name)}")
    octave = pixels.bit_length()
    about = [device, card_and_driver(device), versions, ENGINE_VERSION, octave, networks, threads or cores()]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:24]


def card_and_driver(device: str) -> list[str]:
    """The card's and driver's names, as far as they can be asked for; Vulkan's drivers by their files' times."""
    known = [platform.platform(), *nvidia_smi("name,driver_version")]
    if device == "webgpu" and (card := webgpu_device()) is not None:
        hardware = card.device
        known += [str(hardware.vendor), str(hardware.vendor_id), str(hardware.device_id)]
        known += [f"{name} {value}" for name, value in sorted(dict(hardware.metadata).items())]
        named = [Path(part) for part in os.environ.get("VK_DRIVER_FILES", "").split(os.pathsep) if part]
        folders = [Path("/usr/share/vulkan/icd.d"), Path("/etc/vulkan/icd.d")]
        for file in named or sorted(file for folder in folders if folder.is_dir() for file in folder.glob("*.json")):
            with suppress(OSError):
                known.append(f"{file} {file.stat().st_mtime_ns}")
    return known


def kept() -> dict[str, Trial]:
    """All trials of this user on this machine, by `key`; {} where there are none, or the file is broken."""
    folder = cache_folder()
    try:
        content = json.loads((folder / FILE).read_text(encoding="utf-8")) if folder else {}
        return {name: Trial(**entry) for name, entry in content.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def keep(name: str, trial: Trial) -> None:
    """Write a trial down; without a folder that can be written, the next job tries again."""
    folder = cache_folder()
    if folder is None:
        return
    entries = {known: asdict(one) for known, one in (kept() | {name: trial}).items()}
    with suppress(GiocondaError, OSError):
        write_text(folder / FILE, json.dumps(entries, indent=1))


def measured(renderer: Renderer, portrait: Portrait, corrector: Corrector | None, networks: str) -> Trial:
    """Three frames on the card, one after the other, and two by the processor. Raises: DeviceError, ModelError."""

    def on_card() -> None:
        if renderer.render([renderer.prepare(pose_portrait(portrait, TURNED))], PASSES) == [None]:
            raise DeviceError("this portrait gives a card nothing to draw.")

    def on_processor() -> None:
        for _ in corrected_bands(corrector, pose_portrait(portrait, TURNED), PASSES, 256, smooth_edges=True):
            pass

    first = _seconds(on_card)
    card = first if first > SECONDS else min(_seconds(on_card), _seconds(on_card))
    processor = min(_seconds(on_processor), _seconds(on_processor))
    return Trial(renderer.graph.device, portrait.width * portrait.height, networks, card, processor, first)


def _seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
