"""A small critic for the last stage of the `fast` model: does this patch of a crop look real, given its geometry?

Patches as in Isola et al. 2017 (pix2pix), hinge loss and spectral norm as in `paper`. It sees no person's column: at
the size of a mouth or an eye what counts is sharpness, and who it is is in the engine's colours.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from ..neural.features import GEOMETRY

WIDTHS = (32, 64, 96)


class Critic(nn.Module):
    """Colours and geometry of a crop → a score for every patch, and the answers on the way."""

    def __init__(self) -> None:
        super().__init__()
        widths = (4 * 3 + GEOMETRY, *WIDTHS)
        self.layers = nn.ModuleList(
            spectral_norm(nn.Conv2d(a, b, 4, stride=2, padding=1)) for a, b in zip(widths, widths[1:], strict=False)
        )
        self.out = spectral_norm(nn.Conv2d(widths[-1], 1, 3, padding=1))

    def forward(self, picture: Tensor, geometry: Tensor) -> tuple[Tensor, list[Tensor]]:
        """picture: (N, 3, S, S); geometry: (N, GEOMETRY, S / 2, S / 2)."""
        x, answers = torch.cat([functional.pixel_unshuffle(picture, 2), geometry], dim=1), []
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), 0.2)
            answers.append(x)
        return self.out(x), answers
