"""Whether the device's pixels are the processor's."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from gioconda.engine import Portrait, pose_portrait, render_rows
from gioconda.neural.corrector import corrected_frame
from gioconda.worker.messages import Message

from .sitter import corrector_of, poses_of, renderer_of

# relative to a value plus a fiftieth of white; with networks, CUDA multiplies in its convolutions with ten bits
TOLERANCE = {
    "cpu": {"off": 1e-6, "networks": 2e-3},
    "webgpu": {"off": 1e-6, "networks": 1e-4},
    "cuda": {"off": 2e-3, "networks": 2e-2},
}
PASSES = ("Combined", "Matte", "UV", "Vector")


def measure(
    portrait: Portrait,
    device: str,
    there: dict[str, tuple[Path, Path] | None],
    batches: list[int],
    failed: list[str],
) -> list[dict[str, Any]]:
    """Prints a table; what is too far apart goes to `failed`."""
    poses = poses_of(portrait, 40)[::10]
    print(f"{'networks':10}{'batch':>6}{'largest':>12}{'mean':>12}{'matte':>12}{'same bits':>11}{'allowed':>10}")
    rows = []
    for name, nets in there.items():
        corrector = corrector_of(portrait, nets, "cpu")
        allowed = TOLERANCE[device]["networks" if nets else "off"]
        wanted = []
        for pose in poses:
            posed = pose_portrait(portrait, pose)
            one = render_rows(posed, 0, portrait.height, passes=PASSES).passes
            wanted.append(corrected_frame(corrector, posed, PASSES) if corrector else one)
        for batch in batches:
            renderer = renderer_of(portrait, device, nets, batch=batch)
            messages: list[Message] = []
            made = list(
                renderer.stream((partial(pose_portrait, portrait, pose) for pose in poses), PASSES, messages.append)
            )
            if len(made) != len(poses) or any(one is None for one in made):
                failed.append(f"{name}, batch of {batch}: frames are missing ({messages})")
                continue
            row = {"neural": name, "batch": batch, "allowed": allowed, **_apart(made, wanted)}
            rows.append(row)
            if max(row["largest"], row["matte"]) > allowed:
                failed.append(f"{name}, batch of {batch}: {row['largest']:.2g} from the processor's frames")
            print(
                f"{name:10}{batch:6}{row['largest']:12.2g}{row['mean']:12.2g}{row['matte']:12.2g}"
                f"{100 * row['same']:10.2f}%{allowed:10.2g}"
            )
    print()
    return rows


def _apart(made: list[Any], wanted: list[Any]) -> dict[str, float]:
    pairs = [(one["Combined"].astype(np.float64), other["Combined"]) for one, other in zip(made, wanted, strict=True)]
    apart = [np.abs(a - b) / (np.abs(b) + 0.02) for a, b in pairs]
    mattes = [np.abs(one["Matte"] - other["Matte"]).max() for one, other in zip(made, wanted, strict=True)]
    return {
        "largest": float(max(a.max() for a in apart)),
        "mean": float(np.mean([a.mean() for a in apart])),
        "matte": float(max(mattes)),
        "same": float(np.mean([(a == b).mean() for a, b in pairs])),
    }
