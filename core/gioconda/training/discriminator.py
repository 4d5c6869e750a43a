"""The discriminator of the parts of `fast` and `full`, and the paper's adversarial losses.

The paper's projection discriminator (Miyato and Koyama 2018): score = v · (W_i + w0) + b, v being what is seen, W_i one
column for each person learned from, w0 and b how real anything is. Two things differ. It sees the crop's geometry
instead of a drawing of landmarks; and every patch has a score of its own instead of the sum over all (Isola et al.
2017): at the size of a mouth or an eye what counts is sharpness everywhere, any part of a crop can be judged, and W_i
still learns to stand for the person. A discriminator that knows no person gave embeddings no reason to differ: there
was no W_i for them to match.

The losses are the paper's hinge, feature matching and match of embeddings; VGG's weights may not be used.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..engine.network_channels import GEOMETRY
from .blocks import Attention, Down, spectral_convolution

FEATURES, MATCH = 10.0, 10.0  # the paper's weights of feature matching and of |e - W_i|
WIDTHS = {"fast": (32, 64, 96), "full": (48, 96, 160, 192)}


class Discriminator(nn.Module):
    """Colours and geometry of a crop, and who it should be → a score for every patch, and the blocks' outputs."""

    def __init__(self, widths: tuple[int, ...], *, embedding: int, people: int) -> None:
        """embedding: size of what the part's embedder says, which W's columns take the place of; people: columns."""
        super().__init__()
        steps = (4 * 3 + GEOMETRY, *widths)
        self.blocks = nn.ModuleList(
            Down(a, b, first=k == 0, layer=spectral_convolution)
            for k, (a, b) in enumerate(zip(steps, steps[1:], strict=False))
        )
        self.attention = Attention(widths[-1], spectral_convolution)
        self.seen = nn.Conv2d(widths[-1], embedding, 1)  # free, as W and w0: normed layers alone hardly reach the hinge
        self.people = nn.Parameter(0.02 * torch.randn(embedding, people))  # W
        self.real = nn.Parameter(torch.randn(embedding))  # w0
        self.bias = nn.Parameter(torch.zeros(1))  # b

    def forward(self, picture: Tensor, geometry: Tensor, person: Tensor) -> tuple[Tensor, list[Tensor]]:
        """-> a score for every patch, (N, h, w), and every block's output.

        picture: (N, 3, S, S); geometry: (N, GEOMETRY, S / 2, S / 2); person: (N,) int64, -1: nobody.
        """
        x, outputs = torch.cat([functional.pixel_unshuffle(picture, 2), geometry], dim=1), []
        for block in self.blocks:
            x = block(x)
            outputs.append(x)
        x = functional.leaky_relu(self.seen(functional.relu(self.attention(x))), 0.2)
        wanted = self.columns(person) + self.real
        return (x * wanted[:, :, None, None]).sum(1) + self.bias, [*outputs, x]

    def columns(self, person: Tensor) -> Tensor:
        """W_i of these people, (N, embedding); 0 for nobody's."""
        return self.people.t()[person.clamp(min=0)] * (person >= 0)[:, None]


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Hinge (equation 6): real scores should exceed 1, made ones should fall below -1."""
    return functional.relu(1 - real).mean() + functional.relu(1 + fake).mean()


def generator_loss(fake: Tensor) -> Tensor:
    """What the generator wants of the discriminator: high scores for what it made."""
    return -fake.mean()


def feature_matching(real: list[Tensor], fake: list[Tensor], *, weight: float = FEATURES) -> Tensor:
    """Mean difference of the discriminator's inner outputs (Wang et al. 2018, pix2pixHD), times `weight`."""
    differences = [(a.detach() - b).abs().mean() for a, b in zip(real, fake, strict=True)]
    return weight * torch.stack(differences).mean()


def embedding_match(embedding: Tensor, columns: Tensor, *, weight: float = MATCH) -> Tensor:
    """|e - W_i|, times `weight`: an embedding can take its column's place for somebody new. Both (N, embedding)."""
    return weight * (embedding - columns).abs().mean()


def resume(
    weights: dict[str, Tensor], discriminator: nn.Module, moments: dict[str, Any] | None, judging: torch.optim.Optimizer
) -> None:
    """Load a discriminator; people who were not learned from before get columns of their own, after the others'.

    Args:
        weights: its state in the checkpoint; people is W, (embedding, columns).
        moments: its optimiser's; where W has grown they do not fit it and begin anew.
    """
    columns = discriminator.state_dict()["people"].clone()
    known = weights["people"].shape[1]
    columns[:, :known] = weights["people"]
    discriminator.load_state_dict(weights | {"people": columns})
    if moments is not None and columns.shape[1] == known:
        judging.load_state_dict(moments)
