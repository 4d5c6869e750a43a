"""The two models, `fast` and `full`: what each part is, and how large the squares are that it sees."""

from __future__ import annotations

from typing import TypeAlias

from ..neural.crops import FAST, FULL
from . import fast, full

Part: TypeAlias = fast.Part | full.Part

SIDES = {"fast": FAST, "full": FULL}


def new_part(quality: str, name: str) -> Part:
    """An untrained part: one of fast.PARTS."""
    return fast.Part(fast.SIZES[name]) if quality == "fast" else full.Part(full.SIZES[name])


def crop_sides(quality: str) -> dict[str, int]:
    """For each part the side of its squares, pixels."""
    sides = SIDES[quality]
    return {"head": sides.head, "mouth": sides.mouth, "eyes": sides.eye}
