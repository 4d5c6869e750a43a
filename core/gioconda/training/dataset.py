"""Batches of training pairs from shards: who is drawn how often, mirroring, changes of light and colour."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..neural.features import NUMBERS
from ..neural.feeds import FLOW_X, MIRROR_FROM, MIRROR_SIGN, PLACE_X
from .shards import find_shards

STILL = np.array([1, 1, 1, 0, 0, 0, 0, *[1] * (NUMBERS - 7)], np.float32)  # NUMBERS without translation and size
Array = npt.NDArray[Any]
Item = dict[str, Array]
Batch = dict[str, Tensor]


@dataclass(frozen=True)
class DrawSettings:
    """How pairs are drawn and changed."""

    clips: float = 0.5  # share of pairs that come from clips
    mirror: float = 0.5
    colour: float = 0.9  # share of pairs whose colours are changed
    exposure: float = 0.5  # natural logarithm, at most
    tint: float = 0.4  # the same, of red, green and blue on their own: lamps, sunsets
    gamma: float = 0.35  # natural logarithm of the exponent, at most
    grey: float = 0.2  # share of pairs that lose all colour
    swapped: tuple[float, float] = (0.5, 0.3)  # share of pairs whose red, green and blue change places: head, others
    still: float = 0.3  # share of the head's pairs that do not say how the head moved: bodies follow in their own way
    window: int = 128  # side of the part of a larger crop that is shown, a multiple of 16: the head in quarters


class Pairs:
    """All pairs of one side of the split as one part of the model sees them, memory-mapped.

    part: head, mouth or eyes; an eye is drawn from either side.
    """

    def __init__(self, folder: Path, side: str, part: str) -> None:
        self.folder, self.side, self.part = folder, side, part
        self.shards: list[Path] = []
        self.of_person: dict[tuple[bool, str], list[int]] = {}
        self.refresh()

    def refresh(self) -> None:
        """Take in what has been made since."""
        known = set(self.shards)
        for path, about in find_shards(self.folder, side=self.side):
            if path not in known and (self.part != "head" or (path / "colours_head.npy").exists()):
                key = (str(about["source"]).startswith("clips/"), str(about["person"]))
                self.of_person.setdefault(key, []).append(len(self.shards))
                self.shards.append(path)

    def people(self, *, clips: bool) -> list[list[int]]:
        """For each person the numbers of the shards."""
        return [shards for (is_clip, _), shards in self.of_person.items() if is_clip == clips]

    def load(self, shard: int, index: int, *, right: bool = False) -> Item:
        """One pair as it is stored. right: of the eyes, the right one, which is stored mirrored."""
        folder = self.shards[shard]
        view = ("right" if right else "left") if self.part == "eyes" else self.part
        numbers = np.load(folder / "numbers.npy")
        k = index % len(numbers)
        item: Item = {"numbers": numbers[k], "source": np.load(folder / "source.npy")}
        for kind in ("colours", "geometry", "target"):
            item[kind] = one_of(folder / f"{kind}_{view}.npy", k)
        item["geometry"] = item["geometry"].astype(np.float32)
        if self.part == "eyes" and right:
            item["numbers"] = item["numbers"][MIRROR_FROM] * MIRROR_SIGN
            item["geometry"][..., PLACE_X] *= -1
            item["source"] = item["source"][:, ::-1]
        return item

    def draw(self, rng: np.random.Generator, settings: DrawSettings) -> Item:
        """A pair of a random person, changed at random."""
        clips, stills = self.people(clips=True), self.people(clips=False)
        people = clips if clips and (not stills or rng.random() < settings.clips) else stills
        shards = people[int(rng.integers(len(people)))]
        shard = shards[int(rng.integers(len(shards)))]
        item = self.load(shard, int(rng.integers(1 << 30)), right=bool(rng.random() < 0.5))
        if self.part == "head":
            item = windowed(item, rng, settings.window)
        if self.part != "eyes" and rng.random() < settings.mirror:
            item = mirrored(item)
        item = coloured(item, rng, settings if rng.random() < settings.colour else None)
        if rng.random() < settings.swapped[0 if self.part == "head" else 1]:
            swap_colours(item, rng)
        if self.part == "head" and rng.random() < settings.still:
            item["numbers"] = item["numbers"] * STILL
        return item


def windowed(item: Item, rng: np.random.Generator, side: int) -> Item:
    """A random part of a crop: convolutions learn from it as from the whole, at less cost."""
    size = item["colours"].shape[0]
    room = max(0, size - side) // 2 + 1
    y, x = (2 * int(rng.integers(room)) for _ in range(2))
    out = dict(item)
    for name in ("colours", "target"):
        out[name] = np.asarray(item[name][y : y + side, x : x + side])
    out["geometry"] = item["geometry"][y // 2 : (y + side) // 2, x // 2 : (x + side) // 2]
    return out


def mirrored(item: Item) -> Item:
    """The pair in a mirror."""
    out: Item = {"numbers": item["numbers"][MIRROR_FROM] * MIRROR_SIGN}
    for name in ("source", "colours", "target", "geometry"):
        out[name] = item[name][:, ::-1].copy()
    for channel in (FLOW_X, PLACE_X):
        out["geometry"][..., channel] *= -1
    return out


def coloured(item: Item, rng: np.random.Generator, settings: DrawSettings | None) -> Item:
    """Bytes to values 0..1; with settings, the same change of light and colour on everything that shows colour."""
    codes = np.arange(256, dtype=np.float32) / 255
    table, vivid = np.stack([codes] * 3), np.float32(1)
    if settings is not None:
        gain = np.exp(rng.uniform(-1, 1) * settings.exposure + rng.uniform(-1, 1, 3) * settings.tint).astype(np.float32)
        gamma = np.float32(np.exp(rng.uniform(-1, 1) * settings.gamma))
        vivid = np.float32(0 if rng.random() < settings.grey else rng.uniform(0.6, 1.3))
        table = np.stack([codes**gamma * g for g in gain])
    out = {"numbers": item["numbers"], "geometry": item["geometry"]}
    for name, triples in (("colours", (0, 3)), ("target", (0,)), ("source", (0,))):
        stored = item[name]
        values = stored.astype(np.float32) / 255
        for first in triples if settings is not None else ():
            rgb = [table[c].astype(np.float32)[stored[..., first + c]] for c in range(3)]
            grey = np.float32(0.30) * rgb[0] + np.float32(0.59) * rgb[1] + np.float32(0.11) * rgb[2]
            for c in range(3):
                values[..., first + c] = grey + vivid * (rgb[c] - grey)
        out[name] = values
    return out


def swap_colours(item: Item, rng: np.random.Generator) -> None:
    """Red, green and blue in another order on everything that shows colour, in place."""
    order = rng.permutation(3)
    for name, triples in (("colours", (0, 3)), ("target", (0,)), ("source", (0,))):
        for first in triples:
            item[name][..., first : first + 3] = item[name][..., first + order]


def collate(items: list[Item]) -> Batch:
    """numbers (N, NUMBERS); source, colours, geometry, target (N, channels, height, width)."""
    batch = {"numbers": torch.from_numpy(np.stack([item["numbers"] for item in items]).astype(np.float32))}
    for name in ("source", "colours", "geometry", "target"):
        # in memory the channels stay last, as processors like them
        stacked = np.stack([item[name] for item in items]).astype(np.float32)
        batch[name] = torch.from_numpy(stacked).permute(0, 3, 1, 2)
    return batch


def batches(pairs: Pairs, size: int, seed: int, settings: DrawSettings) -> Iterator[Batch]:
    """Without end; new shards are taken in now and then."""
    rng = np.random.default_rng(seed)
    while True:
        pairs.refresh()
        for _ in range(200):
            yield collate([pairs.draw(rng, settings) for _ in range(size)])


def ahead(stream: Iterator[Batch]) -> Iterator[Batch]:
    """The same batches, each read and made while the one before is learned from."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, stream)
        while True:
            batch = coming.result()
            coming = thread.submit(next, stream)
            yield batch


def one_of(path: Path, index: int) -> Array:
    """Entry `index` of the first axis of a `.npy` file, read without the others and without a page at a time."""
    whole = np.load(path, mmap_mode="r")
    count = int(np.prod(whole.shape[1:]))
    start = int(whole.offset) + index * count * whole.itemsize
    return np.fromfile(path, whole.dtype, count, offset=start).reshape(whole.shape[1:])


def held_out_batches(pairs: Pairs, size: int, most: int) -> list[Batch]:
    """Always the same pairs, two thirds of them from clips, spread over people, unchanged."""
    rng = np.random.default_rng(0)
    items, is_clip = [], []
    for clips, count in ((True, (2 * most + 2) // 3), (False, most - (2 * most + 2) // 3)):
        people = pairs.people(clips=clips)
        for k in range(count if people else 0):
            shards = people[k % len(people)]
            item = pairs.load(shards[k // len(people) % len(shards)], 3 * k, right=k % 2 == 1)
            items.append(coloured(item, rng, None))
            is_clip.append(clips)
    found = [collate(items[k : k + size]) for k in range(0, len(items), size)]
    for k, batch in enumerate(found):
        batch["is_clip"] = torch.tensor(is_clip[k * size : k * size + size])
    return found
