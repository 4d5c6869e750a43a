"""Batches of training pairs from shards: who is drawn how often."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, Dataset

from ..engine.network_channels import Geometry, Number
from ..neural.network_inputs import MIRROR_FROM, MIRROR_SIGN
from .augment import PICTURES, Batch, DrawSettings, Item, cropped, mirrored, recoloured, swap_channels
from .shards import find_shards

STILL = np.array([not Number.MOVED_X <= n <= Number.SIZE for n in Number], np.float32)  # without translation and size
Array = npt.NDArray[Any]
Thing = TypeVar("Thing")


CLIPS, STILLS, RENDERED = "clips", "stills", "rendered"


class Pairs:
    """All pairs of one side of the split as one part of the model sees them, memory-mapped.

    part: head, mouth or eyes; an eye is drawn from either side.
    columns: the people learned from, in an order that stays: a person's number is their column of the matrix W.
    """

    def __init__(self, folder: Path, side: str, part: str, *, columns: Sequence[str] = ()) -> None:
        self.folder, self.side, self.part = folder, side, part
        self.shards: list[Path] = []
        self.of_person: dict[tuple[str, str], list[int]] = {}
        self.person_of: list[tuple[str, str]] = []  # of each shard
        self.refresh()
        self.columns = {name: k for k, name in enumerate(columns)}
        for _, person in self.of_person:
            self.columns.setdefault(person, len(self.columns))

    def refresh(self) -> None:
        """Take in what has been made since. New people have no column (-1) before training is taken up again."""
        known = set(self.shards)
        for path, about in find_shards(self.folder, side=self.side):
            if path not in known and (self.part != "head" or (path / "colours_head.npy").exists()):
                kind = str(about["source"]).split("/")[0]
                key = (kind if kind in (CLIPS, RENDERED) else STILLS, str(about["person"]))
                self.of_person.setdefault(key, []).append(len(self.shards))
                self.shards.append(path)
                self.person_of.append(key)

    def people(self, kind: str) -> list[list[int]]:
        """For each person in CLIPS, STILLS or RENDERED the numbers of the shards."""
        return [shards for (found, _), shards in self.of_person.items() if found == kind]

    def load(self, shard: int, index: int, *, right: bool = False, others: Sequence[int] = ()) -> Item:
        """One pair as it is stored. right: of the eyes, the right one, which is stored mirrored.

        others: shards of the same person whose pictures are embedded too; source is (1 + others, S, S, 4) then.
        """
        folder = self.shards[shard]
        view = ("right" if right else "left") if self.part == "eyes" else self.part
        numbers = np.load(folder / "numbers.npy")
        k = index % len(numbers)
        sources = [np.load(self.shards[each] / "source.npy") for each in (shard, *others)]
        item: Item = {"numbers": numbers[k], "source": np.stack(sources) if others else sources[0]}
        for kind in ("colours", "geometry", "target"):
            item[kind] = read_entry(folder / f"{kind}_{view}.npy", k)
        item["geometry"] = item["geometry"].astype(np.float32)
        flow = folder / f"flow_{view}.npy"
        item["flow"] = read_entry(flow, k).astype(np.float32) if flow.exists() else _unknown(item["geometry"])
        item["person"] = np.array(self.columns.get(self.person_of[shard][1], -1))
        if self.part == "eyes" and right:
            item["numbers"] = item["numbers"][MIRROR_FROM] * MIRROR_SIGN
            item["geometry"][..., Geometry.HEAD_X] *= -1
            item["source"] = item["source"][..., ::-1, :]
        return item

    def draw(self, rng: np.random.Generator, settings: DrawSettings, *, shots: int = 1) -> Item:
        """A pair of a random person, changed at random. shots: pictures of the person to embed."""
        people = self._people(rng, settings)
        shards = people[int(rng.integers(len(people)))]
        shard = shards[int(rng.integers(len(shards)))]
        others = [shards[int(k)] for k in rng.integers(len(shards), size=shots - 1)]
        item = self.load(shard, int(rng.integers(1 << 30)), right=bool(rng.random() < 0.5), others=others)
        if self.part == "head":
            item = cropped(item, rng, settings.window)
        if self.part != "eyes" and rng.random() < settings.mirror:
            item = mirrored(item)
        item = recoloured(item, rng, settings if rng.random() < settings.colour else None)
        if rng.random() < settings.swapped[0 if self.part == "head" else 1]:
            swap_channels(item, rng)
        if self.part == "head" and rng.random() < settings.still:
            item["numbers"] = item["numbers"] * STILL
        return item

    def _people(self, rng: np.random.Generator, settings: DrawSettings) -> list[list[int]]:
        """The people of the kind that is drawn from: of what there is."""
        clips, stills, rendered = (self.people(kind) for kind in (CLIPS, STILLS, RENDERED))
        if rendered and (rng.random() < settings.rendered or not (clips or stills)):
            return rendered
        return clips if clips and (not stills or rng.random() < settings.clips) else stills


def _unknown(geometry: Array) -> Array:
    """A flow nobody knows: its weight is 0."""
    return np.zeros((*geometry.shape[:2], 3), np.float32)


def collate(items: list[Item]) -> Batch:
    """Pictures (N, channels, height, width), several sources (N, K, 4, height, width); numbers; person (N,) int64."""
    batch: Batch = {}
    for name in items[0]:
        stacked = torch.from_numpy(np.stack([item[name] for item in items]))
        # in memory the channels stay last, as processors like them
        batch[name] = stacked.float().movedim(-1, -3) if name in PICTURES else stacked
    batch["numbers"] = batch["numbers"].float()
    return batch


class PairBatches(Dataset[Batch]):
    """Batches by number: the same for the same seed and pairs, whoever makes them and wherever training goes on."""

    def __init__(self, pairs: Pairs, size: int, seed: int, settings: DrawSettings, *, refresh: int = 200) -> None:
        """refresh: steps after which new shards are looked for."""
        self.pairs, self.size, self.seed, self.settings, self.refresh = pairs, size, seed, settings, refresh

    def __getitem__(self, step: int) -> Batch:
        if step % self.refresh == 0:
            self.pairs.refresh()
        rng = np.random.default_rng([self.seed, step])
        shots = int(rng.integers(1, self.settings.shots + 1))
        return collate([self.pairs.draw(rng, self.settings, shots=shots) for _ in range(self.size)])


def stream(drawn: PairBatches, start: int, *, workers: int = 0) -> Iterator[Batch]:
    """Batches from number `start` on without end, made by so many processes, in order; 0: by a thread, one ahead."""
    numbers = itertools.count(start)
    if workers == 0:
        return prefetched(drawn[step] for step in numbers)
    pin = torch.cuda.is_available()
    loader = DataLoader(drawn, None, sampler=numbers, num_workers=workers, prefetch_factor=4, pin_memory=pin)
    return iter(loader)


def prefetched(batches: Iterator[Thing]) -> Iterator[Thing]:
    """The same batches, each read and made while the one before is learned from."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, batches)
        while True:
            batch = coming.result()
            coming = thread.submit(next, batches)
            yield batch


def read_entry(path: Path, index: int) -> Array:
    """Entry `index` of the first axis of a `.npy` file, read without the others and without a page at a time."""
    whole = np.load(path, mmap_mode="r")
    count = int(np.prod(whole.shape[1:]))
    start = int(whole.offset) + index * count * whole.itemsize
    return np.fromfile(path, whole.dtype, count, offset=start).reshape(whole.shape[1:])


def held_out_batches(pairs: Pairs, size: int, most: int) -> list[Batch]:
    """Always the same pairs, two thirds of them from clips, spread over people, unchanged."""
    rng = np.random.default_rng(0)
    items, is_clip = [], []
    for kind, count in ((CLIPS, (2 * most + 2) // 3), (STILLS, most - (2 * most + 2) // 3)):
        people = pairs.people(kind)
        for k in range(count if people else 0):
            shards = people[k % len(people)]
            item = pairs.load(shards[k // len(people) % len(shards)], 3 * k, right=k % 2 == 1)
            items.append(recoloured(item, rng, None))
            is_clip.append(kind == CLIPS)
    found = [collate(items[k : k + size]) for k in range(0, len(items), size)]
    for k, batch in enumerate(found):
        batch["is_clip"] = torch.tensor(is_clip[k * size : k * size + size])
    return found
