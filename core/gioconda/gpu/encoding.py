"""Scene-linear light ↔ the values networks see, as standard operators: the twin of `neural.tone`."""

from __future__ import annotations

from ..neural.encoding import SLOPE
from .graph import Graph, Value


def encode(g: Graph, light: Value) -> Value:
    """Light with its gain → network values; 0..1 for what a screen can show, open at both ends."""
    curve = _power(g, light.clip(0.0031308, 1.0), 1 / 2.4) * 1.055 - 0.055
    bright = g.op("Log", light.maximum(1.0)) * SLOPE + 1.0
    return g.where(light > 1.0, bright, g.where(light > 0.0031308, curve, light * 12.92))


def decode(g: Graph, values: Value) -> Value:
    """The inverse of `encode`."""
    curve = _power(g, (values.clip(0.04045, 1.0) + 0.055) / 1.055, 2.4)
    bright = g.op("Exp", ((values - 1.0).maximum(0.0) / SLOPE).minimum(80.0))
    return g.where(values > 1.0, bright, g.where(values > 0.04045, curve, values / 12.92))


def _power(g: Graph, base: Value, exponent: float) -> Value:
    return g.op("Pow", base, g.constant(exponent, base.kind))
