"""The inside of the mouth: teeth, gums, tongue and cavity as one model in three dimensions.

    mouth = find_mouth(picture, landmarks, head, pose, template)  # once per portrait: where it is, what it looks like
    patch = paint_mouth(mouth, …)  # per frame

shape   the model and how the jaw moves it
fit     where it is in this head: from what no expression moves, and from the teeth that are seen
texture which pixels of the portrait are teeth of which row; the colours of what it does not show
light   the portrait's light, and what of it comes through the lips
paint   one frame's picture of it
"""

from __future__ import annotations

from .model import Mouth
from .paint import paint_mouth
from .prepare import find_mouth

__all__ = ["Mouth", "find_mouth", "paint_mouth"]
