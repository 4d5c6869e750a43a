"""Meta-learning of the paper's networks, in either condition: reads from top to bottom, goes on from its checkpoint.

Zakharov et al. 2019, section 3.2: in each episode a person's K pictures are embedded and averaged, the generator makes
one more picture of that person, the discriminator says how real and how much that person it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ...errors import InputError
from ...face.nets import Nets
from .. import checkpoint, losses
from ..dataset import Pairs, prefetched
from ..discriminator import discriminator_loss, embedding_match, feature_matching, generator_loss, resume
from ..fast import apply_corrections, correction_mask
from ..sheets import write_rows
from ..sources import HELD_OUT, TRAIN
from ..train import append_log, data_provenance, optimise
from .episodes import Batch, Episodes
from .landmark_drawing import STYLE
from .networks import Discriminator, Embedder, Generator, PaperConfig
from .shard_landmarks import ShardLandmarks


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
    held_out: int = 12  # episodes of people held out, for figures and the contact sheet
    half: bool = False  # bfloat16 inside the networks
    threads: int | None = None


def train_paper(
    pairs: Path,
    out: Path,
    config: PaperTraining,
    *,
    minutes: float | None = None,
    nets: Callable[[], Nets] | None = None,
) -> dict[str, float]:
    """Train until `config.steps` or for so many minutes. Returns the last line of the log.

    Writes into `out`: paper-CONDITION.pt (checkpoint), .csv (log), .png (contact sheet of people held out).

    Args:
        nets: opens the face nets, for shards that were made before they kept landmarks.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    path = out / f"paper-{config.model.condition}.pt"
    stored = _stored(path)
    landmarks = ShardLandmarks(out / "faces", nets)
    needs: dict[str, Any] = {"shots": config.shots, "size": config.model.size}
    needs["engine"] = config.model.condition == "engine"
    episodes = Episodes(
        Pairs(pairs, TRAIN, "head"), landmarks, **needs, columns=stored.get("data", {}).get("columns", ())
    )
    held_out = _held_out(Pairs(pairs, HELD_OUT, "head"), landmarks, needs, config.held_out)
    model = replace(config.model, clips=len(episodes.columns))
    networks = Networks(model).to(device, memory_format=torch.channels_last)
    generator_adam = torch.optim.Adam(networks.generator_parameters(), lr=config.generator_rate)
    discriminator_adam = torch.optim.Adam(networks.discriminator.parameters(), lr=config.discriminator_rate)
    step = _resume(stored, networks, generator_adam, discriminator_adam)
    began, sums = time.monotonic(), dict[str, float]()
    batches, row = prefetched(episodes.draw(config.batch, config.seed + step)), dict[str, float]()
    mark, over = step, False
    while step < config.steps and not over:
        batch = {key: value.to(device) for key, value in next(batches).items()}
        with torch.autocast(device.type, torch.bfloat16, enabled=config.half):
            embedding = embed(networks.embedder, batch)
            made = generate(networks.generator, batch, embedding)
            for _ in range(config.discriminator_steps):
                real, _ = networks.discriminator(batch["target"], batch["drawing"], batch["clip"])
                fake, _ = networks.discriminator(made.detach(), batch["drawing"], batch["clip"])
                judgement = discriminator_loss(real.float(), fake.float())
                optimise(discriminator_adam, judgement)
            loss, parts = making_loss(networks.discriminator, batch, made, embedding, config)
        optimise(generator_adam, loss)
        step += 1
        for key, value in {**parts, "judging": judgement}.items():
            sums[key] = sums.get(key, 0.0) + float(value.detach())
        over = minutes is not None and time.monotonic() - began >= 60 * minutes
        if step % config.every == 0 or step == config.steps or over:
            row = {"step": step, "seconds": time.monotonic() - began}
            row |= {name: total / (step - mark) for name, total in sums.items()}
            row |= evaluate(networks, held_out, device, path.with_suffix(".png"))
            append_log(path.with_suffix(".csv"), row)
            about = data_provenance(episodes.pairs) | {"drawing": STYLE, "columns": episodes.columns}
            state = {
                "networks": networks.state_dict(),
                "making": generator_adam.state_dict(),
                "judging": discriminator_adam.state_dict(),
            }
            checkpoint.save(path, kind="paper", config=replace(config, model=model), step=step, data=about, **state)
            sums, mark = {}, step
    return row


class Networks(torch.nn.Module):
    """The three networks of the paper."""

    def __init__(self, config: PaperConfig) -> None:
        super().__init__()
        self.embedder, self.generator = Embedder(config), Generator(config)
        self.discriminator = Discriminator(config)

    def generator_parameters(self) -> list[torch.nn.Parameter]:
        """What learns to make pictures: embedder and generator."""
        return [*self.embedder.parameters(), *self.generator.parameters()]


def load_networks(path: Path) -> tuple[Networks, PaperTraining]:
    """The networks of a checkpoint in inference mode, and what they were trained with.

    Raises:
        InputError: the checkpoint is missing, broken, or of another landmark drawing.
    """
    stored = _stored(path)
    if not stored:
        raise InputError(f"There is no checkpoint {path}: train the paper's networks first.")
    config = PaperTraining(**stored["config"] | {"model": PaperConfig(**stored["config"]["model"])})
    networks = Networks(config.model)
    networks.load_state_dict(stored["networks"])
    return networks.eval(), config


def embed(embedder: Embedder, batch: Batch) -> Tensor:
    """The mean embedding of each episode's K pictures, (N, embedding)."""
    count, shots = batch["shots"].shape[:2]
    each = embedder(batch["shots"].flatten(0, 1), batch["shot_drawings"].flatten(0, 1))
    return each.view(count, shots, -1).mean(1)


def generate(generator: Generator, batch: Batch, embedding: Tensor) -> Tensor:
    """The picture the generator makes of an episode, (N, 3, S, S): painted, or the engine's corrected."""
    styles = generator.styles(embedding)
    if generator.config.condition == "landmarks":
        return generator(batch["drawing"], styles)
    size = batch["colours"].shape[-1]
    shapes = functional.interpolate(batch["geometry"], size=(size, size), mode="bilinear", align_corners=False)
    answer = generator(torch.cat([batch["colours"], shapes], dim=1), styles).float()
    parts = (answer[:, :2], answer[:, 2:9], answer[:, 9:])
    return apply_corrections(
        batch["colours"], parts, detail=False, mask=correction_mask(batch["colours"], batch["geometry"])
    )


def making_loss(
    discriminator: Discriminator, batch: Batch, made: Tensor, embedding: Tensor, config: PaperTraining
) -> tuple[Tensor, dict[str, Tensor]]:
    """What embedder and generator want, and its parts: content, feature matching, match."""
    fake, inner = discriminator(made, batch["drawing"], batch["clip"])
    with torch.no_grad():
        _, wanted = discriminator(batch["target"], batch["drawing"], batch["clip"])
    columns = discriminator.people.detach().t()[batch["clip"]]  # W learns from the discriminator's loss alone
    parts = {
        "content": config.content * content(made.float(), batch["target"]),
        "adversarial": generator_loss(fake.float()),
        "features": feature_matching([f.float() for f in wanted], [f.float() for f in inner]),
        "match": embedding_match(embedding.float(), columns),
    }
    return torch.stack(list(parts.values())).sum(), parts


def content(made: Tensor, target: Tensor) -> Tensor:
    """How far made pictures are from their targets, one number; 1.5 or so for plain grey."""
    everywhere = torch.ones_like(target[:1, :1])
    flat = torch.full_like(made, 0.5)  # what no picture at all would be: the paper's mode has no engine to beat
    error = losses.reconstruction(made, flat, target, everywhere)
    error = error + 0.3 * losses.edges(made, flat, target, everywhere)
    return (error + 0.2 * losses.dissimilarity(made, target, everywhere)).mean()


@torch.no_grad()
def evaluate(networks: Networks, held_out: list[Batch], device: torch.device, sheet: Path) -> dict[str, float]:
    """dB on people held out, and dB of answering with the first of their K pictures; writes the contact sheet."""
    if not held_out:
        return {}
    networks.eval()
    rows, made_db, still_db = [], [], []
    for whole in held_out:
        batch = {name: value.to(device) for name, value in whole.items()}
        made = generate(networks.generator, batch, embed(networks.embedder, batch)).float()
        weight, first = torch.ones_like(made[:1, :1]), batch["shots"][:, 0]
        made_db.append(losses.psnr(made, batch["target"], weight))
        still_db.append(losses.psnr(first, batch["target"], weight))
        rows.append([each[0].cpu() for each in (first, batch["drawing"], made, batch["target"])])
    networks.train()
    write_rows(sheet, rows)
    return {"held_out_db": float(torch.cat(made_db).mean()), "still_db": float(torch.cat(still_db).mean())}


def _held_out(pairs: Pairs, landmarks: ShardLandmarks, needs: dict[str, Any], count: int) -> list[Batch]:
    """Episodes of people held out; none where none has pictures enough."""
    try:
        return Episodes(pairs, landmarks, **needs).fixed(count)
    except InputError:
        return []


def _stored(path: Path) -> dict[str, Any]:
    """A checkpoint's content; {} where there is none."""
    if not path.exists():
        return {}
    stored = checkpoint.load(path, kind="paper")
    if stored["data"]["drawing"] != STYLE:
        raise InputError(f"{path} was trained on the drawing {stored['data']['drawing']}; this version draws {STYLE}.")
    return stored


def _resume(
    stored: dict[str, Any],
    networks: Networks,
    generator_adam: torch.optim.Optimizer,
    discriminator_adam: torch.optim.Optimizer,
) -> int:
    """Take up a checkpoint; people who were not in it get columns of their own. Returns its step."""
    if not stored:
        return 0
    for name, network in networks.named_children():
        weights = {k.removeprefix(f"{name}."): v for k, v in stored["networks"].items() if k.startswith(f"{name}.")}
        if isinstance(network, Discriminator):
            resume(weights, network, stored["judging"], discriminator_adam)
        else:
            network.load_state_dict(weights)
    generator_adam.load_state_dict(stored["making"])
    return int(stored["step"])
