"""Episodes for the paper's networks: K pictures of a person, and one more that is to be made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ...errors import InputError
from ..dataset import CLIPS, Pairs, read_entry
from .landmark_drawing import draw
from .shard_landmarks import Points, ShardLandmarks

Batch = dict[str, Tensor]


class Episodes:
    """A person's K pictures and one more, drawn from shards of clips that have enough.

    Args:
        shots: K; size: side of the pictures shown; engine: whether the engine's picture of the last one is needed.
        columns: whose column of the discriminator's matrix W is which, from a checkpoint; new people come after them.
    """

    def __init__(
        self, pairs: Pairs, faces: ShardLandmarks, *, shots: int, size: int, engine: bool, columns: Sequence[str] = ()
    ) -> None:
        self.pairs, self.shots, self.size, self.engine = pairs, shots, size, engine
        self.points: dict[int, Points] = {}
        self.people: dict[str, list[int]] = {}
        for (kind, person), shards in pairs.of_person.items():
            usable = [shard for shard in shards if kind == CLIPS and self._usable(shard, faces)]
            if usable:
                self.people[person] = usable
        if not self.people:
            raise InputError(f"No clip in {pairs.folder} has {shots + 1} pairs with landmarks: make pairs anew.")
        self.columns = [*columns, *(person for person in self.people if person not in columns)]

    def _usable(self, shard: int, faces: ShardLandmarks) -> bool:
        path = self.pairs.shards[shard]
        points = faces.of(path, str(path.relative_to(self.pairs.folder)))
        if points is None or self._whole(points).size <= self.shots:
            return False
        self.points[shard] = points
        return True

    def _whole(self, points: Points) -> np.ndarray:
        return np.flatnonzero(~np.isnan(points).any((1, 2)))

    def draw(self, batch: int, seed: int) -> Iterator[Batch]:
        """Batches without end: shots, shot_drawings (N, K, 3, S, S); drawing, target, colours, geometry; clip (N,)."""
        rng, names = np.random.default_rng(seed), list(self.people)
        while True:
            yield stacked([self.episode(names[int(rng.integers(len(names)))], rng) for _ in range(batch)])

    def fixed(self, count: int) -> list[Batch]:
        """Always the same episodes, spread over people, one a batch."""
        rng, names = np.random.default_rng(0), list(self.people)
        return [stacked([self.episode(names[k % len(names)], rng)]) for k in range(count)]

    def episode(self, person: str, rng: np.random.Generator) -> Batch:
        """One episode, without the batch's axis."""
        shard = int(rng.choice(self.people[person]))
        points, folder = self.points[shard], self.pairs.shards[shard]
        last, *shots = (int(k) for k in rng.choice(self._whole(points), self.shots + 1, replace=False))
        pictures = {k: self._planar(read_entry(folder / "target_head.npy", k)) for k in (last, *shots)}
        drawings = {k: self._planar(draw(points[k], pictures[k].shape[-1])) for k in pictures}
        shown = {
            "shots": torch.stack([pictures[k] for k in shots]),
            "shot_drawings": torch.stack([drawings[k] for k in shots]),
            "drawing": drawings[last],
            "target": pictures[last],
            "clip": torch.tensor(self.columns.index(person)),
        }
        if self.engine:
            item = self.pairs.load(shard, last)
            shown |= {name: self._planar(item[name]) for name in ("colours", "geometry")}
        return shown

    def _planar(self, picture: np.ndarray) -> Tensor:
        """(C, S, S) at the networks' size; bytes become 0..1."""
        values = picture.astype(np.float32) / (255 if picture.dtype == np.uint8 else 1)
        planar = torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))
        return planar if planar.shape[-1] <= self.size else functional.adaptive_avg_pool2d(planar, self.size)


def stacked(episodes: list[Batch]) -> Batch:
    """Episodes as one batch."""
    return {name: torch.stack([episode[name] for episode in episodes]) for name in episodes[0]}
