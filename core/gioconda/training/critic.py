"""The discriminator of the parts of `fast` and `full`: does this place look real, and is it this person, in that pose?

The paper's projection discriminator (Miyato and Koyama 2018): score = v · (W_i + w0) + b, v being what is seen, W_i one
column for each person learned from, w0 and b how real anything is. Two things differ. It sees the crop's geometry
instead of a drawing of landmarks; and every patch has a score of its own instead of the sum over all (Isola et al.
2017): at the size of a mouth or an eye what counts is sharpness everywhere, any part of a crop can be judged, and W_i
still learns to stand for the person. A critic of patches that knows no person, which was here before, gave embeddings
no reason to differ: there was no W_i for them to match.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..neural.features import GEOMETRY
from .blocks import Attention, Down, spectral_norm

WIDTHS = {"fast": (32, 64, 96), "full": (48, 96, 160, 192)}


def normed(inputs: int, outputs: int, kernel: int) -> nn.Module:
    """A convolution with spectral norm (Miyato et al. 2018), its size kept."""
    return spectral_norm(nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2))


class Critic(nn.Module):
    """Colours and geometry of a crop, and who it should be → a score for every patch, and the answers on the way."""

    def __init__(self, widths: tuple[int, ...], *, embedding: int, people: int) -> None:
        """embedding: size of what the part's embedder says, which W's columns take the place of; people: columns."""
        super().__init__()
        steps = (4 * 3 + GEOMETRY, *widths)
        self.blocks = nn.ModuleList(
            Down(a, b, first=k == 0, layer=normed) for k, (a, b) in enumerate(zip(steps, steps[1:], strict=False))
        )
        self.attention = Attention(widths[-1], normed)
        self.seen = nn.Conv2d(widths[-1], embedding, 1)  # free, as W and w0: normed layers alone hardly reach the hinge
        self.people = nn.Parameter(0.02 * torch.randn(embedding, people))  # W
        self.real = nn.Parameter(torch.randn(embedding))  # w0
        self.bias = nn.Parameter(torch.zeros(1))  # b

    def forward(self, picture: Tensor, geometry: Tensor, person: Tensor) -> tuple[Tensor, list[Tensor]]:
        """-> a score for every patch, (N, h, w), and what was seen on the way.

        picture: (N, 3, S, S); geometry: (N, GEOMETRY, S / 2, S / 2); person: (N,) int64, -1: nobody.
        """
        x, answers = torch.cat([functional.pixel_unshuffle(picture, 2), geometry], dim=1), []
        for block in self.blocks:
            x = block(x)
            answers.append(x)
        x = functional.leaky_relu(self.seen(functional.relu(self.attention(x))), 0.2)  # never dead
        wanted = self.columns(person) + self.real
        return (x * wanted[:, :, None, None]).sum(1) + self.bias, [*answers, x]

    def columns(self, person: Tensor) -> Tensor:
        """W_i of these people, (N, embedding); 0 for nobody's."""
        return self.people.t()[person.clamp(min=0)] * (person >= 0)[:, None]
