"""From what a frame shows (`features`) to what goes into the networks: inputs by name, batches.

Arrays become (N, channels, height, width). The right eye's crop is mirrored, so its place on the head and the numbers
are mirrored too: for the network every eye is a left one.
"""

from __future__ import annotations

import numpy as np

from ..arrays import Array, Float32, Floating
from ..engine.network_channels import Geometry, Number
from .features import View

MIRRORED_GEOMETRY = (Geometry.FLOW_X, Geometry.HEAD_X)  # the channels that change sign in a mirrored picture
# How NUMBERS change in a mirrored picture: where each comes from, and its sign.
_OTHER_SIDE = {"RIGHT": "LEFT", "LEFT": "RIGHT"}
_NEGATED = (Number.TURN_Y, Number.TURN_Z, Number.MOVED_X, Number.GAZE_RIGHT_X, Number.GAZE_LEFT_X)
MIRROR_FROM = np.array([Number["_".join(_OTHER_SIDE.get(word, word) for word in n.name.split("_"))] for n in Number])
MIRROR_SIGN = np.array([-1 if number in _NEGATED else 1 for number in Number], np.float32)


def mirrored_numbers(numbers: Float32) -> Float32:
    """(…, NUMBERS) of the mirrored picture."""
    return np.asarray(numbers[..., MIRROR_FROM] * MIRROR_SIGN, np.float32)


def mirrored_geometry(geometry: Array) -> Array:
    """(…, GEOMETRY) of the right eye, whose crop is mirrored, as of a left eye: a copy."""
    mirrored = geometry.copy()
    mirrored[..., Geometry.HEAD_X] = -mirrored[..., Geometry.HEAD_X]
    return mirrored


def mirrored_source(source: Float32) -> Float32:
    """(size, size, 4), the head of the still portrait, mirrored."""
    return np.ascontiguousarray(source[:, ::-1])


def network_inputs(views: tuple[View, ...], numbers: Float32, embedding: Float32) -> dict[str, Float32]:
    """The inputs of one frame, N = 1; eyes N = 2 (left, right).

    embedding: (1, K), the person's: of head, mouth, left eye and right eye, one after the other.
    """
    head, mouth, left, right = views
    whole = numbers[None].astype(np.float32)
    return {
        "head_colours": channels_first(head.colours[None]),
        "head_geometry": channels_first(head.geometry[None]),
        "mouth_colours": channels_first(mouth.colours[None]),
        "mouth_geometry": channels_first(mouth.geometry[None]),
        "eyes_colours": channels_first(np.stack([left.colours, right.colours])),
        "eyes_geometry": channels_first(np.stack([left.geometry, mirrored_geometry(right.geometry)])),
        "numbers": whole,
        "eyes_numbers": np.concatenate([whole, mirrored_numbers(whole)]),
        "code": np.asarray(embedding, np.float32),
    }


def channels_first(pixels: Floating) -> Float32:
    """(N, H, W, channels) → (N, channels, H, W)."""
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), np.float32)
