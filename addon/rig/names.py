"""What a name on a rig means: ARKit channels in everyone's spelling, sides, parts of a face. No bpy."""

from __future__ import annotations

import re
from functools import cache

from ...core.gioconda.landmarks import ARKIT, COUNT, NAMED, mirrored

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SIDES = {"l": "left", "left": "left", "lft": "left", "r": "right", "right": "right", "rgt": "right", "rt": "right"}
SKIPPED = 4  # so many words before a channel's name are somebody's prefix: "A14_Eye_Blink_Left", "mesh.BS_jawOpen"


@cache
def _spellings() -> dict[str, tuple[str, ...]]:
    """Lower case without separators → channels; without a side both of them."""
    table: dict[str, tuple[str, ...]] = {}
    for name in ARKIT:
        table[name.lower()] = (name,)
        for side in ("Left", "Right"):
            stem = name.removesuffix(side)
            if stem != name and stem not in ("jaw", "mouth"):
                table[stem.lower()] = (*table.get(stem.lower(), ()), name)
    return table


def words(name: str) -> list[str]:
    """`Eye_Blink.L`, `eyeBlinkL`, `eye blink l` → eye, blink, l."""
    return [w.lower() for w in _WORD.findall(name)]


def channels_of(name: str) -> tuple[str, ...]:
    """The ARKit channels a name stands for: one, both sides of one, or none."""
    parts = words(name)
    for first in range(min(SKIPPED, len(parts))):
        rest = parts[first:]
        found = _spellings().get("".join(rest))
        if found is None and len(rest) > 1:
            for place in (-1, 0):
                side = _SIDES.get(rest[place])
                if side:
                    stem = rest[:-1] if place else rest[1:]
                    found = _spellings().get("".join(stem) + side)
                    break
        if found:
            return found
    return ()


def side_of(name: str) -> str:
    """Which side a name is on: "left", "right" (the person's own) or ""."""
    return next((_SIDES[word] for word in reversed(words(name)) if word in _SIDES), "")


def landmark_of(target: str) -> int | None:
    """The index of a landmark by its name or number; None if there is no such landmark."""
    text = target.strip().lower().replace(" ", "_")
    if text in NAMED:
        return NAMED[text]
    return int(text) if text.isdigit() and int(text) < COUNT else None


def landmark_name(index: int) -> str:
    """The reverse of `landmark_of`: a name where there is one."""
    return next((name for name, i in NAMED.items() if i == index), str(index))


def other_side(target: str) -> str:
    """The same target on the person's right for one on the left: `mouth_left`, `eyeBlinkLeft`, `386`."""
    index = landmark_of(target)
    if index is not None:
        return landmark_name(int(mirrored()[index]))
    for left, right in (("eyeLookInLeft", "eyeLookInRight"), ("Left", "Right"), ("left", "right")):
        if left in target:
            return target.replace(left, right)
    return target
