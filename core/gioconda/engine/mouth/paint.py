"""One frame's picture of the mouth's inside."""

from __future__ import annotations

import numpy as np

from ... import landmarks as lm
from ...arrays import Float, Float32
from ...imaging import resample
from ...pose import HeadPose
from ..anatomy import mouth_model
from ..kernels import FAR, VertexMesh, rasterise_colours, smoothstep
from ..patch import Patch, area, opening
from . import kernels, light
from .model import Mouth
from .shape import in_head, opened, triangle_layer

_LOWER_LIP, _CHIN = (14, 17, 87, 317), (152, 199, 200, 175)
_CHIN_SHARE = 0.8
_SKIN = 0.07  # radians
_SOFT_RIM = 0.008  # of the distance between the eyes' corners
_BLUR = 0.003
_LARGE = 200  # pixels: a wider opening is drawn with fewer samples a pixel
_RELIT = 0.7
_STAYS_BRIGHT = 0.95
_CHANGED = 0.003, 0.02  # head units: from such a motion of the lips on, over so much, an open mouth is drawn
_KEPT = 0.18  # head units: after so much motion of the lips nothing is left of what the portrait shows but teeth
_SHADOW = 0.6
_GAP_SHOWN = 0.02  # area: below, what is left between the lips is the dark line where they meet
_DARK = 0.008


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
    hole = opening(lips, *size, softness=_SOFT_RIM * apart)
    if hole is None:
        return None
    coverage = hole.coverage()
    image = _drawn(mouth, landmarks, target, displacement, pose, coverage, hole.origin, open_area, change)
    image = resample.gaussian_blur(image, max(0.4, _BLUR * apart))
    image *= 1 - np.float32(_SHADOW) * (1 - _contact_shadow(coverage, apart))
    shut = np.float32(1 - smoothstep(open_area / _GAP_SHOWN))
    image += shut * (mouth.lip_line.astype(np.float32) - image)
    cover = coverage * np.float32(shown)
    if mouth.is_open:
        return _with_rim(mouth, target, hole.origin, image, cover, shown, open_area, apart, size)
    return Patch(hole.origin, _opaque(image), cover)


def _shown(mouth: Mouth, open_area: float, change: float) -> float:
    """How much of the painted mouth there is: an open one is replaced as soon as it changes, a shut one as it opens."""
    if mouth.is_open:
        return float(smoothstep((change - _CHANGED[0]) / _CHANGED[1]))
    return float(smoothstep((open_area - 1.15 * mouth.open_area - 0.002) / 0.008))


def jaw_turn(displacement: Float) -> float:
    """How far the jaw opens against the portrait, radians, from chin and lower lip. displacement: head space."""
    reach = mouth_model().pivot[2] - 0.02
    chin, lip = displacement[list(_CHIN), 1].mean(), displacement[list(_LOWER_LIP), 1].mean()
    turn = float((_CHIN_SHARE * chin + (1 - _CHIN_SHARE) * lip) / reach)
    # the chin's skin goes along with the lips a little while the teeth stay together, as in a grin
    return turn if turn <= 0 else turn * float(1 - np.exp(-turn / _SKIN))


def _drawn(
    mouth: Mouth,
    landmarks: Float,
    target: Float,
    displacement: Float,
    pose: HeadPose,
    coverage: Float32,
    origin: tuple[int, int],
    open_area: float,
    change: float,
) -> Float32:
    """The model between the lips, (h, w, 3)."""
    model, loop = mouth_model(), list(lm.LIPS_INNER)
    jaw = max(mouth.jaw + jaw_turn(displacement), 0.0)
    vertices, normals = opened(mouth.vertices, jaw)
    head = in_head(vertices, mouth.affine)
    head[:, 0] += displacement[list(_CHIN), 0].mean() * model.jaw
    reaches = light.through_lips(head, normals, pose.to_head(target[loop]))
    if mouth.is_open:  # open as wide as in the portrait it is as light
        still = _STAYS_BRIGHT * min(1.0, open_area / mouth.open_area)
        reaches = np.maximum(reaches, still * mouth.rest_light)
    values = np.empty((len(head), 7), np.float32)
    values[:, :2] = mouth.place
    values[:, 2] = mouth.seen
    values[:, 3] = np.clip((reaches / np.maximum(mouth.rest_light, 0.03)) ** _RELIT, 0.25, 1.4)
    values[:, 4:] = mouth.colour * light.scattered(reaches, mouth.chroma) * light.shade_by_depth()[:, None]
    position = pose.to_picture(head)
    position[:, :2] -= origin
    whole = np.float32((1 - smoothstep(change / _KEPT)) if mouth.is_open else 0)
    surface = kernels.Surface(
        position.astype(np.float32), model.triangles, triangle_layer(), values, mouth.textures, whole
    )
    height, width = coverage.shape
    samples = 3 if width < _LARGE else 2
    nearest = np.empty((height * samples, width * samples), np.int32)
    kernels.find_nearest(surface.position, surface.triangles, samples, nearest, np.empty(nearest.shape, np.float32))
    image = np.empty((height, width, 3), np.float32)
    dark = (_DARK * mouth.colour[model.part == 2].mean(0)).astype(np.float32)
    kernels.draw(surface, coverage, samples, dark, nearest, image)
    return image


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
        return Patch(origin, _opaque(image), cover)
    inner, outer = target[list(lm.LIPS_INNER), :2], target[list(lm.LIPS_OUTER), :2]
    far = inner + mouth.rim[:, 3:] * (outer - inner)
    ring = np.concatenate([inner, far])
    height, width = cover.shape
    x0, y0 = (int(v) for v in np.clip(np.floor(np.minimum(ring.min(0), origin)), 0, size))
    end = np.maximum(ring.max(0), np.add(origin, (width, height)))
    x1, y1 = (int(v) for v in np.clip(np.ceil(end), 0, size))
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
    return Patch((x0, y0), _opaque(mixed.astype(np.float32)), total)
