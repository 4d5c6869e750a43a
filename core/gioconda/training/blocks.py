"""What the networks are built of."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrize import register_parametrization


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


def space_to_depth(x: Tensor) -> Tensor:
    """pixel_unshuffle(x, 2), (N, C, S, S) → (N, 4 C, S/2, S/2); exported to ONNX it is a convolution.

    ONNX Runtime takes eight times as long for the transposes of `pixel_unshuffle`.
    """
    if not torch.onnx.is_in_onnx_export():
        return functional.pixel_unshuffle(x, 2)
    channels = int(x.shape[1])
    kernel = np.eye(4 * channels, dtype=np.float32).reshape(-1, channels, 2, 2)
    return functional.conv2d(x, torch.from_numpy(kernel), stride=2)


class Steered(nn.Module):
    """A residual block whose middle is scaled and shifted from outside, see `Modulated`; starts as the identity.

    As the paper's AdaIN blocks: a network projects one code onto the scales and shifts of all its blocks at once.
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


class Spectral(nn.Module):
    """Divides a layer's weights by the largest factor by which they stretch anything (Miyato et al. 2018).

    As torch's own, with the same buffers, but in float32 whatever autocast is on: on a graphics card its types mix.
    """

    _u: Tensor
    _v: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        matrix = weight.detach().flatten(1)
        self.register_buffer("_u", functional.normalize(torch.randn_like(matrix[:, 0]), dim=0))
        self.register_buffer("_v", functional.normalize(torch.randn_like(matrix[0]), dim=0))
        for _ in range(15):
            self._step(matrix)

    @torch.no_grad()
    def _step(self, matrix: Tensor) -> None:
        """One step of the power method."""
        self._u = functional.normalize(torch.mv(matrix, self._v), dim=0)
        self._v = functional.normalize(torch.mv(matrix.t(), self._u), dim=0)

    def forward(self, weight: Tensor) -> Tensor:
        with torch.autocast("cuda" if weight.is_cuda else "cpu", enabled=False):
            matrix = weight.flatten(1)
            if self.training:
                self._step(matrix.detach())
            return weight / torch.dot(self._u, torch.mv(matrix, self._v))


Normed = TypeVar("Normed", nn.Conv2d, nn.Linear)


def spectral_norm(layer: Normed) -> Normed:
    """The layer, its weights divided by their largest singular value from now on."""
    register_parametrization(layer, "weight", Spectral(layer.weight))
    return layer


def spectral_convolution(inputs: int, outputs: int, kernel: int = 3) -> nn.Module:
    """A convolution with spectral norm, its size kept."""
    return spectral_norm(nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2))


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
        attended = (weights @ value.transpose(1, 2)).transpose(1, 2)  # the small matrices are turned, not the large one
        return x + self.strength * attended.reshape(x.shape)


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
