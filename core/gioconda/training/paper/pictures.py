"""Pictures by the paper's networks: a person from K pictures, driven by landmarks, with or without fine-tuning."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from ...errors import InputError
from ..discriminator import discriminator_loss, feature_matching, generator_loss
from ..train import optimise
from .landmark_drawing import draw
from .train import Networks, content, load_networks

RATES = 5e-5, 2e-4  # of generator and discriminator while they are fine-tuned, the paper's
Bytes = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]


def paper_pictures(
    run: Path,
    pictures: Bytes,
    points: npt.NDArray[np.floating],
    driving: npt.NDArray[np.floating],
    *,
    tune: int = 0,
    threads: int | None = None,
) -> Bytes:
    """What the paper's own mode (`condition: landmarks`) makes of K pictures of a person and somebody's movement.

    All pictures show the head's square: `neural.crops.head_crop` of the portrait's landmarks.

    Args:
        run: a folder of `gioconda train paper … --condition landmarks`.
        pictures: (K, S, S, 3) display-encoded sRGB, of any size.
        points: (K, 478, 2 or 3) their landmarks, in 0..1 of the square's side.
        driving: (M, 478, 2 or 3) the landmarks to be shown, likewise.
        tune: steps of few-shot learning on the K pictures (section 3.3); 0: the mean embedding as it is.

    Returns:
        (M, size, size, 3); size is the networks', 256.

    Raises:
        InputError: there is no such checkpoint, or pictures and landmarks do not belong together.
    """
    if not len(pictures) or len(pictures) != len(points):
        raise InputError(f"There are {len(pictures)} pictures and {len(points)} sets of landmarks: give one for each.")
    if threads:
        torch.set_num_threads(threads)
    networks, config = load_networks(run / "paper-landmarks.pt")
    size = config.model.size
    shots, drawings = _planar(pictures, size), _landmark_drawings(points, size)
    with torch.no_grad():
        embedding = networks.embedder(shots, drawings).mean(0, keepdim=True)
        styles = networks.generator.styles(embedding)
    if tune:
        styles = fine_tune(networks, shots, drawings, embedding, steps=tune, weight=config.content)
    made = []
    with torch.no_grad():
        for each in driving:
            picture = networks.generator(_landmark_drawings(each[None], size), styles)[0]
            made.append((picture.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy())
    return np.stack(made)


def fine_tune(
    networks: Networks, shots: Tensor, drawings: Tensor, embedding: Tensor, *, steps: int, weight: float
) -> Tensor:
    """Few-shot learning of section 3.3, in place; returns ψ', the styles that take the place of P · e, (1, all).

    ψ' starts at P · ē and W_i at ē, so that W_i + w0 = ē + w0 is who the discriminator expects; then generator, ψ' and
    discriminator learn on the K pictures as before, without the match of embeddings.
    """
    generator, discriminator = networks.generator, networks.discriminator
    with torch.no_grad():
        styles = torch.nn.Parameter(generator.styles(embedding))
        discriminator.people = torch.nn.Parameter(embedding.t().clone())
    networks.train()
    generator_adam = torch.optim.Adam([*generator.parameters(), styles], lr=RATES[0])
    discriminator_adam = torch.optim.Adam(discriminator.parameters(), lr=RATES[1])
    clip = torch.zeros(1, dtype=torch.long)
    for step in range(steps):
        target, drawing = (each[step % len(shots)][None] for each in (shots, drawings))
        made = generator(drawing, styles)
        real, fake = (discriminator(each, drawing, clip)[0] for each in (target, made.detach()))
        optimise(discriminator_adam, discriminator_loss(real, fake))
        score, inner = discriminator(made, drawing, clip)
        with torch.no_grad():
            _, wanted = discriminator(target, drawing, clip)
        loss = weight * content(made, target) + generator_loss(score) + feature_matching(wanted, inner)
        optimise(generator_adam, loss)
    networks.eval()
    return styles.detach()


def _planar(pictures: Bytes, size: int) -> Tensor:
    """(K, 3, size, size), 0..1."""
    planar = torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2), np.float32) / 255)
    if planar.shape[-1] > size:
        return functional.interpolate(planar, size=(size, size), mode="area")
    return functional.interpolate(planar, size=(size, size), mode="bilinear", align_corners=False)


def _landmark_drawings(points: npt.NDArray[np.floating], size: int) -> Tensor:
    """Landmark drawings (N, 3, size, size)."""
    drawings: Float32 = np.stack([draw(each, size) for each in points])
    return torch.from_numpy(drawings.transpose(0, 3, 1, 2).copy())
