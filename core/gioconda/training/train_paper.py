"""Meta-learning of the paper's networks, in either condition: reads from top to bottom, goes on from its checkpoint.

Zakharov et al. 2019, section 3.2: in each episode a person's K pictures are embedded and averaged, the generator makes
one more picture of that person, the discriminator says how real and how much that person it is.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..errors import InputError
from . import adversarial, checkpoint, losses
from .dataset import Pairs
from .drawing import STYLE, draw
from .fast import allowed, corrected
from .paper import Discriminator, Embedder, Generator, PaperConfig
from .sources import TRAIN
from .train_fast import note, provenance

Batch = dict[str, Tensor]


@dataclass(frozen=True)
class PaperTraining:
    """How the paper's networks learn; rates and weights are the paper's."""

    model: PaperConfig = field(default_factory=PaperConfig)
    seed: int = 0
    batch: int = 2  # episodes
    shots: int = 8  # K
    steps: int = 100_000
    generator_rate: float = 5e-5
    discriminator_rate: float = 2e-4
    discriminator_steps: int = 2
    content: float = 10.0  # of the reconstruction losses that stand for the paper's VGG terms
    every: int = 500
    half: bool = False  # bfloat16 inside the networks
    threads: int | None = None


def train_paper(pairs: Path, out: Path, config: PaperTraining, *, minutes: float | None = None) -> dict[str, float]:
    """Train until `config.steps` or for so many minutes. Writes paper-CONDITION.pt and .csv into `out`."""
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    learn = Episodes(Pairs(pairs, TRAIN, "head"), config)
    model = PaperConfig(**(asdict(config.model) | {"clips": len(learn.people)}))
    embedder, generator = Embedder(model).to(device), Generator(model).to(device)
    discriminator = Discriminator(model).to(device)
    nets = {"embedder": embedder, "generator": generator, "discriminator": discriminator}
    both = [*embedder.parameters(), *generator.parameters()]
    adams = {
        "making": torch.optim.Adam(both, lr=config.generator_rate),
        "judging": torch.optim.Adam(discriminator.parameters(), lr=config.discriminator_rate),
    }
    name = f"paper-{config.model.condition}"
    step, began, sums = _resume(out / f"{name}.pt", nets, adams), time.monotonic(), dict[str, float]()
    stream = learn.draw(config.seed + step)
    while step < config.steps and (minutes is None or time.monotonic() - began < 60 * minutes):
        batch = {key: value.to(device) for key, value in next(stream).items()}
        with torch.autocast(device.type, torch.bfloat16, enabled=config.half):
            embedding = embedded(embedder, batch)
            made = pictured(generator, batch, embedding)
        for _ in range(config.discriminator_steps):
            real, _ = discriminator(batch["target"], batch["drawing"], batch["clip"])
            fake, _ = discriminator(made.detach(), batch["drawing"], batch["clip"])
            judging = adversarial.discriminator_loss(real, fake)
            _descend(adams["judging"], judging)
        loss, parts = making_loss(discriminator, batch, made, embedding, config)
        _descend(adams["making"], loss)
        step += 1
        for key, value in {**parts, "judging": judging}.items():
            sums[key] = sums.get(key, 0.0) + float(value.detach()) / config.every
        if step % config.every == 0 or step == config.steps:
            note(out / f"{name}.csv", {"step": step, "seconds": time.monotonic() - began, **sums})
            state: dict[str, Any] = {key: each.state_dict() for key, each in {**nets, **adams}.items()}
            about = provenance(learn.pairs) | {"drawing": STYLE}
            checkpoint.save(out / f"{name}.pt", kind="paper", config=config, step=step, data=about, **state)
            sums = {}
    return sums


def embedded(embedder: Embedder, batch: Batch) -> Tensor:
    """The mean embedding of each episode's K pictures, (N, embedding)."""
    count, shots = batch["shots"].shape[:2]
    each = embedder(batch["shots"].flatten(0, 1), batch["shot_drawings"].flatten(0, 1))
    return each.view(count, shots, -1).mean(1)


def pictured(generator: Generator, batch: Batch, embedding: Tensor) -> Tensor:
    """The picture the generator makes of an episode, (N, 3, S, S): painted, or the engine's corrected."""
    styles = generator.styles(embedding)
    if generator.config.condition == "landmarks":
        return generator(batch["drawing"], styles)
    size = batch["colours"].shape[-1]
    shapes = functional.interpolate(batch["geometry"], size=(size, size), mode="bilinear", align_corners=False)
    answer = generator(torch.cat([batch["colours"], shapes], dim=1), styles).float()
    parts = (answer[:, :2], answer[:, 2:9], answer[:, 9:])
    return corrected(batch["colours"], parts, detail=False, where=allowed(batch["colours"], batch["geometry"]))


def making_loss(
    discriminator: Discriminator, batch: Batch, made: Tensor, embedding: Tensor, config: PaperTraining
) -> tuple[Tensor, dict[str, Tensor]]:
    """What embedder and generator want, and its parts: content, adversarial, feature matching, match."""
    made = made.float()
    fake, inner = discriminator(made, batch["drawing"], batch["clip"])
    with torch.no_grad():
        _, wanted = discriminator(batch["target"], batch["drawing"], batch["clip"])
    everywhere = torch.ones_like(batch["target"][:1, :1])
    flat = torch.full_like(made, 0.5)  # what no picture at all would be: the paper's mode has no engine to beat
    content = losses.reconstruction(made, flat, batch["target"], everywhere)
    content = content + 0.3 * losses.edges(made, flat, batch["target"], everywhere)
    content = content + 0.2 * losses.dissimilarity(made, batch["target"], everywhere)
    parts = {
        "content": config.content * content.mean(),
        "adversarial": adversarial.generator_loss(fake),
        "features": adversarial.feature_matching(wanted, inner),
        "match": adversarial.embedding_match(embedding.float(), discriminator.people.t()[batch["clip"]]),
    }
    return torch.stack(list(parts.values())).sum(), parts


class Episodes:
    """A person's K pictures and one pair more, drawn from shards that hold enough."""

    def __init__(self, pairs: Pairs, config: PaperTraining) -> None:
        self.pairs, self.config = pairs, config
        self.people = [s for shards in pairs.people(clips=True) if (s := [k for k in shards if self._usable(k)])]
        if not self.people:
            raise InputError(f"No clip in {pairs.folder} has {config.shots + 1} pairs with landmarks: make pairs anew.")

    def _usable(self, shard: int) -> bool:
        points = self.pairs.shards[shard] / "points.npy"
        return points.exists() and len(np.load(points, mmap_mode="r")) > self.config.shots

    def draw(self, seed: int) -> Iterator[Batch]:
        """Batches without end: shots, shot_drawings (N, K, 3, S, S); drawing, target, colours, geometry; clip (N,)."""
        rng = np.random.default_rng(seed)
        while True:
            episodes = [self._episode(rng) for _ in range(self.config.batch)]
            yield {name: torch.stack([episode[name] for episode in episodes]) for name in episodes[0]}

    def _episode(self, rng: np.random.Generator) -> Batch:
        person = int(rng.integers(len(self.people)))
        shard = int(rng.choice(self.people[person]))
        points = np.load(self.pairs.shards[shard] / "points.npy")
        last, *shots = (int(k) for k in rng.choice(len(points), self.config.shots + 1, replace=False))
        items = {k: self.pairs.load(shard, k) for k in (last, *shots)}
        drawings = {k: self._planar(draw(points[k], items[k]["target"].shape[0])) for k in items}
        return {
            "shots": torch.stack([self._planar(items[k]["target"]) for k in shots]),
            "shot_drawings": torch.stack([drawings[k] for k in shots]),
            "drawing": drawings[last],
            "clip": torch.tensor(person),
            **{name: self._planar(items[last][name]) for name in ("target", "colours", "geometry")},
        }

    def _planar(self, picture: np.ndarray) -> Tensor:
        """(3, S, S) at the networks' size; bytes become 0..1."""
        values = picture.astype(np.float32) / (255 if picture.dtype == np.uint8 else 1)
        planar = torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))
        size = self.config.model.size
        return planar if planar.shape[-1] <= size else functional.adaptive_avg_pool2d(planar, size)


def _descend(adam: torch.optim.Optimizer, loss: Tensor) -> None:
    adam.zero_grad(set_to_none=True)
    loss.backward()
    adam.step()


def _resume(path: Path, nets: dict[str, Any], adams: dict[str, torch.optim.Adam]) -> int:
    if not path.exists():
        return 0
    state = checkpoint.load(path, kind="paper")
    if state["data"]["drawing"] != STYLE:
        raise InputError(f"{path} was trained on the drawing {state['data']['drawing']}; this version draws {STYLE}.")
    for name, each in {**nets, **adams}.items():
        each.load_state_dict(state[name])
    return int(state["step"])
