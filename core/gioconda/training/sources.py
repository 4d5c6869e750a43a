"""Where training data comes from: clips and stills in a folder, each with its person and its side of the split."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

TRAIN, HELD_OUT = "train", "held_out"
CLIPS = (".mp4", ".mpg", ".mov", ".avi")
STILLS = ("congress", "voteview")


@dataclass(frozen=True)
class Source:
    """One file to learn from.

    Attributes:
        path: the file.
        name: "clips/dfl_obama", "congress/house_don-young": unique, and its folder among the pairs.
        person: who it shows; no person is on both sides of the split.
        side: TRAIN or HELD_OUT.
    """

    path: Path
    name: str
    person: str
    side: str


def find_sources(folder: Path) -> list[Source]:
    """Everything in a folder with `clips`, `congress` and `voteview` that the split does not leave out."""
    splits = load_splits()
    return [*_clips(folder / "clips", splits["clips"]), *_stills(folder, splits["stills"])]


def load_splits() -> dict[str, Any]:
    """What splits.yaml says."""
    text = resources.files(__package__).joinpath("splits.yaml").read_text(encoding="utf-8")
    splits: dict[str, Any] = yaml.safe_load(text)
    return splits


def _clips(folder: Path, split: dict[str, Any]) -> list[Source]:
    person = {file: who for who, files in split["people"].items() for file in files}
    held_out = {person.get(name, name) for name in split["held_out"]}
    found = sorted(path for path in folder.glob("*") if path.suffix in CLIPS and path.stem not in split["left_out"])
    return [
        Source(path, f"clips/{path.stem}", who, HELD_OUT if who in held_out else TRAIN)
        for path in found
        for who in [person.get(path.stem, path.stem)]
    ]


def _stills(folder: Path, split: dict[str, Any]) -> list[Source]:
    found = [path for kind in STILLS for path in sorted((folder / kind).glob("*.jpg"))]
    every = int(split["held_out_every"])
    sources = []
    for path in found:
        if path.stem in split["left_out"]:
            continue
        number = int(hashlib.sha256(path.stem.encode()).hexdigest()[:8], 16)
        side = HELD_OUT if number % every == 0 else TRAIN
        sources.append(Source(path, f"{path.parent.name}/{path.stem}", path.stem, side))
    return sources
