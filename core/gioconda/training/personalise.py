"""Few-shot learning of one person: the networks adapted to one or a few pictures, and what changed of them.

Zakharov et al. 2019, section 3.3: the embedding is averaged over the pictures; what it decides (there: all parameters
of the adaptive normalisation, ψ' = P·ē) becomes free, and the generator learns on the same pictures for a small number
of steps: too many, and expressions freeze. Here the layers that read the code and those on the way to the answer become
free. The graph stays the exported one: only weights change, by name.

One picture gives the embedding and nothing else. It could only be moved away and back to its own expression, and what
is learned from that costs mouths 0.2 dB, or, held to what the networks said before wherever the truth is unknown, 0.1.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..engine import Portrait
from ..neural import features
from . import losses
from .augment import Batch, DrawSettings, coloured, mirrored, windowed
from .dataset import collate
from .fast import PARTS, Part
from .few_shot_pairs import Shot, Sided, between
from .objectives import PartTraining, objective, shown, where

STEPS_ONE, STEPS_MANY = 125, 230  # the paper's for one picture, and for MANY and more (its users')
MANY = 30
FREE = ("numbers", "modulation", "said", "up", "last", "tone", "flow", "paint")  # reads the code, leads to the answer
RATE = 1e-3  # of Adam: after a short rise falling along a cosine
RISE, LEAST = 10, 0.1  # steps; share of RATE at the end
BATCH = 2
HOLD = 0.002  # weight of the squared way from the meta-learned weights
EVERY, PATIENCE = 20, 60  # steps between two looks at what is kept aside; without progress there it ends
TIE = 1.01  # of two errors so close the later step's weights are kept
AVERAGE = 0.08  # of the averaged weights, which are what counts, is new in a step
MOST_ASIDE = 8  # pairs that are looked at
LIGHT = DrawSettings(colour=0.7, exposure=0.25, tint=0.15, gamma=0.18, grey=0.0)

Change = npt.NDArray[np.float16]


@dataclass(frozen=True)
class Personal:
    """What was learned of a person.

    Attributes:
        code: (1, K) float32: of head, mouth, left eye, right eye.
        changes: what is added to the network's weights, by their names in the exported file.
        steps: of fine-tuning that were worth keeping, of the part that learned longest.
        before, after: relative error on pairs kept aside (of two pictures: on all), mean of the parts; 1: as without a
            network. Of one picture, that teaches nothing: 1.
    """

    code: npt.NDArray[np.float32]
    changes: dict[str, Change]
    steps: int
    before: float
    after: float


@dataclass(frozen=True)
class Adapted:
    """One part's share of it: changes by the part's own names."""

    changes: dict[str, Change]
    steps: int
    before: float
    after: float


@dataclass(frozen=True)
class Lesson:
    """What one part learns from: pairs, pairs kept aside, and the person's code as they are and in a mirror, (2, K)."""

    part: str
    learn: list[Sided]
    aside: list[Sided]
    codes: Tensor
    steps: int
    seed: int = 0


def personalise(
    portraits: Sequence[Portrait],
    parts: dict[str, Part],
    *,
    changeable: Collection[str],
    seed: int = 0,
    steps: int | None = None,
) -> Personal:
    """The networks adapted to the person in all of these portraits.

    Args:
        changeable: names of the exported file's weights that can be changed: see `models.wire`.
        steps: at most so many; None: by the number of pictures.
    """
    shots = between(portraits, seed=seed)
    sources = torch.from_numpy(np.stack([features.still(p).head_rgba for p in portraits]).transpose(0, 3, 1, 2).copy())
    budget = budget_of(len(portraits)) if steps is None else steps
    codes, adaptations = list[Tensor](), list[Adapted]()
    changes: dict[str, Change] = {}
    for name in PARTS:
        both = mean_codes(parts[name], sources)
        codes.append(both.flatten()[None] if name == "eyes" else both[:1])
        if not shots:
            continue
        free = [key for key in freed(parts[name]) if f"parts.{name}.{key}" in changeable]
        adapted = adapt(parts[name], lesson_of(name, shots, both, budget, seed), free)
        changes |= {f"parts.{name}.{key}": change for key, change in adapted.changes.items()}
        adaptations.append(adapted)
    code = torch.cat(codes, dim=1).numpy().astype(np.float32)
    if not adaptations:
        return Personal(code, {}, 0, 1.0, 1.0)
    before, after = (float(np.mean([getattr(each, when) for each in adaptations])) for when in ("before", "after"))
    return Personal(code, changes, max(each.steps for each in adaptations), before, after)


def budget_of(pictures: int) -> int:
    """How many steps so many pictures are worth at most."""
    return round(STEPS_ONE + min(1.0, (pictures - 1) / (MANY - 1)) * (STEPS_MANY - STEPS_ONE))


@torch.no_grad()
def mean_codes(part: Part, sources: Tensor) -> Tensor:
    """Embeddings averaged over pictures (N, 4, 256, 256): as they are, in a mirror. (2, K)"""
    return torch.stack([part.embedder(each).mean(0) for each in (sources, sources.flip(-1))])


def freed(part: Part) -> list[str]:
    """The names of the weights that become free."""
    names = [key for key, _ in part.named_parameters() if not key.startswith("embedder.")]
    return [key for key in names if any(word in FREE for word in key.split("."))]


def lesson_of(name: str, shots: Sequence[Shot], codes: Tensor, steps: int, seed: int) -> Lesson:
    """What a part learns from, and is judged on meanwhile."""
    learn = [seen for shot in shots if not shot.aside for seen in shot.seen(name)]
    aside = [seen for shot in shots if shot.aside for seen in shot.seen(name)] or learn
    return Lesson(name, learn, aside, codes, steps, seed)


def adapt(part: Part, lesson: Lesson, free: Collection[str]) -> Adapted:
    """A part fine-tuned on a person; the part itself stays as it is."""
    part = copy.deepcopy(part).requires_grad_(False)
    weights = {key: value.requires_grad_(True) for key, value in part.named_parameters() if key in free}
    start = {key: value.detach().clone() for key, value in weights.items()}
    before = best = after = error(part, lesson, start)
    kept, at = start, 0
    if not weights:
        return Adapted({}, 0, before, before)
    for step, average in enumerate(learned(part, weights, lesson, lesson.learn, lesson.steps, RATE), 1):
        if step % EVERY == 0 or step == lesson.steps:
            now = error(part, lesson, average)
            if now < TIE * best:
                kept, at, after = {key: value.clone() for key, value in average.items()}, step, now
            elif step - at >= PATIENCE:
                break
            best = min(best, now)
    if at and lesson.aside is not lesson.learn:  # what was kept aside has judged: now it is learned too
        with torch.no_grad():
            for key, value in weights.items():
                value.copy_(kept[key])
        for average in learned(part, weights, lesson, lesson.learn + lesson.aside, at // 2, RATE / 2):
            kept = average
    changes = {key: (kept[key] - start[key]).numpy().astype(np.float16) for key in weights} if at else {}
    return Adapted(changes, at, before, after)


def learned(
    part: Part, weights: dict[str, Tensor], lesson: Lesson, pairs: list[Sided], steps: int, rate: float
) -> Iterator[dict[str, Tensor]]:
    """Learn from pairs step by step: `weights`, which are the part's own, change. Yields their moving average."""
    start, average = ({key: value.detach().clone() for key, value in weights.items()} for _ in range(2))
    adam, rng = torch.optim.Adam(weights.values(), lr=rate, betas=(0.9, 0.99)), np.random.default_rng(lesson.seed)
    for step in range(1, steps + 1):
        for group in adam.param_groups:
            fall = 0.5 * (1 + np.cos(np.pi * step / steps))
            group["lr"] = rate * min(1, step / RISE) * (LEAST + (1 - LEAST) * fall)
        away = torch.stack([((value - start[key]) ** 2).sum() for key, value in weights.items()]).sum()
        loss = lost(part, drawn(lesson, pairs, rng), lesson.part) + HOLD * away
        adam.zero_grad(set_to_none=True)
        loss.backward()
        adam.step()
        for key, value in weights.items():
            average[key] += max(AVERAGE, 1 / (1 + step)) * (value.detach() - average[key])
        yield average


def drawn(lesson: Lesson, pairs: list[Sided], rng: np.random.Generator) -> Batch:
    """A batch of pairs, mirrored and in another light at random; with the code of each."""
    items, sides = [], []
    for _ in range(BATCH):
        item, side = pairs[int(rng.integers(len(pairs)))]
        if lesson.part == "head":
            item = windowed(item, rng, LIGHT.window)
        if lesson.part != "eyes" and rng.random() < LIGHT.mirror:
            item, side = mirrored(item), 1 - side
        items.append(coloured(item, rng, LIGHT if rng.random() < LIGHT.colour else None))
        sides.append(side)
    return collate(items) | {"code": lesson.codes[sides]}


def lost(part: Part, batch: Batch, name: str) -> Tensor:
    """The loss of meta-learning, with the person's code."""
    config = PartTraining(part=name)
    answer = part(batch["colours"], batch["geometry"], batch["numbers"], batch["code"])
    return objective(batch, answer, shown(batch, answer, config), config)


@torch.no_grad()
def error(part: Part, lesson: Lesson, weights: dict[str, Tensor]) -> float:
    """Mean relative error of what is kept aside, with these weights in place of the part's own."""
    rng, config, errors = np.random.default_rng(0), PartTraining(part=lesson.part), []
    few = np.linspace(0, len(lesson.aside) - 1, min(MOST_ASIDE, len(lesson.aside))).round().astype(int)
    for item, side in (lesson.aside[int(k)] for k in few):
        batch = collate([coloured(item, rng, None)])
        inputs = (batch["colours"], batch["geometry"], batch["numbers"], lesson.codes[[side]])
        answer = torch.func.functional_call(part, weights, inputs)
        picture, engine = shown(batch, answer, config), batch["colours"][:, :3]
        weight = where(lesson.part, batch["colours"])
        errors.append(float(losses.reconstruction(picture, engine, batch["target"], weight)))
    return float(np.mean(errors))
