"""Scene-linear light ↔ the values networks see, as standard operators: the twin of `neural.encoding`."""

from __future__ import annotations

from ..imaging.srgb import GAMMA, OFFSET, SCALE, SLOPE_AT_WHITE, TOE, TOE_END, TOE_END_ENCODED
from .graph import Graph, Value


def encode(g: Graph, light: Value) -> Value:
    """Light with its gain → network values; 0..1 for what a screen can show, open at both ends."""
    curve = _power(g, light.clip(TOE_END, 1.0), 1 / GAMMA) * SCALE - OFFSET
    bright = g.op("Log", light.maximum(1.0)) * SLOPE_AT_WHITE + 1.0
    return g.where(light > 1.0, bright, g.where(light > TOE_END, curve, light * TOE))


def decode(g: Graph, values: Value) -> Value:
    """The inverse of `encode`."""
    curve = _power(g, (values.clip(TOE_END_ENCODED, 1.0) + OFFSET) / SCALE, GAMMA)
    bright = g.op("Exp", ((values - 1.0).maximum(0.0) / SLOPE_AT_WHITE).minimum(80.0))
    return g.where(values > 1.0, bright, g.where(values > TOE_END_ENCODED, curve, values / TOE))


def _power(g: Graph, base: Value, exponent: float) -> Value:
    return g.op("Pow", base, g.constant(exponent, base.kind))
