"""One frame's picture of the mouth's inside."""

from __future__ import annotations

import numpy as np

from ... import landmarks as lm
from ...arrays import Float, Float32
from ...imaging import resample
from ...pose import HeadPose
from ..anatomy import UPPER_GUM, mouth_model
from ..kernels import FAR, VertexMesh, rasterise_colours, smoothstep
from ..patch import Patch, area, opening, pixels_around
from . import kernels, light
from .model import Mouth
from .shape import in_head, is_tooth, opened, triangle_layer

_LOWER_LIP, _CHIN = (14, 17, 87, 317), (152, 199, 200, 175)
_CHIN_SHARE = 0.8
_SKIN = 0.085  # radians
_WIDE = 0.3  # radians
_SOFT_RIM = 0.005, 0.6  # of the distance between the eyes' corners; and of the picture's own softness
_BLUR = 0.8  # of the picture's own softness
_MADE_UP, _OWN = np.float32(0.2), np.float32(0.8)  # confidence in the model; in the portrait's own teeth on it
_SAMPLES = 2  # per pixel along each axis
_RELIT = 0.7
_STAYS_BRIGHT = 0.95
_CHANGED = 0.003, 0.02  # head units: from such a motion of the lips on, over so much, an open mouth is drawn
_KEPT = 0.18  # head units: after so much motion of the lips nothing is left of what the portrait shows but teeth
_AT_REST = 0.06  # likewise: nothing of what it shows of one surface lies on another, as upper teeth before the tongue
_SHADOW = 0.75
_GAP_SHOWN = 0.02  # area: below, what is left between the lips is the dark line where they meet
_WET = 0.25  # of what enamel throws back
_NARROW = 0.88  # of the width in the portrait: narrower mouths are rounded
_LEAST_LIGHT = 0.004
_DARK = 0.03


def paint_mouth(
    mouth: Mouth,
    landmarks: Float,
    target: Float,
    displacement: Float,
    pose: HeadPose,
    size: tuple[int, int],
) -> Patch | None:
    """The inside of the mouth of one frame, or None while there is nothing to add to the warped picture.

    Args:
        landmarks, target: (478, 3) landmarks in the portrait and in this frame, pixels.
        displacement: (478, 3) head space, this frame's expression.
        pose: the head's pose in this frame.
        size: width and height of the picture.
    """
    apart = lm.interocular(landmarks)
    loop = list(lm.LIPS_INNER)
    lips = target[loop, :2]
    open_area = area(lips) / apart**2
    change = float(np.abs(displacement[loop]).max())
    shown = _shown(mouth, open_area, change)
    if shown <= 0:
        return None
    softness = _SOFT_RIM[0] * (1 - mouth.flat) * apart + _SOFT_RIM[1] * mouth.softness
    hole = opening(lips, *size, softness=softness)
    if hole is None:
        return None
    coverage = hole.coverage()
    image, certain = _drawn(mouth, target, displacement, pose, coverage, hole.origin, open_area, change)
    image *= 1 - np.float32(_SHADOW * (1 - mouth.flat)) * (1 - _contact_shadow(coverage, apart))
    shut = np.float32(1 - smoothstep(open_area / _GAP_SHOWN))
    image += shut * (mouth.lip_line.astype(np.float32) - image)
    cover = coverage * np.float32(shown)
    if mouth.is_open:
        return _with_rim(mouth, target, hole.origin, image, cover, certain, shown, open_area, apart, size)
    return Patch(hole.origin, _opaque(image), cover, confidence=certain)


def _shown(mouth: Mouth, open_area: float, change: float) -> float:
    """How much of the painted mouth there is: an open one is replaced as soon as it changes, a shut one as it opens."""
    if mouth.is_open:
        return float(smoothstep((change - _CHANGED[0]) / _CHANGED[1]))
    return float(smoothstep((open_area - 1.15 * mouth.open_area - 0.002) / 0.008))


def jaw_turn(displacement: Float) -> float:
    """How far the jaw opens against the portrait, radians, from chin and lower lip. displacement: head space."""
    reach = mouth_model().pivot[2] - 0.02
    chin, lip = displacement[list(_CHIN), 1].mean(), displacement[list(_LOWER_LIP), 1].mean()
    least = float(_CHIN_SHARE * chin + (1 - _CHIN_SHARE) * lip) / reach
    if least <= 0:
        return float(least)
    # a little, and the chin's skin went along with the lips while the teeth stayed together, as in a grin; a lot, and
    # skin lags behind the bone
    large = smoothstep(least / _WIDE)
    turn = least + large * (max(lip / reach, least) - least)
    return float(turn * (1 - np.exp(-turn / _SKIN)))


def posed_mouth(mouth: Mouth, displacement: Float, rounded: float = 0.0) -> tuple[float, Float, Float]:
    """The model in an expression: radians by which the jaw is open; vertices (V, 3), head space; their normals.

    displacement: (478, 3) head space; rounded: 0..1, how far the lips form an O.
    """
    jaw = max(mouth.jaw + jaw_turn(displacement), 0.0)
    vertices, normals = opened(mouth.vertices, jaw, rounded)
    head = in_head(vertices, mouth.affine)
    head[:, 0] += displacement[list(_CHIN), 0].mean() * mouth_model().jaw
    return jaw, head, normals


def _rounded(lips: Float, still: Float) -> float:
    """0..1, how much an opening is a small O: narrower than in the portrait, and as high as wide. (20, 3)."""
    half = len(lips) // 2
    width, before = (float(np.linalg.norm(each[half] - each[0])) for each in (lips, still))
    height = float(np.linalg.norm(lips[half + half // 2] - lips[half // 2]))
    narrow = smoothstep((_NARROW - width / max(before, 1e-6)) / 0.3)
    return float(narrow * smoothstep((height / max(width, 1e-6) - 0.3) / 0.4))


def _in_a_ring(rounded: float) -> Float:
    """(V,) what of the light is left behind lips that are rounded: they stand before the teeth like a tube."""
    return np.where(is_tooth(), 1 - 0.4 * rounded, 1 - 0.8 * rounded)


def _drawn(
    mouth: Mouth,
    target: Float,
    displacement: Float,
    pose: HeadPose,
    coverage: Float32,
    origin: tuple[int, int],
    open_area: float,
    change: float,
) -> tuple[Float32, Float32]:
    """The model between the lips, (h, w, 3), and how certain it is, (h, w)."""
    model, loop = mouth_model(), list(lm.LIPS_INNER)
    around = pose.to_head(target[loop])
    rounded = _rounded(around, around - displacement[loop])
    jaw, head, normals = posed_mouth(mouth, displacement, rounded)
    placed = pose.to_picture(head)
    placed[:, :2] -= origin
    position = placed.astype(np.float32)
    height, width = coverage.shape
    nearest = np.empty((height * _SAMPLES, width * _SAMPLES), np.int32)
    kernels.find_nearest(position, model.triangles, _SAMPLES, nearest, np.empty(nearest.shape, np.float32))
    # most of the model is behind something, or outside the lips: only what is seen is lit
    seen = kernels.seen_vertices(nearest, model.triangles, len(head))
    reaches = np.maximum(light.through_lips(head[seen], normals[seen], around), _LEAST_LIGHT)
    rest_light, colour = mouth.rest_light[seen], mouth.colour[seen]
    if mouth.is_open:  # open as wide as in the portrait it is as light
        still = _STAYS_BRIGHT * min(1.0, open_area / mouth.open_area)
        reaches = np.maximum(reaches, still * rest_light)
    values = np.zeros((len(head), 7), np.float32)
    values[seen, :2] = mouth.place[seen]
    values[seen, 2] = np.where(model.part == UPPER_GUM, 1, mouth.seen)[seen]  # they go where the upper teeth go
    values[seen, 3] = np.clip((reaches / np.maximum(rest_light, 0.03)) ** _RELIT, 0.25, 1.4)
    left = (light.shade_by_depth(jaw) * _in_a_ring(rounded))[seen]
    shade = light.scattered(reaches, mouth.chroma) * left[:, None]
    shade **= 1 + mouth.chroma * light.redder()[seen]
    wet = _WET * (1 - mouth.flat) * light.shine()[seen, None] * mouth.enamel
    values[seen, 4:] = (colour + wet) * (shade + mouth.flat * (1 - shade))
    whole, rest = (np.float32(1 - smoothstep(change / far) if mouth.is_open else 0) for far in (_KEPT, _AT_REST))
    surface = kernels.Surface(position, model.triangles, triangle_layer(), values, mouth.textures, whole, rest)
    image, own = np.empty((height, width, 3), np.float32), np.empty((height, width, 4), np.float32)
    kernels.draw(surface, coverage, _SAMPLES, (_DARK * mouth.gums).astype(np.float32), nearest, image, own)
    # what is painted is as soft as the picture; the portrait's own pixels are already
    image = resample.gaussian_blur(image, _BLUR * mouth.softness)
    return own[..., :3] + image * (1 - own[..., 3:]), _MADE_UP + (_OWN - _MADE_UP) * own[..., 3]


def _opaque(image: Float32) -> Float32:
    return np.concatenate([image, np.ones((*image.shape[:2], 1), np.float32)], axis=2)


def _contact_shadow(coverage: Float32, interocular: float) -> Float32:
    """The lips' shadow on what lies behind them, stronger below the upper lip. (h, w, 1)"""
    lit = resample.gaussian_blur(coverage, 0.05 * interocular)
    drop = int(round(0.03 * interocular))
    if drop:
        lit = np.concatenate([np.zeros_like(lit[:drop]), lit[:-drop]])
    return np.clip(0.45 + 0.7 * lit, 0, 1)[..., None].astype(np.float32)


def _with_rim(
    mouth: Mouth,
    target: Float,
    origin: tuple[int, int],
    image: Float32,
    cover: Float32,
    certain: Float32,
    shown: float,
    open_area: float,
    apart: float,
    size: tuple[int, int],
) -> Patch:
    """The patch with the lips' own colour laid over what of teeth and darkness the portrait shows on them.

    The landmarks lie a little within the lips: without this a fringe of teeth stays on lips that close.
    """
    closing = float(smoothstep(1.2 - open_area / mouth.open_area)) * shown
    if closing <= 0:
        return Patch(origin, _opaque(image), cover, confidence=certain)
    inner, outer = target[list(lm.LIPS_INNER), :2], target[list(lm.LIPS_OUTER), :2]
    far = inner + mouth.rim[:, 3:] * (outer - inner)
    ring = np.concatenate([inner, far])
    height, width = cover.shape
    x0, y0, x1, y1 = pixels_around(np.concatenate([ring, [origin, np.add(origin, (width, height))]]), size)
    shape = (y1 - y0, x1 - x0)
    k, after = np.arange(20), np.roll(np.arange(20), -1)
    triangles = np.concatenate([np.stack([k, after, k + 20], 1), np.stack([after, after + 20, k + 20], 1)])
    position = np.column_stack([ring - (x0, y0), np.zeros(40)]).astype(np.float32)
    mesh = VertexMesh(position, triangles.astype(np.int32))
    colour, fade = np.zeros((*shape, 3), np.float32), np.zeros((*shape, 3), np.float32)
    rasterise_colours(
        mesh, np.tile(mouth.rim[:, :3], (2, 1)).astype(np.float32), colour, np.full(shape, FAR, np.float32)
    )
    ramp = np.repeat([1.0, 0.0], 20).astype(np.float32)
    rasterise_colours(mesh, np.tile(ramp[:, None], (1, 3)), fade, np.full(shape, FAR, np.float32))
    alpha = np.minimum(2 * fade[..., 0], 1) * np.float32(closing)
    rows = slice(origin[1] - y0, origin[1] - y0 + height)
    columns = slice(origin[0] - x0, origin[0] - x0 + width)
    whole, within = np.zeros((*shape, 3), np.float32), np.zeros(shape, np.float32)
    whole[rows, columns], within[rows, columns] = image, cover
    below = alpha * (1 - within)
    total = within + below
    mixed = (whole * within[..., None] + colour * below[..., None]) / np.maximum(total, 1e-6)[..., None]
    confidence = np.full(shape, np.float32(_OWN))
    confidence[rows, columns] = certain
    return Patch((x0, y0), _opaque(mixed.astype(np.float32)), total, confidence=confidence)
