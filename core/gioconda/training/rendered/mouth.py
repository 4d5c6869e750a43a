"""What an open mouth shows: teeth, gums, tongue, the dark behind them. Colours differ from person to person."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ...imaging import resample
from .head import GUMS, LOWER_TEETH, MOUTH, NECK, SOCKETS, TEETH, HeadModel

Float = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]

# the first vertex of each tooth, and one past the last
TOOTH_STARTS = (
    17039,
    17230,
    17416,
    17607,
    17730,
    17895,
    17991,
    18067,
    18143,
    18219,
    18295,
    18391,
    18556,
    18679,
    18870,
    19056,
    19247,
    19426,
    19602,
    19814,
    19952,
    20079,
    20169,
    20263,
    20349,
    20435,
    20529,
    20619,
    20746,
    20884,
    21096,
    21272,
    21451,
)
FADES, TEETH_FADE = 1.5, 1.1  # cm behind the front teeth at which light has fallen to a third: cheeks shade teeth more


def mouth_colours(model: HeadModel, white: Float, lips: Float, rng: np.random.Generator) -> Float:
    """(N, 3) scene-linear, of vertices within the mouth. white: (3,) of something white; lips: (3,) theirs."""
    neutral = model.neutral.astype(np.float64)
    colours = np.zeros((len(neutral), 3))
    light = white.mean()
    flesh = 0.5 * lips / max(lips.mean(), 1e-6) + 0.5 * np.array([1.7, 0.72, 0.7]) * white / light
    level = float(np.clip(lips.mean(), 0.2 * light, 0.45 * light))
    gums = level * rng.uniform(0.75, 1.1) * flesh * [1, 0.92, 0.92]
    tongue = level * rng.uniform(1.3, 1.9) * flesh * rng.uniform(0.94, 1.06, 3)
    colours[NECK:MOUTH] = gums * 0.8
    inside = neutral[SOCKETS:GUMS]
    flesh_of = np.where(tongue_share(inside)[:, None] > 0, tongue, gums)
    mottled = np.sin(inside @ [7.1, 3.3, 5.2] + rng.uniform(0, 6)) + np.sin(inside @ [-13.0, 9.1, 11.7])
    colours[SOCKETS:GUMS] = flesh_of * (1 + 0.07 * mottled)[:, None]
    colours[GUMS:TEETH] = _teeth(neutral[GUMS:TEETH], white, rng)
    depth = neutral[NECK:TEETH, 2] - neutral[GUMS:TEETH, 2].min()
    fades = np.where(np.arange(NECK, TEETH) >= GUMS, TEETH_FADE, FADES)
    colours[NECK:TEETH] *= np.exp(-np.clip(depth - 0.6, 0, None) / fades)[:, None]
    return colours


def _teeth(points: Float, white: Float, rng: np.random.Generator) -> Float:
    """(M, 3) colours: warmer near the gums, darker where teeth meet, each a little its own."""
    base = white * rng.uniform(0.9, 1.2) * np.array([1.0, rng.uniform(0.93, 0.98), rng.uniform(0.76, 0.92)])
    colours = np.repeat(base[None], len(points), axis=0)
    lower = np.arange(len(points)) >= LOWER_TEETH - GUMS
    tip = np.where(lower, points[:, 1] - points[lower, 1].min(), points[~lower, 1].max() - points[:, 1])
    root = np.clip(tip / 2.4, 0, 1)[:, None]
    colours *= 1 - root * [0.02, 0.08, 0.18]
    around = np.arctan2(points[:, 0], -(points[:, 2] + 4.5))  # along the arch
    for first, last in pairwise(TOOTH_STARTS):
        own = slice(first - GUMS, last - GUMS)
        across = around[own] - (around[own].min() + around[own].max()) / 2
        edge = np.abs(across) / max(np.abs(across).max(), 1e-6)
        colours[own] *= ((1 - 0.4 * np.clip((edge - 0.6) / 0.4, 0, 1) ** 2) * rng.uniform(0.94, 1.03))[:, None]
    return colours


def tongue_share(points: Float) -> Float:
    """Of gums' and tongue's vertices in the neutral head, (M, 3): 0 gums, to 1 at the tongue's tip.

    The tongue lies within the teeth's arch.
    """
    arch = np.clip((points[:, 2] + 9.4) / 4.5, 0, 1) ** 0.5 * 2.1
    within = (np.abs(points[:, 0]) < arch) & (points[:, 1] > 2.0) & (points[:, 2] > -9.4)
    return np.asarray(within * np.clip((-1.0 - points[:, 2]) / 6, 0.01, 1))


def move_tongue(head: Float, model: HeadModel, tip: Float) -> None:
    """The tongue's tip goes by `tip`, (3,) cm, what lies behind it less; in place."""
    share = tongue_share(model.neutral[SOCKETS:GUMS].astype(np.float64))
    head[SOCKETS:GUMS] += share[:, None] * tip


def lip_shadow(cover: Float32, iod_px: float) -> Float32:
    """How much light reaches what lies between the lips, (H, W) 0..1: less close to them and through a narrow gap."""
    near = resample.gaussian_blur(cover, 0.028 * iod_px)
    wide = resample.gaussian_blur(cover, 0.09 * iod_px)
    return np.asarray(np.clip(1.7 * near - 0.4, 0.08, 1) * np.clip(0.6 + 0.7 * wide, 0, 1), np.float32)
