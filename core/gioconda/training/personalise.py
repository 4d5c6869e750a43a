"""Few-shot learning of one person: the networks adapted to one or a few pictures, and what changed of them.

Zakharov et al. 2019, section 3.3: the embedding is averaged over the pictures; what it decides (there: all parameters
of the adaptive normalisation, ψ' = P·ē) becomes free, and the generator learns on the same pictures for a small number
of steps: too many, and expressions freeze. Here the layers that read the embedding and those on the way to the outputs
become free. The graph stays the exported one: only weights change, by name.

One picture gives the embedding and nothing else. It could only be moved away and back to its own expression, and what
is learned from that costs mouths 0.2 dB, or, held to what the networks said before wherever the truth is unknown, 0.1.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..engine import Portrait
from ..neural import features
from ..neural.crops import FAST
from . import losses
from .augment import Batch, DrawSettings, cropped, mirrored, recoloured
from .dataset import collate
from .fast import PARTS, Part
from .few_shot_pairs import FewShotPair, Sided, pairs_between
from .objectives import PartTraining, corrected_pictures, objective, pixel_weights
from .train import optimise

STEPS_ONE, STEPS_MANY = 125, 230  # the paper's for one picture, and for MANY and more (its users')
MANY = 30
FREE = ("numbers", "modulation", "said", "up", "last", "tone", "flow", "paint")  # from embedding to outputs
RATE = 1e-3  # of Adam: after a short rise falling along a cosine
RISE, LEAST = 10, 0.1  # steps; share of RATE at the end
BATCH = 2
STAY = 0.002  # weight of the squared way from the meta-learned weights
EVERY, PATIENCE = 20, 60  # steps between two evaluations on the held-out pairs; without progress there it ends
TIE = 1.01  # of two errors so close the later step's weights are kept
AVERAGE = 0.08  # of the averaged weights, which are what counts, is new in a step
MOST_HELD_OUT = 8  # pairs that are looked at
LIGHT = DrawSettings(colour=0.7, exposure=0.25, tint=0.15, gamma=0.18, grey=0.0)

Change = npt.NDArray[np.float16]


@dataclass(frozen=True)
class Adaptation:
    """What was learned of a person.

    Attributes:
        embedding: (1, K) float32: of head, mouth, left eye, right eye.
        changes: what is added to the network's weights, by their names in the exported file.
        steps: of fine-tuning that lowered the held-out error, of the part that learned longest.
        before, after: relative error on held-out pairs (of two pictures: on all), mean of the parts; 1: as without a
            network. Of one picture, that teaches nothing: 1.
    """

    embedding: npt.NDArray[np.float32]
    changes: dict[str, Change]
    steps: int
    before: float
    after: float


@dataclass(frozen=True)
class PartAdaptation:
    """One part's share of it: changes by the part's own names."""

    changes: dict[str, Change]
    steps: int
    before: float
    after: float


@dataclass(frozen=True)
class PartData:
    """What one part learns from: pairs, pairs held out, and the person's embedding as it is and in a mirror, (2, K)."""

    part: str
    train: list[Sided]
    held_out: list[Sided]
    embeddings: Tensor
    steps: int
    seed: int = 0


def personalise(
    portraits: Sequence[Portrait],
    parts: dict[str, Part],
    *,
    changeable: Collection[str],
    seed: int = 0,
    steps: int | None = None,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> Adaptation:
    """The networks adapted to the person in all of these portraits.

    Args:
        changeable: names of the exported file's weights that can be changed: see `models.onnx_weights`.
        steps: at most so many; None: by the number of pictures.
        told: given how many steps are done, of how many at most.
    """
    shots = pairs_between(portraits, seed=seed)
    sources = torch.from_numpy(np.stack([features.still(p).head_rgba for p in portraits]).transpose(0, 3, 1, 2).copy())
    budget = most_steps(len(portraits)) if steps is None else steps
    embeddings, adaptations = list[Tensor](), list[PartAdaptation]()
    changes: dict[str, Change] = {}
    for number, name in enumerate(PARTS):
        told(number * budget, len(PARTS) * budget)
        both = mean_embeddings(parts[name], sources)
        embeddings.append(both.flatten()[None] if name == "eyes" else both[:1])
        if not shots:
            continue
        free = [key for key in free_weights(parts[name]) if f"parts.{name}.{key}" in changeable]
        adapted = adapt(parts[name], part_data(name, shots, both, budget, seed), free)
        changes |= {f"parts.{name}.{key}": change for key, change in adapted.changes.items()}
        adaptations.append(adapted)
    embedding = torch.cat(embeddings, dim=1).numpy().astype(np.float32)
    if not adaptations:
        return Adaptation(embedding, {}, 0, 1.0, 1.0)
    before, after = (float(np.mean([getattr(each, when) for each in adaptations])) for when in ("before", "after"))
    return Adaptation(embedding, changes, max(each.steps for each in adaptations), before, after)


def most_steps(pictures: int) -> int:
    """How many steps so many pictures are worth at most."""
    return round(STEPS_ONE + min(1.0, (pictures - 1) / (MANY - 1)) * (STEPS_MANY - STEPS_ONE))


@torch.no_grad()
def mean_embeddings(part: Part, sources: Tensor) -> Tensor:
    """Embeddings averaged over pictures (N, 4, 256, 256): as they are, in a mirror. (2, K)"""
    return torch.stack([part.embedder(each).mean(0) for each in (sources, sources.flip(-1))])


def free_weights(part: Part) -> list[str]:
    """The names of the weights that become free."""
    names = [key for key, _ in part.named_parameters() if not key.startswith("embedder.")]
    return [key for key in names if any(word in FREE for word in key.split("."))]


def part_data(name: str, shots: Sequence[FewShotPair], embeddings: Tensor, steps: int, seed: int) -> PartData:
    """What a part learns from, and is evaluated on meanwhile."""
    train = [item for shot in shots if not shot.held_out for item in shot.items(name)]
    held_out = [item for shot in shots if shot.held_out for item in shot.items(name)] or train
    return PartData(name, train, held_out, embeddings, steps, seed)


def adapt(part: Part, data: PartData, free: Collection[str]) -> PartAdaptation:
    """A part fine-tuned on a person; the part itself stays as it is."""
    part = copy.deepcopy(part).requires_grad_(False)
    weights = {key: value.requires_grad_(True) for key, value in part.named_parameters() if key in free}
    start = {key: value.detach().clone() for key, value in weights.items()}
    before = best = after = held_out_error(part, data, start)
    kept, at = start, 0
    if not weights:
        return PartAdaptation({}, 0, before, before)
    for step, average in enumerate(fine_tune(part, weights, data, data.train, data.steps, RATE), 1):
        if step % EVERY == 0 or step == data.steps:
            now = held_out_error(part, data, average)
            if now < TIE * best:
                kept, at, after = {key: value.clone() for key, value in average.items()}, step, now
            elif step - at >= PATIENCE:
                break
            best = min(best, now)
    if at and data.held_out is not data.train:  # the steps are chosen: train on the held-out pairs, too
        with torch.no_grad():
            for key, value in weights.items():
                value.copy_(kept[key])
        for average in fine_tune(part, weights, data, data.train + data.held_out, at // 2, RATE / 2):
            kept = average
    changes = {key: (kept[key] - start[key]).numpy().astype(np.float16) for key in weights} if at else {}
    return PartAdaptation(changes, at, before, after)


def fine_tune(
    part: Part, weights: dict[str, Tensor], data: PartData, pairs: list[Sided], steps: int, rate: float
) -> Iterator[dict[str, Tensor]]:
    """Learn from pairs step by step: `weights`, which are the part's own, change. Yields their moving average."""
    start, average = ({key: value.detach().clone() for key, value in weights.items()} for _ in range(2))
    adam, rng = torch.optim.Adam(weights.values(), lr=rate, betas=(0.9, 0.99)), np.random.default_rng(data.seed)
    for step in range(1, steps + 1):
        for group in adam.param_groups:
            fall = 0.5 * (1 + np.cos(np.pi * step / steps))
            group["lr"] = rate * min(1, step / RISE) * (LEAST + (1 - LEAST) * fall)
        away = torch.stack([((value - start[key]) ** 2).sum() for key, value in weights.items()]).sum()
        loss = loss_of(part, draw_batch(data, pairs, rng), data.part) + STAY * away
        optimise(adam, loss)
        for key, value in weights.items():
            average[key] += max(AVERAGE, 1 / (1 + step)) * (value.detach() - average[key])
        yield average


def draw_batch(data: PartData, pairs: list[Sided], rng: np.random.Generator) -> Batch:
    """A batch of pairs, mirrored and in another light at random; with the embedding of each."""
    items, sides = [], []
    for _ in range(BATCH):
        item, side = pairs[int(rng.integers(len(pairs)))]
        if data.part == "head":
            item = cropped(item, rng, LIGHT.window)
        if data.part != "eyes" and rng.random() < LIGHT.mirror:
            item, side = mirrored(item), 1 - side
        items.append(recoloured(item, rng, LIGHT if rng.random() < LIGHT.colour else None))
        sides.append(side)
    return collate(items) | {"embedding": data.embeddings[sides]}


def loss_of(part: Part, batch: Batch, name: str) -> Tensor:
    """The loss of meta-learning, with the person's embedding."""
    config = PartTraining(part=name)
    outputs = part(batch["colours"], batch["geometry"], batch["numbers"], batch["embedding"])
    pictures = corrected_pictures(batch, outputs, head=name == "head", side=FAST.head)
    return objective(batch, outputs, pictures, config)


@torch.no_grad()
def held_out_error(part: Part, data: PartData, weights: dict[str, Tensor]) -> float:
    """Mean relative error of the held-out pairs, with these weights in place of the part's own."""
    rng, head, errors = np.random.default_rng(0), data.part == "head", []
    few = np.linspace(0, len(data.held_out) - 1, min(MOST_HELD_OUT, len(data.held_out))).round().astype(int)
    for item, side in (data.held_out[int(k)] for k in few):
        batch = collate([recoloured(item, rng, None)])
        inputs = (batch["colours"], batch["geometry"], batch["numbers"], data.embeddings[[side]])
        outputs = torch.func.functional_call(part, weights, inputs)
        picture, engine = corrected_pictures(batch, outputs, head=head), batch["colours"][:, :3]
        weight = pixel_weights(batch["colours"], head=head)
        errors.append(float(losses.reconstruction(picture, engine, batch["target"], weight)))
    return float(np.mean(errors))
