"""The model's colours before light: what the portrait shows of its mouth, carried on to what it does not."""

from __future__ import annotations

import numpy as np

from ...arrays import Float, Mask
from ...imaging.srgb import LUMINANCE
from ..anatomy import CAVITY, LOWER_GUM, TONGUE, UPPER_GUM, mouth_model
from . import light
from .shape import is_tooth

_ENAMEL = 0.77  # unseen teeth's exposure over the skin's
_LIPS_HUE = 0.25  # of a tongue's hue: the lips'
_TONGUE = 1.2
_CAVITY = 0.45
_SPREAD = 0.05  # head units over which the colour of a tooth is carried on


def model_colours(exposure: Float, white: Float, chroma: float, lips: Float) -> Float:
    """The colours (V, 3) where the portrait shows nothing.

    exposure, white: (3,), what soft tissue's and enamel's colours are multiplied with; lips: their colour, (3,) linear.
    """
    model, reflect = mouth_model(), light.reflectance(chroma)
    tongue = _TONGUE * reflect[TONGUE] * exposure
    hue = lips / max(float(lips @ LUMINANCE), 1e-6) * (tongue @ LUMINANCE)
    colours = reflect * exposure
    colours[:2] = _ENAMEL * reflect[:2] * white
    colours[LOWER_GUM] = colours[UPPER_GUM]
    colours[TONGUE] = tongue ** (1 - _LIPS_HUE) * np.maximum(hue, 1e-6) ** _LIPS_HUE
    colours[CAVITY] = colours[UPPER_GUM] * _CAVITY
    result: Float = colours[model.part]
    return result


def flat_colours(white: Float, lips: Float) -> Float:
    """The colours (V, 3) of a drawing's mouth: white, the lips' colour darker, and nearly black."""
    kinds = np.array([white, white, 0.25 * lips, 0.25 * lips, 0.6 * lips, 0.12 * lips])
    result: Float = kinds[mouth_model().part]
    return result


def with_own_teeth(colours: Float, own: Float, seen: Mask, brightest: float) -> Float:
    """The colours with teeth as this portrait has them.

    A vertex that is seen has its own colour; others that of the mirrored tooth, of the same tooth, of the same row,
    of all; none is brighter than enamel can be.

    Args:
        colours: (V, 3); own: (V, 3) the portrait's colours before light, where `seen`, (V,).
        brightest: luminance of the brightest enamel in this light.
    """
    model, teeth = mouth_model(), is_tooth()
    middle = np.median(own[seen], axis=0)
    middle = middle * min(1.0, brightest / max(float(middle @ LUMINANCE), 1e-6))  # by luminance: its hue is its own
    known = np.where(seen[:, None], np.clip(own, 0.6 * middle, 1.25 * middle), 0)
    mirrored = ~seen & seen[model.mirrored] & teeth
    known[mirrored] = known[model.mirrored][mirrored]
    to, of = np.flatnonzero(teeth), np.flatnonzero(seen | mirrored)
    square = ((model.vertices[to, None] - model.vertices[None, of]) ** 2).sum(2)
    same_tooth = model.tooth[to][:, None] == model.tooth[of][None]
    same_row = model.part[to][:, None] == model.part[of][None]
    weight = np.exp(-square / _SPREAD**2) * np.where(same_tooth, 1.0, np.where(same_row, 0.15, 0.02)) + 1e-9
    pull = 0.02  # towards the middle, far from all that is known
    result = colours.copy()
    result[to] = (weight @ known[of] + pull * middle) / (weight.sum(1) + pull)[:, None]
    return result


def with_own_tissue(colours: Float, own: Float, seen: Mask) -> Float:
    """The colours with gums, tongue and cheeks brighter or darker, and in hue, half way to what the portrait shows."""
    soft = ~is_tooth()
    if seen.sum() < 10:
        return colours
    ratio = np.median(own[seen], axis=0) / np.maximum(np.median(colours[seen], axis=0), 1e-6)
    result = colours.copy()
    result[soft] *= np.sqrt(np.clip(ratio, 0.3, 2.0))
    return result
