"""Training of completion, from top to bottom. It stops at any time and goes on from its last checkpoint."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel

from ..imaging.image import write_png
from ..neural.background import GUESSES
from . import checkpoint
from .completion import Completion, CompletionConfig
from .completion_scenes import Batch, Scenes, batches, held_out_batches
from .dataset import ahead
from .losses import charbonnier
from .sources import HELD_OUT, TRAIN
from .train import moving_average, note, rate_at

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class CompletionTraining:
    """How completion learns."""

    model: CompletionConfig = field(default_factory=CompletionConfig)
    seed: int = 0
    batch: int = 16
    steps: int = 4000
    rate: float = 2e-3  # of Adam, falling to a twentieth along a cosine
    warm_up: int = 20
    average: float = 0.98  # of the averaged weights, which are what is used
    edges: float = 0.5  # weight of the loss of gradients
    every: int = 50  # steps between two lines of the log and two checkpoints
    held_out: int = 64  # scenes
    threads: int | None = None


def train_completion(
    scenes: Scenes, out: Path, config: CompletionTraining, *, minutes: float | None = None
) -> dict[str, float]:
    """Train until `config.steps` or for so many minutes. Returns the last held-out figures.

    Writes into `out`: completion.pt (checkpoint), completion.csv (log), completion.png (contact sheet).
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = Completion(config.model).to(device, memory_format=torch.channels_last)
    average = AveragedModel(model, avg_fn=moving_average(config.average))
    adam = torch.optim.Adam(model.parameters(), lr=config.rate, betas=(0.9, 0.99))
    state = {"model": model, "average": average, "adam": adam}
    step = _resume(out / "completion.pt", state)
    learn = scenes.of(TRAIN)
    judge = held_out_batches(scenes.of(HELD_OUT), config.batch, config.held_out)
    stream = ahead(batches(learn, config.batch, config.seed + step))
    began, figures, sums = time.monotonic(), dict[str, float](), 0.0
    while step < config.steps and (minutes is None or time.monotonic() - began < 60 * minutes):
        for group in adam.param_groups:
            group["lr"] = rate_at(step, rate=config.rate, warm_up=config.warm_up, steps=config.steps)
        picture, hole, wanted = (each.to(device) for each in next(stream))
        with torch.autocast(device.type, torch.bfloat16):
            answer = model(picture, hole)
        loss = objective(answer.float(), wanted, config)
        adam.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        adam.step()
        average.update_parameters(model)
        step, sums = step + 1, sums + float(loss.detach())
        if step % config.every == 0 or step == config.steps:
            figures = judged(average.module, judge, device)
            line = {"step": step, "seconds": time.monotonic() - began, "loss": sums / config.every, **figures}
            note(out / "completion.csv", line)
            states = {name: each.state_dict() for name, each in state.items()}
            data = {"scenes": len(learn.side), "sources": sorted({name.split("/")[0] for name in learn.name.tolist()})}
            checkpoint.save(out / "completion.pt", kind="completion", config=config, step=step, data=data, **states)
            write_png(out / "completion.png", _sheet(average.module, judge))
            sums = 0.0
    return figures


def objective(answer: Tensor, wanted: Tensor, config: CompletionTraining) -> Tensor:
    """The loss, one number. answer: (N, 3, S, S); wanted: (N, 4, S, S), the place and how much each pixel counts."""
    difference, weight = answer - wanted[:, :3], wanted[:, 3:]
    total = _mean(charbonnier(difference), weight)
    for _ in range(3):  # gradients, at several scales: lines go on, flat stays flat
        across, down = difference[..., 1:] - difference[..., :-1], difference[..., 1:, :] - difference[..., :-1, :]
        wide = torch.minimum(weight[..., 1:], weight[..., :-1])
        high = torch.minimum(weight[..., 1:, :], weight[..., :-1, :])
        total = total + config.edges / 3 * (_mean(charbonnier(across), wide) + _mean(charbonnier(down), high))
        share = functional.avg_pool2d(weight, 2)
        difference = functional.avg_pool2d(difference * weight, 2) / share.clamp(min=1e-6)
        weight = share
    return total


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    return (values.mean(1, keepdim=True) * weight).sum() / weight.sum().clamp(min=1.0)


@torch.no_grad()
def judged(model: Completion, held_out: list[Batch], device: torch.device) -> dict[str, float]:
    """On held-out scenes, where something is wanted: dB of the smooth fill and of the best single
    guess, dB gained over the smooth fill, share of scenes that lost 0.1."""
    smooth, best, learned = [], [], []
    for whole in held_out:
        picture, hole, wanted = (each.to(device) for each in whole)
        answer = model(picture, hole)
        counted = wanted[:, 3].sum((1, 2)) > 20
        each = torch.stack([_decibels(guess, wanted) for guess in picture.chunk(GUESSES, dim=1)])[:, counted]
        smooth.append(each[0])
        best.append(each)
        learned.append(_decibels(answer, wanted)[counted])
    before, gain = torch.cat(smooth), torch.cat(learned) - torch.cat(smooth)
    return {
        "smooth_db": float(before.mean()),
        "best_guess_db": float(torch.cat(best, dim=1).mean(1).max()),
        "gain_db": float(gain.mean()),
        "worse": float((gain < -0.1).float().mean()),
    }


def _decibels(answer: Tensor, wanted: Tensor) -> Tensor:
    """(N,), weighted as in the loss."""
    weight = wanted[:, 3]
    squared = ((answer - wanted[:, :3]) ** 2).mean(1)
    return -10 * torch.log10((squared * weight).sum((1, 2)) / weight.sum((1, 2)).clamp(min=1e-6) + 1e-6)


def _resume(path: Path, state: dict[str, torch.nn.Module | torch.optim.Optimizer]) -> int:
    if not path.exists():
        return 0
    stored = checkpoint.load(path, kind="completion")
    for name, each in state.items():
        each.load_state_dict(stored[name])
    LOG.info("going on from step %d", stored["step"])
    return int(stored["step"])


@torch.no_grad()
def _sheet(model: Completion, held_out: list[Batch], rows: int = 8) -> np.ndarray:
    """Two columns of rows: smooth fill, network, the place, where it is known and wanted."""
    lines = []
    for batch in held_out[:: max(1, len(held_out) * len(held_out[0][0]) // (2 * rows))]:
        picture, hole, wanted = batch
        answer = model(picture, hole)
        for i in range(len(picture)):
            seen = torch.where(wanted[i, 3:] + (1 - hole[i]) > 0, wanted[i, :3], 0.5)
            shown = torch.cat([picture[i, :3], answer[i], seen, hole[i].expand(3, -1, -1)], dim=2)[:, ::2, ::2]
            lines.append((shown.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy())
    lines = lines[: 2 * rows]
    half = len(lines) // 2
    return np.concatenate([np.concatenate(lines[:half]), np.concatenate(lines[half : 2 * half])], axis=1)
