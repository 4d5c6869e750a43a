"""The portrait's light and colours, and how much light comes through the lips to each place behind them."""

from __future__ import annotations

import numpy as np

from ...arrays import Float, Float32
from ...imaging import resample
from ...imaging.srgb import LUMINANCE
from ..anatomy import mouth_model
from .kernels import light_through
from .shape import is_tooth

_AROUND = (50, 280, 205, 425, 36, 266, 118, 347, 164, 18)  # skin around the mouth
# points on the lips' outer and inner edges
_LIPS = (0, 37, 267, 17, 84, 314, 85, 315), (13, 82, 312, 14, 87, 317, 86, 316)
_STRIPS = 2  # patches across the opening
# Of the light that falls on soft tissue, what is thrown back into the mouth.
_WALLS = np.array([0.45, 0.22, 0.20])
_GAMMA = 0.6  # light from all around is more than what comes straight through the lips
_TEETH_SHADE, _SOFT_SHADE = 3.0, 1.0  # how fast cheeks and teeth shade what lies behind them, per head unit
_SHADE_FROM = 0.06  # head units behind the front of the arch


def skin_colour(colour: Float32, landmarks: Float) -> Float:
    """The colour of the skin around the mouth, (3,) linear."""
    return np.asarray(np.median(resample.pixels_at(colour, landmarks[list(_AROUND), :2])[:, :3], axis=0))


def lip_colour(colour: Float32, landmarks: Float) -> Float:
    """The colour of the lips, (3,) linear."""
    outer, inner = (landmarks[list(line), :2] for line in _LIPS)
    middle = (outer + inner) / 2
    return np.asarray(np.median(resample.pixels_at(colour, middle)[:, :3], axis=0))


def colourfulness(colour: Float32, landmarks: Float) -> float:
    """1 where the face has colours, 0 where it has a single tint at each brightness: grey, sepia, cyanotype.

    What a cubic through the tints leaves: under 0.02 of the mean brightness for toned photographs, 0.06 for the Mona
    Lisa, 0.08 and more for anything else seen.
    """
    height, width = colour.shape[:2]
    low = np.clip(landmarks[:, :2].min(0), 0, (width - 1, height - 1)).astype(int)
    high = np.clip(landmarks[:, :2].max(0), low + 1, (width, height)).astype(int)
    step = max(1, int((high - low).max() // 150))
    face = np.sqrt(np.clip(colour[low[1] : high[1] : step, low[0] : high[0] : step, :3], 0, None)).reshape(-1, 3)
    brightness = face.astype(np.float64) @ LUMINANCE
    middle = max(float(brightness.mean()), 1e-6)
    powers = (brightness / middle)[:, None] ** np.arange(4)
    tints, *_ = np.linalg.lstsq(powers, face / middle, rcond=None)
    left = np.sqrt(((face / middle - powers @ tints) ** 2).mean(0))
    return float(np.clip((left[0] + left[2] - 0.02) / 0.05, 0, 1))


def exposure_of(colour: Float32, skin: Float, *, hue: float) -> Float:
    """Light on the face: the skin's brightness over that of average skin, with so much (0..1) of its hue. (3,)"""
    height, width = colour.shape[:2]
    light = max(float(skin @ LUMINANCE), 1e-4)
    # dark skin is not dim light: teeth stay between what the skin suggests and the picture's bright parts
    bright = float(np.percentile(colour[:: max(1, height // 256), :: max(1, width // 256), :3].mean(2), 90))
    level = np.sqrt(light * max(0.5 * bright, light)) / 0.32
    exposure: Float = level * np.clip(skin / light, 0.1, 4.0) ** hue
    return exposure


def through_lips(points: Float, normals: Float, lips: Float) -> Float:
    """What share of the light outside reaches each point, (V,), at most about 0.5.

    points, normals: (V, 3) and lips: (20, 3) along LIPS_INNER, head space.
    """
    centres, areas = _patches(lips)
    out = np.empty(len(points))
    light_through(points, normals, centres, areas, out)
    return out


def _patches(lips: Float) -> tuple[Float, Float]:
    """The opening as small lit squares: centres (P, 3) and areas (P,)."""
    half = len(lips) // 2
    upper, lower = lips[: half + 1], np.concatenate([lips[:1], lips[: half - 1 : -1]])
    across = ((np.arange(_STRIPS) + 0.5) / _STRIPS)[:, None, None]
    strips = upper + across * (lower - upper)
    centres = (strips[:, 1:] + strips[:, :-1]) / 2
    wide = (np.abs(np.diff(upper[:, 0])) + np.abs(np.diff(lower[:, 0]))) / 2
    high = np.linalg.norm((upper - lower)[:, 1:], axis=1)
    areas = wide * (high[1:] + high[:-1]) / 2 / _STRIPS
    return centres.reshape(-1, 3), np.tile(areas, _STRIPS)


def scattered(reaches: Float, chroma: float) -> Float:
    """The light at each vertex once the mouth's red walls have thrown theirs about: (V,) 0..1 → (V, 3) 0..1.

    L / (1 − ρ (1 − L)): of the part that does not leave through the lips the share ρ comes back, again and again.
    """
    walls = _WALLS.mean() + chroma * (_WALLS - _WALLS.mean())
    light = np.clip(reaches, 1e-4, 1)[:, None] ** _GAMMA
    result: Float = light / (1 - walls * (1 - light))
    return result


def shade_by_depth() -> Float:
    """(V,) 0..1: cheeks and teeth shade what lies behind them; and the folds between teeth."""
    model = mouth_model()
    behind = np.maximum(model.vertices[:, 2] - _SHADE_FROM, 0)
    shade: Float = model.light * np.exp(-behind * np.where(is_tooth(), _TEETH_SHADE, _SOFT_SHADE))
    return shade


def reflectance(chroma: float) -> Float:
    """The parts' colours, (6, 3), grey in a picture without colour."""
    colours = mouth_model().colours
    grey = colours @ LUMINANCE[:, None]
    result: Float = grey + chroma * (colours - grey)
    return result
