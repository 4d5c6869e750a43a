"""Training pairs on disk: one folder of memory-mapped arrays for each source picture, and how to read them back.

    colours_<view>.npy  (n, size, size, 7) uint8     what `features.frame_views` shows, 0..1 in 255 steps
    geometry_<view>.npy (n, size/2, size/2, 16) float16
    target_<view>.npy   (n, size, size, 3) uint8     what the picture should look like there
    numbers.npy         (n, 17) float32
    points.npy          (n, 478, 2) float32          the face in the head's square, 0..1 (shards of before have none)
    flow_<view>.npy     (n, size/2, size/2, 3) float16  rendered pairs only: dx, dy in sides of the crop, from pixels of
                                                     the engine's picture to where its colour should come from; weight
    source.npy          (256, 256, 4) uint8          the head at rest, and its matte
    about.json          where the pairs come from

Views: head, mouth, left (eye), right (eye, mirrored). Rendered pairs have no head: their hair is no truth.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..neural.features import View

VIEWS = ("head", "mouth", "left", "right")
ABOUT = "about.json"

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Pair:
    """One frame as the engine made it, and what it should look like.

    Attributes:
        views: head, mouth, left eye, right eye; or the last three.
        targets: for each (size, size, 3) encoded colours.
        flows: for each (size / 2, size / 2, 3), see above; none where no one knows.
        numbers: (NUMBERS,), see `features`.
        points: (478, 2) landmarks in the head's square, 0..1.
    """

    views: tuple[View, ...]
    targets: tuple[Float32, ...]
    numbers: Float32
    points: Float32
    flows: tuple[Float32, ...] = ()


def write_shard(folder: Path, pairs: Sequence[Pair], source: Float32, about: dict[str, Any]) -> None:
    """Pairs of one source picture; `about` goes last, so that a folder with it is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    for k, name in enumerate(VIEWS[-len(pairs[0].views) :]):
        np.save(folder / f"colours_{name}.npy", np.stack([as_bytes(pair.views[k].colours) for pair in pairs]))
        np.save(folder / f"target_{name}.npy", np.stack([as_bytes(pair.targets[k]) for pair in pairs]))
        shapes = np.stack([pair.views[k].geometry for pair in pairs])
        np.save(folder / f"geometry_{name}.npy", shapes.astype(np.float16))
        if pairs[0].flows:
            np.save(folder / f"flow_{name}.npy", np.stack([pair.flows[k] for pair in pairs]).astype(np.float16))
    np.save(folder / "numbers.npy", np.stack([pair.numbers for pair in pairs]))
    np.save(folder / "points.npy", np.stack([pair.points for pair in pairs]).astype(np.float32))
    np.save(folder / "source.npy", as_bytes(source))
    (folder / ABOUT).write_text(json.dumps(about | {"pairs": len(pairs)}, indent=1), encoding="utf-8")


def find_shards(folder: Path, *, side: str | None = None) -> list[tuple[Path, dict[str, Any]]]:
    """Whole shards under a folder, with what they say about themselves."""
    found = []
    for path in sorted(folder.rglob(ABOUT)):
        about = json.loads(path.read_text(encoding="utf-8"))
        if side in (None, about["side"]):
            found.append((path.parent, about))
    return found


def as_bytes(values: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.uint8]:
    """0..1 as a file keeps it."""
    return np.clip(np.round(values * 255), 0, 255).astype(np.uint8)
