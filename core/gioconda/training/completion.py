"""The network that says what a person hides: coarse to fine, by choosing among simple guesses, once a portrait."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..neural.background import GUESSES, SIZE
from .blocks import doubled, enlarged

FOLD = 4  # pixels that become channels of one


@dataclass(frozen=True)
class CompletionConfig:
    """How large it is."""

    channels: tuple[int, int, int] = (32, 64, 96)  # at a quarter, an eighth, a sixteenth of SIZE
    dilations: tuple[int, ...] = (1, 2, 4, 1)  # of the blocks at the smallest size: they see everything
    blocks: int = 1  # at each larger size, on the way down and on the way up


class Residual(nn.Module):
    """Two convolutions beside a shortcut; starts as the identity."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(functional.relu(self.first(functional.relu(x))))


class Completion(nn.Module):
    """Simple guesses of what is in a hole → which of them to believe where, and what that gives.

    A mixture cannot be worse than its worst guess, and learns from little. What is known stays exactly as it is.
    """

    def __init__(self, config: CompletionConfig | None = None) -> None:
        super().__init__()
        self.config = config or CompletionConfig()
        fine, middle, coarse = self.config.channels
        count = self.config.blocks
        self.enter = nn.Conv2d((3 * GUESSES + 1) * FOLD * FOLD, fine, 3, padding=1)
        self.down1 = nn.Sequential(*(Residual(fine) for _ in range(count)))
        self.to2 = nn.Conv2d(fine, middle, 4, stride=2, padding=1)
        self.down2 = nn.Sequential(*(Residual(middle) for _ in range(count)))
        self.to3 = nn.Conv2d(middle, coarse, 4, stride=2, padding=1)
        self.deep = nn.Sequential(*(Residual(coarse, each) for each in self.config.dilations))
        self.from3 = nn.Conv2d(coarse, middle, 1)
        self.up2 = nn.Sequential(*(Residual(middle) for _ in range(count)))
        self.from2 = nn.Conv2d(middle, fine, 1)
        self.up1 = nn.Sequential(*(Residual(fine) for _ in range(count)))
        self.leave = nn.Conv2d(fine, GUESSES, 3, padding=1)
        nn.init.zeros_(self.leave.weight)
        assert self.leave.bias is not None
        nn.init.zeros_(self.leave.bias)

    def forward(self, guesses: Tensor, hole: Tensor) -> Tensor:
        """guesses: (N, 3 · GUESSES, SIZE, SIZE) encoded; hole: (N, 1, SIZE, SIZE), 0 is known. -> (N, 3, SIZE, SIZE)"""
        smooth = guesses[:, :3]
        others = [2 * (each - smooth) for each in guesses.chunk(GUESSES, dim=1)[1:]]
        x = torch.cat([2 * smooth - 1, *others, hole], dim=1)
        fine = self.down1(self.enter(functional.pixel_unshuffle(x, FOLD)))
        middle = self.down2(self.to2(fine))
        x = self.deep(self.to3(middle))
        x = self.up2(middle + self.from3(doubled(x)))
        x = self.leave(functional.relu(self.up1(fine + self.from2(doubled(x)))))
        belief = functional.softmax(enlarged(x.float(), SIZE), dim=1)
        change = torch.zeros_like(smooth)
        for k, each in enumerate(guesses.chunk(GUESSES, dim=1)[1:], start=1):
            change = change + belief[:, k : k + 1] * (each - smooth)
        return smooth + hole * change
