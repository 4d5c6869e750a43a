"""The portrait's light and colours, and how much light comes through the lips to each place behind them."""

from __future__ import annotations

from functools import cache

import numpy as np

from ... import landmarks as lm
from ...arrays import Float, Float32, Int
from ...imaging import draw, resample
from ...imaging.srgb import LUMINANCE
from ..anatomy import TONGUE, mouth_model
from ..kernels import smoothstep
from .kernels import light_through
from .shape import is_tooth, tongue_free

_AROUND = (50, 280, 205, 425, 36, 266, 118, 347, 164, 18)  # skin around the mouth
# points on the lips' outer and inner edges
_LIPS = (0, 37, 267, 17, 84, 314, 85, 315), (13, 82, 312, 14, 87, 317, 86, 316)
_USUAL_HUE = 0.35
_STRIPS = 2  # patches across the opening
# Of the light that falls on soft tissue, what is thrown back into the mouth.
_WALLS = np.array([0.48, 0.26, 0.25])
_GAMMA = 0.57  # light from all around is more than what comes straight through the lips
_TEETH_SHADE, _SOFT_SHADE = 3.0, 0.7  # how fast cheeks and teeth shade what lies behind them, per head unit
_GROOVE = 0.25  # how dark the tongue's middle line is
_FROM_ABOVE = np.array([0.15, -0.75, -0.65]) / np.linalg.norm([0.15, -0.75, -0.65])
_HALFWAY = (_FROM_ABOVE + [0, 0, -1]) / np.linalg.norm(_FROM_ABOVE + [0, 0, -1])
_THROAT, _THROAT_SHADE = 0.4, 3.5  # from that depth on it gets dark fast
_WIDE, _WIDE_SHADE = 0.26, 3.0  # radians: a mouth open wider than speech opens it; its shade per head unit
_MIDDLE = 0.22  # head units: from there on, the middle of the tongue
_CREVICES = 1.5  # exponent: how dark the lines between teeth are
_TONGUE_RIM = 0.25  # darker where it meets the teeth
_SHADE_FROM = 0.06  # head units behind the front of the arch
_REDDER = np.array([-0.15, 0.05, 0.1])  # the darker, the redder: exponents of what light reaches a place
_RED_TEETH = 0.1, 0.4  # from that depth on, over so much: the front teeth stay white in the lips' shadow


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


def softness(colour: Float32, landmarks: Float) -> float:
    """How soft the face's edges are: sigma of the Gaussian, pixels, that a step would have gone through. 0.4 … 0.01 of
    the distance between the eyes' corners.

    From what another blur leaves of the strongest gradients: Zhuo and Sim, "Defocus map estimation from a single
    image", Pattern Recognition 2011.
    """
    apart = lm.interocular(landmarks)
    height, width = colour.shape[:2]
    low = np.clip(landmarks[:, :2].min(0), 0, (width - 4, height - 4)).astype(int)
    high = np.clip(landmarks[:, :2].max(0), low + 4, (width, height)).astype(int)
    face = np.sqrt(np.clip(colour[low[1] : high[1], low[0] : high[0], 1], 0, None))
    again = 1.0
    steep, left = (np.hypot(*np.gradient(each)) for each in (face, resample.gaussian_blur(face, again)))
    edges = left >= np.percentile(left, 97)
    ratio = np.maximum(np.median(steep[edges] / np.maximum(left[edges], 1e-6)), 1.001)
    return float(np.clip(again / np.sqrt(ratio**2 - 1), 0.4, max(0.4, 0.01 * apart)))


def white_of_eyes(colour: Float32, landmarks: Float) -> Float | None:
    """The colour of the whites of the eyes, (3,) linear: the picture's white. None where too little shows."""
    apart = lm.interocular(landmarks)
    found = []
    for loop, iris in ((lm.EYE_RIGHT, lm.IRIS_RIGHT), (lm.EYE_LEFT, lm.IRIS_LEFT)):
        outline, centre = landmarks[list(loop), :2], landmarks[iris[0], :2]
        radius = float(np.linalg.norm(landmarks[list(iris[1:]), :2] - centre, axis=1).mean())
        low = np.floor(np.clip(outline.min(0), 0, np.array(colour.shape[1::-1]) - 1)).astype(int)
        high = np.ceil(np.clip(outline.max(0), low + 1, colour.shape[1::-1])).astype(int)
        eye = draw.fill_polygon(outline, int(high[0] - low[0]), int(high[1] - low[1]), origin=(low[0], low[1])) > 0.9
        y, x = np.nonzero(eye)
        beside = np.hypot(x + low[0] + 0.5 - centre[0], y + low[1] + 0.5 - centre[1]) > 1.15 * radius
        found.append(colour[y[beside] + low[1], x[beside] + low[0], :3].astype(np.float64))
    pixels = np.concatenate(found)
    if len(pixels) < max(20, 0.002 * apart**2):
        return None
    brightness = pixels @ LUMINANCE
    return np.asarray(np.median(pixels[brightness >= np.percentile(brightness, 60)], axis=0))


def hue_of_white(white: Float | None, skin: Float) -> float:
    """How far this picture's white is tinted from neutral towards its skin's hue, 0.15..0.5: under varnish far."""
    if white is None:
        return _USUAL_HUE
    tint, towards = (np.log(np.maximum(each, 1e-6) / max(float(each.mean()), 1e-6)) for each in (white, skin))
    length = float(towards @ towards)
    if length < 1e-6:
        return _USUAL_HUE
    # the lids' own colour is in it: the white of a healthy eye in a good light has 0.6
    return float(np.clip(_USUAL_HUE + 0.5 * (float(tint @ towards) / length - 0.6), 0.15, 0.5))


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


def shade_by_depth(jaw: float = 0.0) -> Float:
    """(V,) 0..1: cheeks and teeth shade what lies behind them; the folds between teeth; the throat of a wide mouth.

    jaw: radians by which it is open.
    """
    shade, behind, throat = _shade()
    result = shade.copy()
    result[throat] *= np.exp(-_THROAT_SHADE * smoothstep((jaw - 0.12) / 0.15) * behind)
    if (wide := smoothstep((jaw - _WIDE) / 0.08)) > 0:
        back = np.where(is_tooth(), 0, np.maximum(mouth_model().vertices[:, 2] - _MIDDLE, 0))
        result *= np.exp(-_WIDE_SHADE * wide * back)
    return result


@cache
def _shade() -> tuple[Float, Float, Int]:
    """The shade of a mouth that is little open, (V,); of its throat, how far behind its beginning each vertex is, (K,),
    and which vertices those are."""
    model = mouth_model()
    behind = np.maximum(model.vertices[:, 2] - _SHADE_FROM, 0)
    throat = np.where(is_tooth(), 0, np.maximum(model.vertices[:, 2] - _THROAT, 0))
    shade: Float = np.exp(-behind * np.where(is_tooth(), _TEETH_SHADE, _SOFT_SHADE))
    rim = 1 - _TONGUE_RIM * (1 - tongue_free())
    groove = 1 - _GROOVE * np.exp(-((model.vertices[:, 0] / 0.02) ** 2))
    tongue = rim * groove * (0.62 + 0.38 * np.clip(model.normals @ _FROM_ABOVE, 0, 1))
    kind = np.where(is_tooth(), model.light**_CREVICES, np.where(model.part == TONGUE, tongue, model.light))
    deep = np.flatnonzero(throat).astype(np.int32)
    return shade * kind, throat[deep], deep


@cache
def redder() -> Float:
    """(V, 3): what is added to the exponents of the light in a mouth of full chroma, see `_REDDER`."""
    start, over = _RED_TEETH
    weight = np.where(is_tooth(), np.clip((mouth_model().vertices[:, 2] - start) / over, 0, 1), 1)
    result: Float = weight[:, None] * _REDDER
    return result


@cache
def shine() -> Float:
    """(V,) 0..1: what the wet tongue mirrors of the light in front of the face (Blinn 1977)."""
    model = mouth_model()
    lobe = np.clip(model.normals @ _HALFWAY, 0, 1) ** 20
    return np.where(model.part == TONGUE, lobe * tongue_free(), 0)


def reflectance(chroma: float) -> Float:
    """The parts' colours, (6, 3), grey in a picture without colour."""
    colours = mouth_model().colours
    grey = colours @ LUMINANCE[:, None]
    result: Float = grey + chroma * (colours - grey)
    return result
