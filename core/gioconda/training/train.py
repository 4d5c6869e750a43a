"""Meta-learning of one part of the `fast` or `full` model (head, mouth or eyes), from top to bottom.

It stops at any time and goes on from its last checkpoint. The parts know nothing of each other: train them beside each
other. In the last stage, from `adversarial_from` on, the projection discriminator joins in as in the paper.
"""

from __future__ import annotations

import csv
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from ..files import whole_file
from ..machine import cores
from . import checkpoint, variants
from .augment import Batch, jittered
from .dataset import PairBatches, Pairs, held_out_batches, stream
from .discriminator import WIDTHS, Discriminator, discriminator_loss, resume
from .objectives import PartTraining, adversarial_loss, corrected_pictures, embed, evaluate, objective
from .sheets import write_sheet
from .sources import HELD_OUT, TRAIN

LOG = logging.getLogger(__name__)


def train_part(pairs: Path, out: Path, config: PartTraining, *, minutes: float | None = None) -> dict[str, float]:
    """Train until `config.steps` or for so many minutes. Returns the last held-out figures.

    Writes into `out`: PART.pt (checkpoint), PART.csv (log), PART.png (contact sheet).
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    device, half, workers = choose_device(config)
    side = variants.SIDES[config.quality].head
    path = out / f"{config.part}.pt"
    stored = checkpoint.load(path, kind=config.quality) if path.exists() else {}
    model = variants.new_part(config.quality, config.part).to(device, memory_format=torch.channels_last)
    average = AveragedModel(model, avg_fn=moving_average(config.average))
    adam = torch.optim.AdamW(model.parameters(), lr=config.rate, betas=(0.9, 0.99), weight_decay=config.decay)
    train_pairs = Pairs(pairs, TRAIN, config.part, columns=stored.get("data", {}).get("columns", ()))
    discriminator = Discriminator(
        WIDTHS[config.quality], embedding=model.config.embedding, people=len(train_pairs.columns)
    ).to(device)
    discriminator_adam = torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.0, 0.99))
    state = {
        "model": model,
        "average": average,
        "adam": adam,
        "discriminator": discriminator,
        "judging_adam": discriminator_adam,
    }
    step = _resume(stored, state)
    if config.compile:
        model.compile()
    held_out = held_out_batches(Pairs(pairs, HELD_OUT, config.part), config.batch, config.held_out)
    rng, began, sums = np.random.default_rng([config.seed, step]), time.monotonic(), dict[str, Tensor | float]()
    batches = stream(PairBatches(train_pairs, config.batch, config.seed, config.draw), step, workers=workers)
    figures = dict[str, float]()
    mark, over = step, False
    while step < config.steps and not over:
        for group in adam.param_groups:
            group["lr"] = rate_at(step, rate=config.rate, warm_up=config.warm_up, steps=config.steps)
            group["weight_decay"] = config.decay
        batch = {name: value.to(device, non_blocking=True) for name, value in next(batches).items()}
        if config.part != "head" and rng.random() < config.jitter:
            batch = jittered(batch, rng)
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            embedding = embed(model, batch["source"])
            outputs = model(batch["colours"], batch["geometry"], batch["numbers"], embedding)
        picture = corrected_pictures(batch, outputs, head=config.part == "head", side=side)
        terms = {"loss": objective(batch, outputs, picture, config)}
        if config.adversarial and step >= config.adversarial_from:
            with torch.autocast(device.type, torch.bfloat16, enabled=half):
                for _ in range(config.discriminator_steps):
                    terms["judging"] = _step(discriminator, discriminator_adam, batch, picture.detach())
                terms["opinion"] = adversarial_loss(discriminator, batch, picture, embedding, config)
        adam.zero_grad(set_to_none=True)
        (terms["loss"] + config.adversarial * terms.get("opinion", 0)).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        average.update_parameters(model)
        step, sums = step + 1, {k: sums.get(k, 0.0) + v.detach() for k, v in terms.items()}
        over = minutes is not None and time.monotonic() - began >= 60 * minutes
        if step % config.every == 0 or step == config.steps or over:
            figures = evaluate(average.eval().module, held_out, device)
            learned = {name: float(sums.get(name, 0.0)) / (step - mark) for name in ("loss", "judging", "opinion")}
            append_log(
                out / f"{config.part}.csv", {"step": step, "seconds": time.monotonic() - began, **learned, **figures}
            )
            states: dict[str, Any] = {name: each.state_dict() for name, each in state.items()}
            about = data_provenance(train_pairs) | {"columns": list(train_pairs.columns)}
            checkpoint.save(path, kind=config.quality, config=config, step=step, data=about, **states)
            write_sheet(out / f"{config.part}.png", average.module, held_out[:2])
            sums, mark = {}, step
    return figures


def choose_device(config: PartTraining) -> tuple[torch.device, bool, int]:
    """Where to train, whether in bfloat16, and how many processes make batches."""
    card = torch.cuda.is_available()
    if card:
        torch.set_float32_matmul_precision("high")  # TF32
        torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.benchmark = True
    workers = (max(1, cores() - 2) if card else 0) if config.workers is None else config.workers
    return torch.device("cuda" if card else "cpu"), card if config.half is None else config.half, workers


def moving_average(keep: float) -> Callable[[Tensor, Tensor, Tensor | int], Tensor]:
    """Weights averaged over about 1 / (1 - keep) steps, over fewer at the beginning."""

    def mixed(average: Tensor, latest: Tensor, count: Tensor | int) -> Tensor:
        return average + max(1 - keep, 10 / (10 + float(count))) * (latest - average)

    return mixed


def rate_at(step: int, *, rate: float, warm_up: int, steps: int) -> float:
    """The learning rate: up to `rate` in a straight line of `warm_up` steps, down along a cosine of `steps`."""
    warm = min(1.0, (step + 1) / warm_up)
    fall = 0.5 * (1 + np.cos(np.pi * min(1.0, step / steps)))
    return float(rate * warm * (0.05 + 0.95 * fall))


def _step(
    discriminator: Discriminator, discriminator_adam: torch.optim.Optimizer, batch: Batch, picture: Tensor
) -> Tensor:
    """One step of the discriminator; its loss."""
    seen = [discriminator(each, batch["geometry"], batch["person"])[0] for each in (batch["target"], picture)]
    loss = discriminator_loss(*(scores.float() for scores in seen))
    optimise(discriminator_adam, loss)
    return loss


def optimise(adam: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step down a loss."""
    adam.zero_grad(set_to_none=True)
    loss.backward()
    adam.step()


def _resume(stored: dict[str, Any], state: dict[str, Any]) -> int:
    """Where training stopped; what a checkpoint of before does not have starts anew."""
    for name, each in state.items():
        if name == "discriminator" and name in stored:
            resume(stored[name], each, stored.get("judging_adam"), state["judging_adam"])
        elif name in stored and name != "judging_adam":
            each.load_state_dict(stored[name])
    if stored:
        LOG.info("going on from step %d", stored["step"])
    return int(stored.get("step", 0))


def data_provenance(pairs: Pairs) -> dict[str, Any]:
    """What was learned from: people and shards by source."""
    sources = sorted({"/".join(path.relative_to(pairs.folder).parts[:2]) for path in pairs.shards})
    return {"side": pairs.side, "shards": len(pairs.shards), "people": len(pairs.of_person), "sources": sources}


def append_log(path: Path, row: dict[str, float]) -> None:
    """A line of the log, which begins with the columns' names; columns it did not have come last."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines: list[dict[str, str]] = []
    if path.exists():
        with path.open(newline="", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
    lines.append({name: f"{value:.5g}" for name, value in row.items()})
    columns = list(dict.fromkeys(name for line in lines for name in line))
    with whole_file(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(lines)
    LOG.info(" ".join(f"{name} {value:.4g}" for name, value in row.items()))
