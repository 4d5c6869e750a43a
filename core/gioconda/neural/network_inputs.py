"""From what a frame shows (`features`) to what goes into the networks: channel order, sides, batches.

Arrays become (N, channels, height, width). The right eye is seen in a mirror, so its place on the head and the numbers
are mirrored too: for the network every eye is a left one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .features import NUMBERS, View

Float32 = npt.NDArray[np.float32]

VIEWS = ("head", "mouth", "left", "right")
FLOW_X, PLACE_X = 0, 13  # the GEOMETRY channels that change sign in a mirror
# how NUMBERS change in a mirror: where each comes from, and its sign
MIRROR_FROM = np.array([0, 1, 2, 3, 4, 5, 6, 8, 7, 10, 9, 11, 12, 15, 16, 13, 14])
MIRROR_SIGN = np.array([1, -1, -1, -1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, 1, -1, 1], np.float32)
assert len(MIRROR_FROM) == len(MIRROR_SIGN) == NUMBERS


def mirrored_numbers(numbers: Float32) -> Float32:
    """(…, NUMBERS) of the mirrored picture."""
    return np.asarray(numbers[..., MIRROR_FROM] * MIRROR_SIGN, np.float32)


def mirrored_place(geometry: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(…, GEOMETRY) as the mirrored eye's, in a copy."""
    turned = geometry.copy()
    turned[..., PLACE_X] = -turned[..., PLACE_X]
    return turned


def mirrored_source(source: Float32) -> Float32:
    """(size, size, 4), the head at rest, in a mirror."""
    return np.ascontiguousarray(source[:, ::-1])


def feeds(views: tuple[View, ...], numbers: Float32, code: Float32) -> dict[str, Float32]:
    """The inputs of one frame, N = 1; eyes N = 2 (left, right).

    code: (1, K), the person's embedding: of head, mouth, left eye and right eye, one after the other.
    """
    head, mouth, left, right = views
    eyes = np.stack([each.geometry.transpose(2, 0, 1) for each in (left, right)])
    eyes[1, PLACE_X] = -eyes[1, PLACE_X]
    whole = numbers[None].astype(np.float32)
    return {
        "head_colours": _planar(head.colours[None]),
        "head_geometry": _planar(head.geometry[None]),
        "mouth_colours": _planar(mouth.colours[None]),
        "mouth_geometry": _planar(mouth.geometry[None]),
        "eyes_colours": np.stack([each.colours.transpose(2, 0, 1) for each in (left, right)]),
        "eyes_geometry": eyes,
        "numbers": whole,
        "eyes_numbers": np.concatenate([whole, mirrored_numbers(whole)]),
        "code": np.asarray(code, np.float32),
    }


def _planar(pixels: Float32) -> Float32:
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), np.float32)
