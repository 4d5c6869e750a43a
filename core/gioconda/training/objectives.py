"""What a part of a model is asked for, and how far it is from it: settings, losses, the discriminator's opinion."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..engine.network_channels import ENGINE_RGB, MATTE
from . import losses
from .augment import Batch, DrawSettings
from .discriminator import Discriminator, embedding_match, feature_matching, generator_loss
from .fast import apply_corrections, correction_mask, window
from .variants import Part

RIM = 8  # pixels
FLOW_UNIT = 0.01  # sides of the crop: a flow that is so much wrong costs 1


@dataclass(frozen=True)
class PartTraining:
    """How a part of a model learns. PRESETS has what each model begins with."""

    quality: str = "fast"  # one of variants.SIDES
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
    flow: float = 0.01  # what moving costs
    bend: float = 0.05  # what a flow that differs between neighbours costs: glasses, teeth and outlines stay straight
    truth: float = 0.3  # weight of the flow's error where it is known, in rendered pairs
    adversarial: float = 0.0  # weight of the discriminator's opinion, for the last stage: 0.02 sharpens; 0: none
    adversarial_from: int = 0  # the step from which there is one
    discriminator_steps: int = 1  # for each of the network's
    features: float = 1.0  # weight of feature matching beside it
    match: float = 1.0  # weight of |e - W_i| beside it
    every: int = 250  # steps between two lines of the log and two checkpoints
    held_out: int = 48  # pairs
    threads: int | None = None
    workers: int | None = None  # processes that make batches; None: a thread, on a graphics card as many as are free
    half: bool | None = None  # bfloat16 inside the networks; None: on a graphics card
    compile: bool = False  # torch.compile: quicker after some minutes, where it works
    decay: float = 0.02  # of weights, per step and unit of the rate
    jitter: float = 0.6  # share of batches of mouth and eyes that are turned, moved and sized anew


PRESETS = {
    "fast": PartTraining(),
    "full": PartTraining(
        quality="full",
        draw=DrawSettings(shots=4, window=256),
        batch=16,
        steps=60_000,
        rate=4e-4,
        warm_up=500,
        average=0.999,
        adversarial=0.02,
        adversarial_from=40_000,
        discriminator_steps=2,
        every=500,
    ),
}


def embed(model: Part, source: Tensor) -> Tensor:
    """Who it is, (N, embedding): source (N, 4, S, S), or (N, K, 4, S, S), whose embeddings are averaged."""
    if source.dim() == 4:
        return model.embedder(source)
    return model.embedder(source.flatten(0, 1)).unflatten(0, source.shape[:2]).mean(1)


def predict(model: Part, batch: Batch) -> tuple[Tensor, ...]:
    """flow, tone, paint for a batch."""
    embedding = embed(model, batch["source"])
    return tuple(model(batch["colours"], batch["geometry"], batch["numbers"], embedding))


def corrected_pictures(batch: Batch, outputs: tuple[Tensor, ...], *, head: bool, side: int | None = None) -> Tensor:
    """The engine's pictures corrected, (N, 3, S, S). side: of the head's whole crop, where the batch shows a part."""
    mask = correction_mask(batch["colours"], batch["geometry"], side=side) if head else None
    return apply_corrections(batch["colours"], tuple(each.float() for each in outputs), detail=not head, mask=mask)


def objective(batch: Batch, outputs: tuple[Tensor, ...], picture: Tensor, config: PartTraining) -> Tensor:
    """The loss of the reconstruction, one number. picture: as `corrected_pictures`."""
    colours, target = batch["colours"], batch["target"]
    engine, head = colours[:, ENGINE_RGB], config.part == "head"
    weight = pixel_weights(colours, head=head)
    if head:  # at the border of a part of the head the networks miss what lies beside it
        inner = slice(RIM, -RIM)
        picture, engine, target, weight = (each[..., inner, inner] for each in (picture, engine, target, weight))
    flow = outputs[0].float()
    loss: Tensor = (
        losses.reconstruction(picture, engine, target, weight)
        + config.edges * losses.edges(picture, engine, target, weight)
        + config.decibels * losses.decibels(picture, target, weight)
        + config.ssim * losses.dissimilarity(picture, target, weight)
        + config.paint * outputs[2].float().abs().mean((1, 2, 3)) / 0.02
        + config.flow * flow.abs().mean((1, 2, 3)) / 0.004
        + config.bend * losses.variation(flow) / 0.0004
        + config.truth * (flow_error(flow, batch["flow"]) if "flow" in batch else 0)
    ).mean()
    return loss


def flow_error(said: Tensor, truth: Tensor) -> Tensor:
    """How far a flow is from the true one, (N,), in FLOW_UNIT; 0 where nobody knows. truth: dx, dy and its weight."""
    weight = truth[:, 2:]
    wrong = ((said - truth[:, :2]).abs().sum(1, keepdim=True) * weight).sum((1, 2, 3))
    return wrong / weight.sum((1, 2, 3)).clamp(min=1) / FLOW_UNIT


def adversarial_loss(
    discriminator: Discriminator, batch: Batch, picture: Tensor, embedding: Tensor, config: PartTraining
) -> Tensor:
    """What the discriminator adds to the loss, before its weight: score, feature matching, match of embeddings."""
    fake, inner = discriminator(picture, batch["geometry"], batch["person"])
    with torch.no_grad():
        _, wanted = discriminator(batch["target"], batch["geometry"], batch["person"])
    pair = ([w.float() for w in wanted], [i.float() for i in inner])
    matching = feature_matching(*pair, weight=config.features)
    known = batch["person"] >= 0
    columns = discriminator.columns(batch["person"])[known].detach()  # W learns from the discriminator's loss alone
    match = embedding_match(embedding.float()[known], columns, weight=config.match) if known.any() else 0.0
    return generator_loss(fake.float()) + matching + match


def pixel_weights(colours: Tensor, *, head: bool) -> Tensor:
    """How much each pixel counts, (N or 1, 1, S, S): the person most, and of details the middle."""
    if head:
        return 0.4 + 0.6 * colours[:, MATTE]
    return window(colours.shape[-1], colours) + 0.02


@torch.no_grad()
def evaluate(model: Part, held_out: list[Batch], device: torch.device) -> dict[str, float]:
    """On held-out people: the engine's dB, dB gained over it, share of pairs that lost more than 0.1 dB."""
    engine, gain = [], []
    for whole in held_out:
        batch = {name: value.to(device) for name, value in whole.items()}
        colours, target = batch["colours"], batch["target"]
        head = not model.config.local
        picture = corrected_pictures(batch, predict(model, batch), head=head)
        weight = pixel_weights(colours, head=head)
        engine.append(losses.psnr(colours[:, ENGINE_RGB], target, weight))
        gain.append(losses.psnr(picture, target, weight) - engine[-1])
    all_gains = torch.cat(gain)
    clips = torch.cat([batch["is_clip"] for batch in held_out]).to(device)
    return {
        "engine_db": float(torch.cat(engine).mean()),
        "gain_db": float(all_gains.mean()),
        "gain_clips_db": float(all_gains[clips].mean()),
        "worse": float((all_gains < -0.1).float().mean()),
    }
