"""The `full` model: the parts, inputs and answers of `fast`, at twice the size and built like the paper's networks.

Zakharov et al. 2019: an embedder of residual down blocks with self-attention, averaged over K pictures; a generator of
residual blocks whose scales and shifts are a projection P · e. As in `fast` there is no instance norm, which would lose
absolute colour, and the generator corrects instead of painting: it starts at exactly nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..engine.network_channels import COLOURS, GEOMETRY, NUMBERS
from .blocks import Attention, Down, Steered, doubled, halved
from .fast import MOST_FLOW, fade_far_heads, limit_outputs


@dataclass(frozen=True)
class FullConfig:
    """Sizes of one part."""

    widths: tuple[int, ...]  # channels at S/2, S/4, S/8 …
    blocks: int = 2  # residual blocks at the smallest size
    most_flow: float = MOST_FLOW  # in sides of the crop
    local: bool = True  # see `fast.PartConfig`
    embedding: int = 128
    movement: int = 64  # size of what the frame's numbers become before they are projected
    dropout: float = 0.05  # share of the channels that are silent in a step of training, from S/8 on
    looks: tuple[int, ...] = (24, 48, 80, 112, 144, 144)  # channels of the embedder, halving each time


SIZES = {
    "head": FullConfig((48, 80, 128, 128, 128), most_flow=0.02, local=False),
    "mouth": FullConfig((48, 80, 112, 120)),
    "eyes": FullConfig((48, 72, 96, 104)),
}


class Embedder(nn.Module):
    """The head at rest with its matte, (N, 4, 512, 512) → (N, embedding)."""

    def __init__(self, config: FullConfig) -> None:
        super().__init__()
        widths = (4, *config.looks)
        self.blocks = nn.ModuleList(
            Down(a, b, first=k == 0) for k, (a, b) in enumerate(zip(widths, widths[1:], strict=False))
        )
        self.attention = Attention(config.looks[3])
        self.out = nn.Linear(config.looks[-1], config.embedding)

    def forward(self, source: Tensor) -> Tensor:
        x = halved(source)
        for k, block in enumerate(self.blocks):
            x = block(x)
            if k == 3:  # 16² of 256²
                x = self.attention(x)
        return self.out(functional.relu(x).mean((2, 3)))


class Part(nn.Module):
    """One crop's embedder and generator."""

    def __init__(self, config: FullConfig) -> None:
        super().__init__()
        widths = config.widths
        self.config = config
        self.embedder = Embedder(config)
        pairs = list(zip(widths, widths[1:], strict=False))
        self.stem = nn.Conv2d(4 * COLOURS + GEOMETRY, widths[0], 1)
        self.fine = Steered(widths[0])
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairs)
        self.seen = nn.ModuleList(Steered(b) for _, b in pairs)
        self.deep = nn.ModuleList(Steered(widths[-1]) for _ in range(config.blocks))
        self.attention = Attention(widths[-1])
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairs)
        self.said = nn.ModuleList(Steered(a) for a, _ in pairs)
        self.tone = nn.Conv2d(widths[1], 7, 3, padding=1)
        self.flow = nn.Conv2d(widths[0], 2, 3, padding=1)
        self.paint = nn.Conv2d(widths[0], 16, 3, padding=1)
        blocks: list[Steered] = [m for m in self.modules() if isinstance(m, Steered)]
        self.styles = [block.styles for block in blocks]
        self.projection = nn.Linear(config.embedding, sum(self.styles))  # P
        self.numbers = nn.Linear(config.embedding + NUMBERS, config.movement)
        self.movement = nn.Linear(config.movement, sum(self.styles))
        for layer in (self.tone, self.flow, self.paint, self.projection, self.movement):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, colours: Tensor, geometry: Tensor, numbers: Tensor, embedding: Tensor) -> tuple[Tensor, ...]:
        """-> flow, tone, paint: see `fast`. embedding: what `self.embedder` says of the portrait, or a mean of it."""
        code = functional.relu(self.numbers(torch.cat([embedding, numbers], dim=1)))
        styles = iter((self.projection(embedding) + self.movement(code)).split(self.styles, dim=1))
        x = self.stem(torch.cat([functional.pixel_unshuffle(colours, 2), geometry], dim=1))
        skips = [self.fine(x, next(styles))]
        for level, (down, block) in enumerate(zip(self.down, self.seen, strict=True)):
            x = block(down(skips[-1]), next(styles))
            if level:
                x = functional.dropout2d(x, self.config.dropout, self.training)
            skips.append(x)
        x = skips.pop()
        for block in self.deep:
            x = block(x, next(styles))
        x = self.attention(x)
        upwards = list(styles)
        tone = x
        for level in range(len(self.up) - 1, -1, -1):
            x = doubled(self.up[level](x)) + skips.pop()
            x = self.said[level](x, upwards[level])
            if level == 1:
                tone = self.tone(functional.relu(x))
        x = functional.relu(x)
        outputs = self.flow(x), tone, self.paint(x)
        outputs = limit_outputs(*outputs, colours, geometry, most_flow=self.config.most_flow, local=self.config.local)
        return outputs if self.config.local else fade_far_heads(outputs, numbers)
