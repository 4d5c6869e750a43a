"""What the networks are built of."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Modulated(nn.Module):
    """A residual block whose middle is scaled and shifted by a code.

    As AdaIN (Huang and Belongie 2017) but without the instance norm, which would lose the picture's absolute colour.
    Starts as the identity.
    """

    def __init__(self, channels: int, code: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.modulation = nn.Linear(code, 2 * channels)
        for layer in (self.second, self.modulation):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """x: (N, channels, h, w); code: (N, code)."""
        scale, shift = self.modulation(code)[:, :, None, None].chunk(2, dim=1)
        middle = functional.relu(self.first(x) * (1 + scale) + shift)
        return functional.relu(x + self.second(middle))


def halved(x: Tensor) -> Tensor:
    """Averaged down to half the size."""
    return functional.avg_pool2d(x, 2)


def doubled(x: Tensor) -> Tensor:
    """Each pixel four times."""
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")


def enlarged(x: Tensor, size: int) -> Tensor:
    """Bilinearly to (size, size)."""
    return functional.interpolate(x, size=(size, size), mode="bilinear", align_corners=False)


def warped(picture: Tensor, flow: Tensor) -> Tensor:
    """A picture (N, C, S, S) sampled at each pixel plus `flow` (N, 2, S, S; x, y; in units of the side), bicubic."""
    size = picture.shape[-1]
    line = (torch.arange(size, device=picture.device, dtype=picture.dtype) + 0.5) * (2 / size) - 1
    y, x = torch.meshgrid(line, line, indexing="ij")
    grid = torch.stack([x, y], dim=-1)[None] + 2 * flow.permute(0, 2, 3, 1)
    return functional.grid_sample(picture, grid, mode="bicubic", padding_mode="border", align_corners=False)
