"""What the networks are built of."""

from __future__ import annotations

from collections.abc import Callable

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


class Steered(nn.Module):
    """A residual block whose middle is scaled and shifted from outside, for reasons see `Modulated`; starts as nothing.

    As the paper's AdaIN blocks: whoever owns many of them projects one code onto all their scales and shifts at once.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.styles = 2 * channels
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """x: (N, channels, h, w); style: (N, 2 channels): scale - 1, then shift."""
        scale, shift = style[:, :, None, None].chunk(2, dim=1)
        return x + self.second(functional.relu(self.first(functional.relu(x)) * (1 + scale) + shift))


Layer = Callable[[int, int, int], nn.Module]  # channels in and out, side of the kernel; the size is kept


def plain(inputs: int, outputs: int, kernel: int) -> nn.Module:
    """A convolution, its size kept."""
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)


class Attention(nn.Module):
    """Self-attention over all positions (Zhang et al. 2019, SAGAN); starts as the identity."""

    def __init__(self, channels: int, layer: Layer = plain) -> None:
        super().__init__()
        self.query, self.key = layer(channels, channels // 8, 1), layer(channels, channels // 8, 1)
        self.value = layer(channels, channels, 1)
        self.strength = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (part(x).flatten(2) for part in (self.query, self.key, self.value))
        weights = torch.softmax(query.transpose(1, 2) @ key, dim=-1)
        heeded = (weights @ value.transpose(1, 2)).transpose(1, 2)  # the small matrices are turned, not the large one
        return x + self.strength * heeded.reshape(x.shape)


class Down(nn.Module):
    """A residual block that halves the size by averaging; no norm (embedders, discriminators) or instance norm."""

    def __init__(
        self, inputs: int, outputs: int, *, norm: float | None = None, first: bool = False, layer: Layer = plain
    ) -> None:
        """norm: what is added to the variance within its root; None: no norm. first: what comes in is a picture."""
        super().__init__()
        self.norm, self.first = norm, first
        self.one, self.two = layer(inputs, outputs, 3), layer(outputs, outputs, 3)
        self.short = layer(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.first else functional.relu(self._normed(x))
        y = self.two(functional.relu(self._normed(self.one(y))))
        return halved(y) + halved(self.short(x))

    def _normed(self, x: Tensor) -> Tensor:
        return x if self.norm is None else functional.instance_norm(x, eps=self.norm)


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
