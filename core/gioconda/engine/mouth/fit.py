"""Where the mouth's inside is in a portrait: hung from what no expression moves, then fitted to teeth that are seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ... import landmarks as lm
from ...arrays import Float, Float32, Int, Mask
from ...imaging import resample
from ...pose import HeadPose
from ..anatomy import LOWER_TEETH, UPPER_TEETH, mouth_model
from . import kernels, light
from .inside import Inside
from .shape import Placement, in_head, opened, placed, triangle_layer

# What no expression moves; of the lips none: a smile would drag the arch along.
_RIGID = (*sorted({*lm.STABLE, 2, 98, 327, 50, 280, 4}),)
_HIDDEN = 0.01  # head units behind a lip
_PIXELS = 165.0  # between the eyes' corners while fitting
_LOOKS = np.array([0.8, 0.8, 0.16, 0.16, 0.2, 0.06])  # brightness of the parts
_EDGE = np.array([0.0, 0.816, 0.02])  # the upper incisors' edge, template space


def rigid_placement(head: Float, template: Float) -> Placement:
    """The average place in the skull: from what no expression moves, and as far below the nose as usual."""
    index = list(_RIGID)
    flat = np.concatenate([template[index], np.ones((len(index), 1))], axis=1)
    prior = np.concatenate([np.eye(3), np.zeros((1, 3))])
    pull = 0.3 * np.diag([1.0, 1.0, 3.0, 0.3])  # keeps a few points from shearing the teeth
    affine, *_ = np.linalg.lstsq(np.concatenate([flat, pull]), np.concatenate([head[index], pull @ prior]), rcond=None)
    affine[3, 1] += head[2, 1] - in_head(template[2], affine)[1]
    return Placement(affine)


def behind_lips(placement: Placement, head: Float, *, display: float) -> Placement:
    """For a mouth that shows no teeth: they end so far (head units) below the upper lip."""
    edge = in_head(_EDGE, placement.affine)[1]
    return replace(placement, down=float(np.clip(head[lm.LIP_TOP, 1] + display - edge, -0.12, 0.12)))


def hidden_by_lips(placement: Placement, head: Float) -> Placement:
    """For an open mouth that shows no teeth: both rows end behind the lips."""
    gap = float(head[lm.LIP_BOTTOM, 1] - head[lm.LIP_TOP, 1])
    hidden = replace(behind_lips(placement, head, display=-_HIDDEN), jaw=max(gap - 0.03, 0.0))
    model = mouth_model()
    front = (model.part == LOWER_TEETH) & (np.abs(model.vertices[:, 0]) < 0.15)
    ends = in_head(opened(placed(hidden), hidden.jaw)[0][front], hidden.affine)[:, 1].min()
    return replace(hidden, lower=float(np.clip(head[lm.LIP_BOTTOM, 1] + _HIDDEN - ends, 0, 0.1)))


def fit_to_teeth(
    start: Placement, colour: Float32, landmarks: Float, head: Float, pose: HeadPose, lips: Float
) -> Placement:
    """The placement that shows light where the portrait has enamel; `start` where too little is seen.

    Both arches are drawn into the opening: a grid over height and jaw, then steps along each parameter. What is
    compared is brightness, as it is and without its slow changes (shaded rows), by normalised correlation, and the
    area of the teeth with the area that is bright and of enamel's hue; pulled towards the usual.

    lips: (3,) the lips' colour.
    """
    sight = Inside.of(colour, landmarks, _PIXELS)
    apart = sight.apart
    inside = resample.distance_inside(sight.hole) > max(1.0, 0.008 * apart)
    if inside.sum() < 40:
        return start
    look = np.sqrt(np.clip(sight.crop[..., 1:3].min(2), 0, None))
    mask = sight.hole.astype(np.float32)
    sigma = 0.05 * apart
    weight = np.maximum(resample.gaussian_blur(mask, sigma), 1e-3)

    def views(picture: Float32) -> list[Float]:
        log = np.log(picture + 0.08)
        log = log - resample.gaussian_blur((log * mask).astype(np.float32), sigma) / weight
        centred = [(part[inside] - part[inside].mean()).astype(np.float64) for part in (picture, log)]
        return [part / max(float(np.linalg.norm(part)), 1e-6) for part in centred]

    seen = views((look / max(float(np.percentile(look[inside], 97)), 1e-6)).astype(np.float32))
    enamel = _enamel(sight.crop, look, inside, lips)
    draw = _drawing(sight, head, pose)
    usual = start.down

    def score(values: tuple[float, ...]) -> float:
        trial = Placement(start.affine, *values)
        image, layer = draw(trial)
        tooth = (layer >= 0) & (layer < 2)
        bright = np.clip(image * 6, 0, 1)[inside]
        agree = 1 - np.abs(tooth[inside] * bright - enamel).mean()
        upper, lower = (((layer == k)[inside] * bright).sum() for k in (UPPER_TEETH, LOWER_TEETH))
        alone = 0.3 * max(lower / max(upper + lower, 1) - 0.6, 0) / 0.4  # a single row that is seen is the upper one
        drawn = views(np.sqrt(resample.gaussian_blur(image, 0.8)))
        down, aside, wide, tall, lower_by, jaw = values
        unusual = (
            0.10 * ((down - usual) / (0.09 if down > usual else 0.045)) ** 2
            + 0.03 * (((tall - 1) / 0.12) ** 2 + ((wide - 1) / 0.08) ** 2 + (aside / 0.02) ** 2)
            + 0.05 * ((lower_by / 0.02) ** 2 + (jaw / 0.15) ** 2)
        )
        return float(0.3 * (drawn[0] @ seen[0] + drawn[1] @ seen[1]) + 0.6 * agree - alone - unusual)

    gap = head[lm.LIP_BOTTOM, 1] - head[lm.LIP_TOP, 1]
    best = _climb(score, usual, max(1.15 * gap, 0.02))
    return Placement(start.affine, *best)


def _climb(score: Callable[[tuple[float, ...]], float], usual: float, most: float) -> tuple[float, ...]:
    """The best (down, aside, wide, tall, lower, jaw); jaw from 0 to `most` in the grid."""
    grid = [
        (usual + down, 0.0, 1.0, 1.0, 0.0, jaw)
        for down in np.linspace(-0.07, 0.12, 13)
        for jaw in np.linspace(0, most, 8)
    ]
    scores = [score(values) for values in grid]
    best, highest = grid[int(np.argmax(scores))], max(scores)
    steps = np.array([0.012, 0.012, 0.05, 0.08, 0.012, most / 12])
    for _ in range(5):
        for k in (0, 5, 2, 1, 4, 3):
            for sign in (1, -1):
                trial = list(best)
                trial[k] += sign * steps[k]
                trial[5] = max(trial[5], 0.0)
                value = score(tuple(trial))
                if value > highest:
                    best, highest = tuple(trial), value
        steps *= 0.6
    return tuple(float(v) for v in best)


def _enamel(crop: Float32, look: Float32, inside: Mask, lips: Float) -> Float:
    """How likely each pixel of `inside` is enamel, 0..1: bright, nearer in hue to the brightest than to the lips."""
    top = max(float(np.percentile(look[inside], 98)), 1e-6)
    red = crop[..., 0] / np.maximum(crop.sum(2), 1e-6)
    red_lip = float(lips[0] / max(lips.sum(), 1e-6))
    red_tooth = float(np.percentile(red[inside & (look > 0.6 * top)], 15))
    likely = np.clip((look / top - 0.3) / 0.3, 0, 1)
    if red_lip - red_tooth > 0.012:
        likely = likely * np.clip((red_lip - red) / max(0.5 * (red_lip - red_tooth), 0.008), 0, 1)
    return np.asarray(likely[inside], np.float64)


def _drawing(sight: Inside, head: Float, pose: HeadPose) -> Callable[[Placement], tuple[Float32, Int]]:
    """A function that draws the lit model, (h, w), and which layer is seen where, (h, w), -1 for none."""
    model = mouth_model()
    height, width = sight.hole.shape
    lips = head[list(lm.LIPS_INNER)]
    shade = model.light * _LOOKS[model.part]
    values = np.zeros((len(model.vertices), 7), np.float32)
    none = np.zeros((3, 8, 8, 4), np.float32)
    dark = np.zeros(3, np.float32)
    everywhere = np.ones((height, width), np.float32)
    layers = triangle_layer()

    def draw(trial: Placement) -> tuple[Float32, Int]:
        vertices, normals = opened(placed(trial), trial.jaw)
        there = in_head(vertices, trial.affine)
        values[:, 4] = light.through_lips(there, normals, lips) * shade
        position = sight.placed(vertices, trial.affine, pose)
        surface = kernels.Surface(
            position.astype(np.float32), model.triangles, layers, values, none, np.float32(0), np.float32(0)
        )
        image, own = np.empty((height, width, 3), np.float32), np.empty((height, width, 4), np.float32)
        nearest, depth = np.empty((height, width), np.int32), np.empty((height, width), np.float32)
        kernels.find_nearest(surface.position, surface.triangles, 1, nearest, depth)
        kernels.draw(surface, everywhere, 1, dark, nearest, image, own)
        return image[..., 0], np.where(nearest < 0, -1, layers[nearest])

    return draw
