"""Meta-learning of one part of the `fast` model (head, mouth or eyes), from top to bottom.

It stops at any time and goes on from its last checkpoint. The parts know nothing of each other: train them beside each
other.
"""

from __future__ import annotations

import csv
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from ..neural.crops import HEAD_PX
from . import adversarial, checkpoint, losses
from .critic import Critic
from .dataset import Batch, DrawSettings, Pairs, ahead, batches, held_out_batches
from .fast import SIZES, Part, allowed, corrected, window
from .jitter import jittered
from .sheets import write_sheet
from .sources import HELD_OUT, TRAIN

LOG = logging.getLogger(__name__)
RIM = 8  # pixels


@dataclass(frozen=True)
class FastTraining:
    """How a part of the `fast` model learns."""

    part: str = "head"  # one of PARTS
    draw: DrawSettings = field(default_factory=DrawSettings)
    seed: int = 0
    batch: int = 8
    steps: int = 20_000
    rate: float = 8e-4  # of Adam, falling to a twentieth along a cosine
    warm_up: int = 200
    average: float = 0.998  # of the averaged weights, which are what is used
    edges: float = 0.3  # weight of the loss of gradients
    decibels: float = 0.4  # of the logarithm of the squared error
    ssim: float = 0.2
    paint: float = 0.01  # what painting costs: corrections where they help, nothing elsewhere
    adversarial: float = 0.0  # weight of the critic's opinion, for the last stage: 0.02 sharpens; 0: no critic
    features: float = 1.0  # weight of feature matching beside it
    flow: float = 0.01  # what moving costs
    bend: float = 0.05  # what a flow that differs between neighbours costs: glasses, teeth and outlines stay straight
    every: int = 250  # steps between two lines of the log and two checkpoints
    held_out: int = 48  # pairs
    threads: int | None = None
    half: bool = False  # bfloat16 inside the networks
    decay: float = 0.02  # of weights, per step and unit of the rate
    jitter: float = 0.6  # share of batches of mouth and eyes that are turned, moved and sized anew


def train_fast(pairs: Path, out: Path, config: FastTraining, *, minutes: float | None = None) -> dict[str, float]:
    """Train until `config.steps` or for so many minutes. Returns the last held-out figures.

    Writes into `out`: PART.pt (checkpoint), PART.csv (log), PART.png (contact sheet).
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = Part(SIZES[config.part]).to(device, memory_format=torch.channels_last)
    average = AveragedModel(model, avg_fn=moving_average(config.average))
    adam = torch.optim.AdamW(model.parameters(), lr=config.rate, betas=(0.9, 0.99), weight_decay=config.decay)
    critic = Critic().to(device)
    judging = torch.optim.Adam(critic.parameters(), lr=2e-4, betas=(0.0, 0.99))
    state = {"model": model, "average": average, "adam": adam, "critic": critic, "judging": judging}
    step = _resume(out / f"{config.part}.pt", state)
    learn = Pairs(pairs, TRAIN, config.part)
    judge = held_out_batches(Pairs(pairs, HELD_OUT, config.part), config.batch, config.held_out)
    rng = np.random.default_rng([config.seed, step])
    stream = ahead(batches(learn, config.batch, config.seed + step, config.draw))
    began, figures, sums = time.monotonic(), dict[str, float](), 0.0
    while step < config.steps and (minutes is None or time.monotonic() - began < 60 * minutes):
        for group in adam.param_groups:
            group["lr"], group["weight_decay"] = rate_at(step, config), config.decay
        batch = {name: value.to(device) for name, value in next(stream).items()}
        if config.part != "head" and rng.random() < config.jitter:
            batch = jittered(batch, rng)
        with torch.autocast(device.type, torch.bfloat16, enabled=config.half):
            answer = answered(model, batch)
        picture = shown(batch, answer, config)
        loss = objective(batch, answer, picture, config)
        if config.adversarial:
            _criticise(critic, judging, batch, picture.detach())
            loss = loss + opinion(critic, batch, picture, config)
        adam.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        average.update_parameters(model)
        step, sums = step + 1, sums + float(loss.detach())
        if step % config.every == 0 or step == config.steps:
            average.eval()
            figures = judged(average.module, judge, device)
            line = {"step": step, "seconds": time.monotonic() - began, "loss": sums / config.every, **figures}
            note(out / f"{config.part}.csv", line)
            states: dict[str, Any] = {name: each.state_dict() for name, each in state.items()}
            path, data = out / f"{config.part}.pt", provenance(learn)
            checkpoint.save(path, kind="fast", config=config, step=step, data=data, **states)
            write_sheet(out / f"{config.part}.png", average.module, judge[:2])
            sums = 0.0
    return figures


def moving_average(keep: float) -> Callable[[Tensor, Tensor, Tensor | int], Tensor]:
    """Weights averaged over about 1 / (1 - keep) steps, over fewer at the beginning."""

    def mixed(average: Tensor, latest: Tensor, count: Tensor | int) -> Tensor:
        return average + max(1 - keep, 10 / (10 + float(count))) * (latest - average)

    return mixed


def rate_at(step: int, config: FastTraining) -> float:
    """The learning rate: up in a straight line, down along a cosine."""
    warm = min(1.0, (step + 1) / config.warm_up)
    fall = 0.5 * (1 + np.cos(np.pi * min(1.0, step / config.steps)))
    return float(config.rate * warm * (0.05 + 0.95 * fall))


def answered(model: Part, batch: Batch) -> tuple[Tensor, ...]:
    """flow, tone, paint for a batch."""
    embedding = model.embedder(batch["source"])
    return tuple(model(batch["colours"], batch["geometry"], batch["numbers"], embedding))


def shown(batch: Batch, answer: tuple[Tensor, ...], config: FastTraining) -> Tensor:
    """The engine's pictures corrected, (N, 3, S, S)."""
    head = config.part == "head"
    within = allowed(batch["colours"], batch["geometry"], side=HEAD_PX) if head else None
    return corrected(batch["colours"], tuple(each.float() for each in answer), detail=not head, where=within)


def objective(batch: Batch, answer: tuple[Tensor, ...], picture: Tensor, config: FastTraining) -> Tensor:
    """The loss of the reconstruction, one number. picture: as `shown`."""
    colours, target = batch["colours"], batch["target"]
    engine, head = colours[:, :3], config.part == "head"
    weight = where(config.part, colours)
    if head:  # at the border of a part of the head the networks miss what lies beside it
        inner = slice(RIM, -RIM)
        picture, engine, target, weight = (each[..., inner, inner] for each in (picture, engine, target, weight))
    loss: Tensor = (
        losses.reconstruction(picture, engine, target, weight)
        + config.edges * losses.edges(picture, engine, target, weight)
        + config.decibels * losses.decibels(picture, target, weight)
        + config.ssim * losses.dissimilarity(picture, target, weight)
        + config.paint * answer[2].float().abs().mean((1, 2, 3)) / 0.02
        + config.flow * answer[0].float().abs().mean((1, 2, 3)) / 0.004
        + config.bend * losses.variation(answer[0].float()) / 0.0004
    ).mean()
    return loss


def opinion(critic: Critic, batch: Batch, picture: Tensor, config: FastTraining) -> Tensor:
    """What the critic adds to the loss."""
    fake, inner = critic(picture, batch["geometry"])
    with torch.no_grad():
        _, wanted = critic(batch["target"], batch["geometry"])
    matching = adversarial.feature_matching(wanted, inner, weight=config.features)
    return config.adversarial * (adversarial.generator_loss(fake) + matching)


def _criticise(critic: Critic, judging: torch.optim.Optimizer, batch: Batch, picture: Tensor) -> None:
    """One step of the critic."""
    real, fake = (critic(each, batch["geometry"])[0] for each in (batch["target"], picture))
    judging.zero_grad(set_to_none=True)
    adversarial.discriminator_loss(real, fake).backward()
    judging.step()


def where(part: str, colours: Tensor) -> Tensor:
    """How much each pixel counts, (N or 1, 1, S, S): the person more than the place, the middle of details most."""
    if part == "head":
        return 0.4 + 0.6 * colours[:, 6:7]
    return window(colours.shape[-1], colours) + 0.02


@torch.no_grad()
def judged(model: Part, held_out: list[Batch], device: torch.device) -> dict[str, float]:
    """On held-out people: the engine's dB, dB gained over it, share of pairs that lost more than 0.1 dB."""
    engine, gain = [], []
    for whole in held_out:
        batch = {name: value.to(device) for name, value in whole.items()}
        colours, target = batch["colours"], batch["target"]
        part = "head" if colours.shape[-1] == HEAD_PX else "detail"
        within = allowed(colours, batch["geometry"]) if part == "head" else None
        picture = corrected(colours, answered(model, batch), detail=part != "head", where=within)
        weight = where(part, colours)
        engine.append(losses.psnr(colours[:, :3], target, weight))
        gain.append(losses.psnr(picture, target, weight) - engine[-1])
    all_gains = torch.cat(gain)
    clips = torch.cat([batch["is_clip"] for batch in held_out]).to(device)
    return {
        "engine_db": float(torch.cat(engine).mean()),
        "gain_db": float(all_gains.mean()),
        "gain_clips_db": float(all_gains[clips].mean()),
        "worse": float((all_gains < -0.1).float().mean()),
    }


def _resume(path: Path, state: dict[str, Any]) -> int:
    """Where training stopped; what a checkpoint of before does not have starts anew."""
    if not path.exists():
        return 0
    stored = checkpoint.load(path, kind="fast")
    for name, each in state.items():
        if name in stored:
            each.load_state_dict(stored[name])
    LOG.info("going on from step %d", stored["step"])
    return int(stored["step"])


def provenance(pairs: Pairs) -> dict[str, Any]:
    """What was learned from: people and shards by source."""
    sources = sorted({"/".join(path.relative_to(pairs.folder).parts[:2]) for path in pairs.shards})
    return {"side": pairs.side, "shards": len(pairs.shards), "people": len(pairs.of_person), "sources": sources}


def note(path: Path, row: dict[str, float]) -> None:
    """A line of the log, which begins with the columns' names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(row))
        if fresh:
            writer.writeheader()
        writer.writerow({name: f"{value:.5g}" for name, value in row.items()})
    LOG.info(" ".join(f"{name} {value:.4g}" for name, value in row.items()))
