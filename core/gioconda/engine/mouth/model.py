"""What a portrait's mouth is drawn with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ...arrays import Float, Float32, Mask
from ..anatomy import UPPER_GUM, mouth_model
from .shape import is_tooth


@dataclass(frozen=True)
class Mouth:
    """The mouth's inside, fitted to one portrait. Made by `find_mouth`.

    Attributes:
        affine: (4, 3) float64: [template | 1] @ affine = this portrait's head space.
        vertices: (V, 3) float64, the model's, template space, the jaw shut.
        jaw: radians by which the jaw is open in the portrait.
        open_area: area between the lips in the portrait, squared inter-ocular distances.
        is_open: whether that is an open mouth, whose inside is seen.
        shows_teeth: whether the portrait shows teeth at all.
        flat: 0..1, how much the picture is a drawing of flat colours: those are shown without light.
        softness: sigma of the picture's edges, pixels.
        chroma: 0..1, how colourful the picture is: a black-and-white portrait has a grey mouth, sepia a brown one.
        colour: (V, 3) float64 linear, the model's colours before light.
        rest_light: (V,) float64, the light that reaches a vertex in the portrait.
        place: (V, 2) float64, where in `textures` a vertex is seen in the portrait, pixels.
        seen: (V,) float64, 0..1, whether it is.
        textures: (3, h + 2 PAD, w + 2 PAD, 4) float32: upper teeth, lower teeth, all: what the portrait shows of
            each, and how much of it is that.
        lip_line: (3,) float64 linear, the dark line where lips meet.
        rim: (20, 4) float64 along LIPS_INNER: the lips' own colour, and how far (0..1 of the way to their outer edge)
            the portrait shows teeth or darkness there.
    """

    affine: Float
    vertices: Float
    jaw: float
    open_area: float
    is_open: bool
    shows_teeth: bool
    flat: float
    softness: float
    chroma: float
    colour: Float
    rest_light: Float
    place: Float
    seen: Float
    textures: Float32
    lip_line: Float
    rim: Float

    @cached_property
    def enamel(self) -> Float:
        """The mean of the teeth's colours before light, (3,)."""
        return self._mean(is_tooth())

    @cached_property
    def gums(self) -> Float:
        """The mean of the upper gums' colours before light, (3,)."""
        return self._mean(mouth_model().part == UPPER_GUM)

    def _mean(self, vertices: Mask) -> Float:
        colour: Float = self.colour[vertices].mean(0)
        return colour
