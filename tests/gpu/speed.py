"""How many frames a second, and what takes the time."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

from gioconda.engine import Portrait, pose_portrait
from gioconda.errors import DeviceError
from gioconda.worker.messages import Message

from .sitter import poses_of, renderer_of

PASSES = ("Combined", "Matte")


def measure(
    portrait: Portrait, device: str, there: dict[str, tuple[Path, Path] | None], batches: list[int], frames: int
) -> list[dict[str, Any]]:
    """Prints a table, a line for each networks, precision and batch; batches that find no memory are told."""
    print(f"{portrait.width} x {portrait.height}, Combined and Matte; processor and device work side by side")
    print(f"{'networks':10}{'comes as':>9}{'batch':>6}{'processor ms':>14}{'device ms':>11}{'frames/s':>10}")
    rows = []
    for name, nets in there.items():
        for half in (False,) if device == "webgpu" else (False, True):  # WebGPU's devices need not have half
            for batch in batches:
                row = {"neural": name, "half": half, "batch": batch, "error": "", "frames_per_second": 0.0}
                try:
                    row |= _timed(portrait, device, nets, batch, half, max(frames, 2 * batch))
                    times = f"{row['processor_ms']:14.1f}{row['device_ms']:11.1f}{row['frames_per_second']:10.1f}"
                except DeviceError as error:
                    row["error"] = str(error)
                    times = f"  {error}"
                rows.append(row)
                print(f"{name:10}{'half' if half else 'float':>9}{batch:6}{times}", flush=True)
    return rows


def _timed(
    portrait: Portrait, device: str, nets: tuple[Path, Path] | None, batch: int, half: bool, frames: int
) -> dict[str, float]:
    """Milliseconds a frame of each part alone, and frames a second of both together, the first batch left out."""
    renderer = renderer_of(portrait, device, nets, batch=batch, half=half)
    poses = poses_of(portrait, frames)
    began = time.perf_counter()
    prepared = [renderer.prepare(pose_portrait(portrait, pose)) for pose in poses[:batch]]
    processor = (time.perf_counter() - began) / batch
    renderer.draw(prepared, PASSES)
    began = time.perf_counter()
    renderer.draw(prepared, PASSES)
    drawn = (time.perf_counter() - began) / batch
    messages: list[Message] = []
    todo = (partial(pose_portrait, portrait, pose) for pose in poses)
    count, started = 0, time.perf_counter()
    for done in renderer.stream(todo, PASSES, messages.append):
        count += done is not None
        if count == batch:
            started = time.perf_counter()
    if count < frames or renderer.batch < batch:
        raise DeviceError(f"too little memory: {count} of {frames} frames, {renderer.batch} at a time")
    streamed = (count - batch) / max(time.perf_counter() - started, 1e-9)
    return {"processor_ms": 1e3 * processor, "device_ms": 1e3 * drawn, "frames_per_second": streamed}
