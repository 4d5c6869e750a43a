"""A portrait's mouth made ready, once."""

from __future__ import annotations

import numpy as np

from ... import landmarks as lm
from ...arrays import Float, Float32, Mask
from ...imaging import resample
from ...imaging.srgb import LUMINANCE
from ...pose import HeadPose
from ..anatomy import CAVITY, UPPER_TEETH, mouth_model
from ..kernels import PAD
from ..patch import area
from . import light
from .colours import flat_colours, model_colours, with_own_teeth, with_own_tissue
from .fit import behind_lips, fit_to_teeth, hidden_by_lips, rigid_placement
from .inside import Inside
from .model import Mouth
from .shape import in_head, is_tooth, opened, placed
from .texture import Rows, edge_shift, find_rows, textures_of

OPEN = 0.012  # a portrait's mouth is open from that area between the lips on, see Mouth.open_area
_PIXELS = 360.0  # between the eyes' corners: teeth are cut out of a copy that is no larger
_FRONT = 0.32  # head units: teeth behind it are seen too flat to take anything from them
# how far upper teeth reach below a resting lip: 2.5 mm (Vig and Brundo 1978: 2–3 mm, less with age)
_DISPLAY = 0.028
_BESIDE_TEETH = 0.015  # of the distance between the eyes' corners: so near to a tooth no tongue or gum is surely seen
_LIP_LINE = 0.30  # the line where lips meet, of their colour


def find_mouth(
    colour: Float32,
    landmarks: Float,
    head: Float,
    pose: HeadPose,
    template: Float,
    teeth: bool = True,
    flat: float = 0.0,
) -> Mouth:
    """The portrait's mouth.

    Args:
        colour: (H, W, 4) linear.
        landmarks: (478, 3) pixels; head: the same in head space; pose: what lies between.
        teeth: human ones are behind shut lips; off: they are as dark as the cavity.
        flat: 0..1, see `Mouth`.
    """
    lips = head[list(lm.LIPS_INNER)]
    open_area = area(landmarks[list(lm.LIPS_INNER), :2]) / lm.interocular(landmarks) ** 2
    skin, lip = light.skin_colour(colour, landmarks), light.lip_colour(colour, landmarks)
    colours = light.colourfulness(colour, landmarks)
    chroma = colours * float(np.clip((skin.max() - skin.min()) / max(skin.max(), 1e-6) / 0.45, 0, 1))
    exposure = light.exposure_of(colour, skin, hue=1 - 0.65 * colours)
    eyes = light.white_of_eyes(colour, landmarks)
    white = light.exposure_of(colour, skin, hue=1 - (1 - light.hue_of_white(eyes, skin)) * colours)
    base = model_colours(exposure, white, chroma, lip)
    if flat > 0:
        base += flat * (
            flat_colours(white * light.reflectance(chroma)[UPPER_TEETH] if eyes is None else eyes, lip) - base
        )

    inside = Inside.of(colour, landmarks, _PIXELS)
    placement = start = rigid_placement(head, template)
    is_open = open_area > OPEN and inside.hole.sum() > 40
    if not teeth and not is_open:
        part = mouth_model().part
        base[is_tooth()] = base[part == CAVITY][0]
    rows = None
    if is_open:
        placement = fit_to_teeth(start, colour, landmarks, head, pose, lip)
        vertices = placed(placement)
        position = inside.placed(opened(vertices, placement.jaw)[0], placement.affine, pose)
        rows = find_rows(inside, position, skin, lip)
    if rows is not None:
        per_pixel = lm.interocular(landmarks) / inside.apart / (pose.scale * max(abs(placement.affine[1, 1]), 0.3))
        vertices[:, 1] += edge_shift(inside, rows, position, per_pixel)
    else:
        placement = hidden_by_lips(start, head) if is_open else behind_lips(start, head, display=_DISPLAY)
        vertices = placed(placement)

    posed, normals = opened(vertices, placement.jaw)
    rest_light = light.through_lips(in_head(posed, placement.affine), normals, lips)
    position = inside.placed(posed, placement.affine, pose)
    seen = _seen(inside, position, normals, pose, rows) if is_open else np.zeros(len(posed))
    textures = textures_of(inside, rows) if is_open else np.zeros((3, 1 + 2 * PAD, 1 + 2 * PAD, 4), np.float32)
    if is_open:
        brightest = 1.3 * float((exposure * light.reflectance(chroma)[UPPER_TEETH]) @ LUMINANCE)
        shade = np.clip(light.scattered(rest_light, chroma), 0.1, None) * light.shade_by_depth()[:, None]
        shade += flat * (1 - shade)
        base = _with_own_colours(base, inside, textures, position, seen, shade, brightest if rows else None)
    return Mouth(
        affine=placement.affine,
        vertices=vertices,
        jaw=placement.jaw,
        open_area=open_area,
        is_open=is_open,
        shows_teeth=rows is not None,
        flat=flat,
        softness=light.softness(colour, landmarks),
        chroma=chroma,
        colour=base,
        rest_light=rest_light,
        place=position[:, :2].copy(),
        seen=seen,
        textures=textures,
        lip_line=_LIP_LINE * lip,
        rim=_rim(colour, landmarks),
    )


def _seen(inside: Inside, position: Float, normals: Float, pose: HeadPose, rows: Rows | None) -> Float:
    """How well each vertex is seen in the portrait, 0..1: nearest, within the lips, not too far back, not edge-on; what
    is no tooth: not where the portrait shows teeth."""
    model = mouth_model()
    _, depth = inside.layers(position)
    height, width = inside.hole.shape
    x, y = np.floor(position[:, 0]).astype(int), np.floor(position[:, 1]).astype(int)
    within = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    nearest = within & (position[:, 2] < depth[y, x] + 0.03 * pose.scale)
    facing = np.clip((-(normals @ pose.rotation.T)[:, 2] - 0.05) / 0.25, 0, 1)
    front = ~is_tooth() | (model.vertices[:, 2] < _FRONT)
    free = np.ones(len(position))
    if rows is not None:
        reach = _BESIDE_TEETH * inside.apart
        free -= resample.dilate(rows.teeth.max(0), reach)[y, x]
    return np.asarray(np.where(nearest & front, np.where(is_tooth(), facing, np.clip(free, 0, 1)), 0.0))


def _with_own_colours(
    base: Float, inside: Inside, textures: Float32, position: Float, seen: Float, shade: Float, brightest: float | None
) -> Float:
    """The model's colours (V, 3), those of what the portrait shows its own: see `colours`.

    shade: (V, 3), the light that reaches each vertex; brightest: luminance of the brightest enamel, None: none is seen.
    """
    model, teeth = mouth_model(), is_tooth()
    layer = np.minimum(model.part, 2)  # the last texture is all of it
    height, width = inside.hole.shape
    x = np.clip(np.floor(position[:, 0]).astype(int), 0, width - 1)
    y = np.clip(np.floor(position[:, 1]).astype(int), 0, height - 1)
    sample = textures[layer, y + PAD, x + PAD]
    own = sample[:, :3] / np.maximum(shade, 0.02)
    sure: Mask = (seen > 0.4) & (sample[:, 3] > 0.6)
    if brightest is not None and (sure & teeth).sum() >= 8:
        base = with_own_teeth(base, own, sure & teeth, brightest)
    return with_own_tissue(base, own, sure & ~teeth)


def _rim(colour: Float32, landmarks: Float) -> Float:
    """`Mouth.rim`: the lips' own colour beside the opening, and how far out it shows something else."""
    inner, outer = landmarks[list(lm.LIPS_INNER), :2], landmarks[list(lm.LIPS_OUTER), :2]
    own = np.mean([resample.pixels_at(colour, inner + k * (outer - inner))[:, :3] for k in (0.35, 0.45, 0.55)], axis=0)
    own[[0, 10]] = 0.8 * own[[1, 9]]  # in the corners
    own = 0.5 * own + 0.25 * (np.roll(own, 1, axis=0) + np.roll(own, -1, axis=0))
    return np.column_stack([own, np.full(len(own), 0.42)])
