"""The order of the correction networks' channels, declared once: what they are shown, and what they answer with.

A name is an index, or a slice for colours. Kernels, the processor's and the graphics card's features, corrections and
training read these; the networks that ship were trained with this order.
"""

from __future__ import annotations

from enum import IntEnum

VIEWS = ("head", "mouth", "left", "right")  # the crops of a frame; one network serves both eyes
PARTS = ("head", "mouth", "eyes")  # the networks

# Colours, at the crop's size: encoded (`neural.encoding`).
ENGINE_RGB = slice(0, 3)  # the engine's frame
BEHIND_RGB = slice(3, 6)  # head: without the person; mouth and eyes: as the portrait has them
MATTE = slice(6, 7)
COLOURS = 7


class Geometry(IntEnum):
    """Channels of a crop's geometry, at half its size."""

    FLOW_X = 0  # to where the portrait has the pixel's colour, `features.FLOW_UNIT` of the crop's side
    FLOW_Y = 1
    DEPTH = 2  # sides of the crop, from the face's mean
    BACKGROUND = 3  # these six: 0..1, what the pixel shows
    SKIN = 4
    HAIR = 5
    BODY = 6
    MOUTH = 7
    EYE = 8
    STRETCH = 9  # how little the mesh is stretched there
    VISIBLE = 10  # how well the portrait sees it
    FILL_WEIGHT = 11  # how much is filled from the face's other half
    DISOCCLUDED = 12  # background that the portrait does not show
    HEAD_X = 13  # place on the portrait's head, head units
    HEAD_Y = 14
    HEAD_Z = 15


class Number(IntEnum):
    """What is told of the whole face, scaled to about -1..1. Sides are the person's own."""

    TURN_X = 0  # the skull since the still portrait: rotation vector
    TURN_Y = 1
    TURN_Z = 2
    MOVED_X = 3
    MOVED_Y = 4
    MOVED_Z = 5
    SIZE = 6  # logarithm
    LID_RIGHT = 7  # how open
    LID_LEFT = 8
    LID_RIGHT_STILL = 9
    LID_LEFT_STILL = 10
    JAW = 11
    JAW_STILL = 12
    GAZE_RIGHT_X = 13  # since the still portrait
    GAZE_RIGHT_Y = 14
    GAZE_LEFT_X = 15
    GAZE_LEFT_Y = 16


GEOMETRY, NUMBERS = len(Geometry), len(Number)

# Outputs: flow (at half the crop's size, sides of the crop), tone (at a quarter), paint (at its own size).
KINDS = ("flow", "tone", "paint")
OUTPUTS = tuple(f"{part}_{kind}" for part in PARTS for kind in KINDS)
TONE_GAIN, TONE_OFFSET, TONE_MATTE = slice(0, 3), slice(3, 6), slice(6, 7)  # of the seven channels of tone
# All of them at one size, as `apply_kernels` takes them: flow, tone, paint.
FLOW, GAIN, OFFSET, MORE_MATTE, PAINT = slice(0, 2), slice(2, 5), slice(5, 8), slice(8, 9), slice(9, 12)
CORRECTION = 12
