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
        surface: says something of the surface that a pixel shows, so it goes where networks move the pixel's colour.
        float32: which of its channels are written as 32-bit float even where the others are 16-bit half.
    """

    channels: str
    bit: int
    text: str
    surface: bool = False
    float32: str = ""

    @property
    def count(self) -> int:
        """How many channels."""
        return len(self.channels)


# Combined comes first and is always written.
PASSES = {
    "Combined": Pass("RGBA", 0, "The portrait in motion, with alpha"),
    "Matte": Pass("A", 1, "The person"),
    "Depth": Pass("Z", 2, "Distance from the camera in metres: the head at 1 m, the background at 3 m", surface=True),
    "Vector": Pass("XYZW", 3, "Motion to the frames before and after, in pixels, for Vector Blur", surface=True),
    # half has steps of a whole pixel on the right side of a 2048 picture; A is 1 everywhere
    "UV": Pass("UVA", 4, "Where each pixel comes from in the source: an STMap", surface=True, float32="UV"),
    "Face": Pass("A", 5, "Matte of the face's skin", surface=True),
    "Hair": Pass("A", 6, "Matte of the hair", surface=True),
    "Body": Pass("A", 7, "Matte of neck and shoulders", surface=True),
    "Eyes": Pass("A", 8, "Matte of the eyes, between the lids", surface=True),
    "Lips": Pass("A", 9, "Matte of the lips", surface=True),
    "Mouth": Pass("A", 10, "Matte of the mouth's inside", surface=True),
    "Disocclusion": Pass("A", 11, "What the portrait had hidden and the engine made up"),
    "Confidence": Pass(
        "A", 12, "1 where the picture is only moved, towards 0 where it is stretched or filled in", surface=True
    ),
    "Plate": Pass("RGBA", 13, "The background without the person"),
    "Foreground": Pass("RGBA", 14, "The person without the background: premultiplied, to put over any other plate"),
}
ALL_PASSES = tuple(PASSES)
DEFAULT_PASSES = ("Combined", "Matte", "Vector", "UV")
FLOAT32_PASSES = tuple(name for name, one in PASSES.items() if one.float32)
SURFACE_PASSES = tuple(name for name, one in PASSES.items() if one.surface)
COLOUR_PASSES = tuple(name for name, one in PASSES.items() if one.channels == "RGBA")

# lossless on every kind of channel; dwaa and dwab bend channels called R, G, B and Y, so Vector.Y too
LOSSLESS = ("none", "rle", "zip", "zips", "piz")
LOSSY = ("dwaa", "dwab")
