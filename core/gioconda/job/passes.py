"""Every pass a frame can have, and how an EXR may be compressed. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pass:
    """One pass.

    Attributes:
        channels: their names inside the EXR, a letter each.
        bit: which bit stands for it in .blend files; a pass keeps its bit for ever, a new one takes the next.
        text: for tooltips and help.
        float32: written as 32-bit float even where the others are 16-bit half.
    """

    channels: str
    bit: int
    text: str
    float32: bool = False

    @property
    def count(self) -> int:
        """How many channels."""
        return len(self.channels)


# Combined comes first and is always written.
PASSES = {
    "Combined": Pass("RGBA", 0, "The portrait in motion, with alpha"),
    "Matte": Pass("A", 1, "The person"),
    "Depth": Pass("Z", 2, "Distance from the camera, in metres, for a head 1 m away"),
    "Vector": Pass("XYZW", 3, "Motion to the frames before and after, in pixels, for Vector Blur"),
    # half has steps of a whole pixel on the right side of a 2048 picture
    "UV": Pass("UVA", 4, "Where each pixel comes from in the source: an STMap", float32=True),
    "Face": Pass("A", 5, "Matte of the face's skin"),
    "Hair": Pass("A", 6, "Matte of the hair"),
    "Body": Pass("A", 7, "Matte of neck and shoulders"),
    "Eyes": Pass("A", 8, "Matte of the eyes, between the lids"),
    "Lips": Pass("A", 9, "Matte of the lips"),
    "Mouth": Pass("A", 10, "Matte of the mouth's inside"),
    "Disocclusion": Pass("A", 11, "What the portrait had hidden and the engine made up"),
    "Confidence": Pass("A", 12, "1 where the picture is only moved, towards 0 where it is stretched or filled in"),
    "Plate": Pass("RGBA", 13, "The background without the person"),
}
ALL_PASSES = tuple(PASSES)
DEFAULT_PASSES = ("Combined", "Matte", "Vector", "UV")
FLOAT32_PASSES = tuple(name for name, one in PASSES.items() if one.float32)
COLOUR_PASSES = tuple(name for name, one in PASSES.items() if one.channels == "RGBA")

# lossless on every kind of channel; dwaa and dwab bend channels called R, G, B and Y, so Vector.Y too
LOSSLESS = ("none", "rle", "zip", "zips", "piz")
LOSSY = ("dwaa", "dwab")
