"""The paper's networks: embedder, generator, projection discriminator.

Zakharov, Shysheya, Burkov, Lempitsky, "Few-Shot Adversarial Learning of Realistic Neural Talking Head Models", 2019
(arXiv 1905.08233), sections 3.1 to 3.3; layouts and widths from the paper's section 4 and counted in public ports.

Two conditions from the same code:

- "landmarks", the paper's own: the generator sees a drawing of the target's landmarks and paints the picture;
- "engine", ours: it sees the engine's picture with all that is known of it and answers with corrections, see `fast`.

Pictures are (N, 3, S, S), 0..1 encoded values; S is a power of 2 from 64 on, 256 in the paper.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...engine.network_channels import COLOURS, GEOMETRY
from ..blocks import Attention, Down, doubled, spectral_convolution, spectral_norm
from ..fast import MOST_FLOW, MOST_GAIN, MOST_MATTE, MOST_OFFSET

DRAWING = 3  # channels of a landmark drawing
EPSILON = 1e-5  # within the root of AdaIN and instance norm


@dataclass(frozen=True)
class PaperConfig:
    """Sizes of the paper's networks; the defaults are the paper's."""

    condition: Literal["landmarks", "engine"] = "engine"
    size: int = 256
    widths: tuple[int, ...] = (64, 128, 256, 512, 512, 512)  # of embedder and discriminator, halving each time
    inner: tuple[int, ...] = (64, 128, 256, 512)  # of the generator going down
    residuals: int = 5  # blocks at the generator's smallest size
    attention_down: int = 32  # size at which embedder, discriminator and generator (down) look at themselves
    attention_up: int = 64
    clips: int = 1  # columns of the discriminator's matrix W: one per training clip

    def narrower(self, divisor: int) -> PaperConfig:
        """The same layout with so many times fewer channels, at least 8: for small machines, to compare with."""
        widths, inner = (tuple(max(8, width // divisor) for width in each) for each in (self.widths, self.inner))
        return replace(self, widths=widths, inner=inner)

    @property
    def embedding(self) -> int:
        return self.widths[-1]

    @property
    def inputs(self) -> int:
        """Channels the generator sees."""
        return DRAWING if self.condition == "landmarks" else COLOURS + GEOMETRY

    @property
    def outputs(self) -> int:
        """RGB, or flow 2, gain 3, offset 3, matte 1, paint 3, its mask 1."""
        return 3 if self.condition == "landmarks" else 13


class AdaIn(nn.Module):
    """Adaptive instance norm (Huang and Belongie 2017); mean and spread come from outside, see `Generator`.

    The spread is the root of the biased variance plus EPSILON: a flat channel stays finite, whatever its size.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """x: (N, C, h, w); style: (N, 2 C): scale, then shift."""
        scale, shift = style[:, :, None, None].chunk(2, dim=1)
        mean = x.mean((2, 3), keepdim=True)
        spread = torch.sqrt(x.var((2, 3), keepdim=True, unbiased=False) + EPSILON)
        return scale * (x - mean) / spread + shift


class Styled(nn.Module):
    """A residual block with AdaIN, of the same size or doubled."""

    def __init__(self, inputs: int, outputs: int, *, up: bool) -> None:
        super().__init__()
        self.up = up
        self.norms = nn.ModuleList([AdaIn(inputs), AdaIn(outputs)])
        self.one, self.two = spectral_convolution(inputs, outputs), spectral_convolution(outputs, outputs)
        self.short = spectral_convolution(inputs, outputs, 1) if inputs != outputs or up else nn.Identity()

    def forward(self, x: Tensor, styles: list[Tensor]) -> Tensor:
        y = functional.relu(self.norms[0](x, styles[0]))
        y = functional.relu(self.norms[1](self.one(doubled(y) if self.up else y), styles[1]))
        return self.two(y) + self.short(doubled(x) if self.up else x)


class Embedder(nn.Module):
    """A picture and its landmark drawing → e. The mean over a person's pictures is who they are."""

    def __init__(self, config: PaperConfig) -> None:
        super().__init__()
        self.body = Body(3 + DRAWING, config)

    def forward(self, picture: Tensor, drawing: Tensor) -> Tensor:
        """(N, 3, S, S), (N, 3, S, S) → (N, embedding). For (N, K, …) call it on N · K and average over K."""
        return self.body(torch.cat([picture, drawing], dim=1))[0]


class Body(nn.Module):
    """Residual blocks going down, self-attention at one size, the sum over positions, ReLU."""

    def __init__(self, inputs: int, config: PaperConfig) -> None:
        super().__init__()
        widths = (inputs, *config.widths)
        self.blocks = nn.ModuleList(
            Down(a, b, first=k == 0, layer=spectral_convolution)
            for k, (a, b) in enumerate(zip(widths, widths[1:], strict=False))
        )
        self.attention = nn.ModuleDict()
        for k, width in enumerate(config.widths):
            if config.size >> (k + 1) == config.attention_down:
                self.attention[str(k)] = Attention(width, spectral_convolution)

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """-> the vector (N, widths[-1]) and every block's answer, for feature matching."""
        features = []
        for k, block in enumerate(self.blocks):
            x = block(x)
            if str(k) in self.attention:
                x = self.attention[str(k)](x)
            features.append(x)
        return functional.relu(x).sum((2, 3)), features


class Generator(nn.Module):
    """What is known of the frame and who it is → the picture, or corrections of the engine's.

    All AdaIN parameters are P · e: `styles` gives them for an embedding. Few-shot learning replaces them by parameters
    that start there (ψ' of section 3.3) and learn freely.
    """

    def __init__(self, config: PaperConfig) -> None:
        super().__init__()
        self.config = config
        widths = (config.inputs, *config.inner)
        self.down = nn.ModuleList(
            Down(a, b, norm=EPSILON, first=k == 0, layer=spectral_convolution)
            for k, (a, b) in enumerate(zip(widths, widths[1:], strict=False))
        )
        up = [*reversed(config.inner), config.inner[0]]
        blocks = [Styled(up[0], up[0], up=False) for _ in range(config.residuals)]
        blocks += [Styled(a, b, up=True) for a, b in zip(up, up[1:], strict=False)]
        self.styled = nn.ModuleList(blocks)
        self.attention = nn.ModuleDict()
        for k in range(len(config.inner)):
            if config.size >> (k + 1) == config.attention_down:
                self.attention[f"down{k}"] = Attention(config.inner[k], spectral_convolution)
            if config.size >> (len(config.inner) - k - 1) == config.attention_up:
                self.attention[f"up{config.residuals + k}"] = Attention(up[k + 1], spectral_convolution)
        self.last = AdaIn(config.inner[0])
        self.out = spectral_convolution(config.inner[0], config.outputs)
        if config.condition == "engine":  # spectral norm has no zero: a factor that starts at 0 takes its place
            self.strength = nn.Parameter(torch.zeros(config.outputs))
        self.norms = [*(norm for block in blocks for norm in block.norms), self.last]
        self.projection = spectral_norm(nn.Linear(config.embedding, sum(2 * norm.channels for norm in self.norms)))

    def styles(self, embedding: Tensor) -> Tensor:
        """Every AdaIN's scale and shift, (N, all), from who it is, (N, embedding). Scales are around 1."""
        raw = self.projection(embedding)
        ones = torch.cat([torch.cat([torch.ones(n.channels), torch.zeros(n.channels)]) for n in self.norms])
        return raw + ones.to(raw)

    def forward(self, known: Tensor, styles: Tensor) -> Tensor:
        """known: (N, inputs, S, S) → (N, outputs, S, S): RGB 0..1, or corrections in the units of `fast`."""
        parts = list(styles.split([2 * norm.channels for norm in self.norms], dim=1))
        x = known
        for k, block in enumerate(self.down):
            x = block(x)
            if f"down{k}" in self.attention:
                x = self.attention[f"down{k}"](x)
        for k, block in enumerate(self.styled):
            x = block(x, parts[2 * k : 2 * k + 2])
            if f"up{k}" in self.attention:
                x = self.attention[f"up{k}"](x)
        x = self.out(functional.relu(self.last(x, parts[-1])))
        if self.config.condition == "landmarks":
            return torch.sigmoid(x)
        x = x * self.strength[:, None, None]
        most = [MOST_FLOW] * 2 + [MOST_GAIN] * 3 + [MOST_OFFSET] * 3 + [MOST_MATTE]
        bounded = torch.tanh(x[:, :9]) * torch.tensor(most, device=x.device, dtype=x.dtype)[:, None, None]
        return torch.cat([bounded, torch.sigmoid(x[:, 12:] - 1) * x[:, 9:12]], dim=1)


class Discriminator(nn.Module):
    """Is this a real picture of that clip's person in that pose? Miyato and Koyama's projection, 2018.

    score = v · (W_i + w0) + b: v says what is seen, W_i who should be (one column a clip), w0 and b how real it is.
    """

    def __init__(self, config: PaperConfig) -> None:
        super().__init__()
        self.body = Body(3 + DRAWING, config)
        width = config.embedding
        self.last = Residual(width)
        self.people = nn.Parameter(0.02 * torch.randn(width, config.clips))  # W
        self.real = nn.Parameter(0.02 * torch.randn(width))  # w0
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, picture: Tensor, drawing: Tensor, clip: Tensor) -> tuple[Tensor, list[Tensor]]:
        """clip: (N,) int64 → scores (N,) and the blocks' answers."""
        _, features = self.body(torch.cat([picture, drawing], dim=1))
        last = self.last(features[-1])
        seen = functional.relu(last).sum((2, 3))
        wanted = self.people.t()[clip] + self.real
        return (seen * wanted).sum(1) + self.bias, [*features, last]


class Residual(nn.Module):
    """The discriminator's block at its smallest size."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.one, self.two = spectral_convolution(channels, channels), spectral_convolution(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.two(functional.relu(self.one(functional.relu(x))))
