"""What every engine offers that can be plugged in: a portrait made ready once, then pictures after driving pictures.

Pictures are squares of display-encoded colours, (size, size, 3) float32 of 0..1. An adapter never sees the portrait's
own pixels nor scene-linear light; `painter` does that part for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ..neural.crops import Crop
from .folder import Notice

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Painted:
    """What an engine made of a driving picture.

    Attributes:
        picture: (size, size, 3) of the same square of the portrait, at the engine's own size.
        valid: (size, size) float32, 0..1: where it can be used.
    """

    picture: Float32
    valid: Float32


class Prepared(Protocol):
    """A portrait that an engine knows."""

    def frame(self, driving: Float32) -> Painted:
        """The portrait doing what the driving picture shows, a picture of the same square of the same person.

        Stateless: the same driving picture gives the same answer, in any order.
        """


class Engine(Protocol):
    """An opened engine.

    Attributes:
        notice: whose it is.
        device: what it runs on.
    """

    @property
    def notice(self) -> Notice: ...

    @property
    def device(self) -> str: ...

    def square(self, landmarks: npt.NDArray[np.float64]) -> Crop:
        """Which square of a portrait with these landmarks, (478, 3) pixels, it wants to see, and how large."""

    def prepare(self, source: Float32) -> Prepared:
        """Get to know a portrait by that square of it, at rest."""
